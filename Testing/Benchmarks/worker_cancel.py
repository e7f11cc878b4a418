"""Does cancelling leave a process, a temporary folder or a half-written file behind, whenever it comes?

    python Testing/Benchmarks/worker_cancel.py [--moments 50] [--seed 1]

Segments the embedded sample in the worker, in turn as the panel does and as a batch with a report does (whose pictures
are drawn by a grandchild), and kills the worker at random moments of each. The processes are looked for in /proc: all
of the worker's session, and all that were below it when it was killed. Stores results/worker_cancel.json. Linux only.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from machine import describe_machine

from HeartSeg3DLib import resources
from HeartSeg3DLib.api.demonstration import SAMPLE
from HeartSeg3DLib.scene.runner import ChildProcess, worker_command
from HeartSeg3DLib.scene.workspace import Workspace
from HeartSeg3DLib.worker.scan_folder import RawFrame, ScanDescription

RESULTS = Path(__file__).parent / "results"
LIMIT_SECONDS = 2.0
LONGEST_SECONDS = 300.0
KINDS = ("segment", "segment_file")


def put_sample(workspace: Workspace) -> None:
    """Hands the sample over as the panel does."""
    image = sitk.ReadImage(str(resources.path(SAMPLE)))
    voxels = sitk.GetArrayViewFromImage(image)
    workspace.write_voxels("frame_000.raw", voxels)
    ScanDescription("sample", image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection(),
                    np.dtype(voxels.dtype).name, "auto", True, (RawFrame("frame_000.raw"),)).write(workspace.folder)


def request_of(kind: str, workspace: Workspace, output: Path) -> dict[str, Any]:
    """What the panel or a batch asks for."""
    request: dict[str, Any] = {"job": 1, "action": kind, "folder": str(workspace.folder), "device": "cpu"}
    if kind == "segment":
        put_sample(workspace)
        return {**request, "surfaces": True}
    return {**request, "input": str(resources.path(SAMPLE)), "output": str(output / "heart.nii.gz"),
            "report": str(output / "reports")}


def processes() -> dict[int, tuple[int, int]]:
    """Parent and session of every process that runs."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, parent, _, session = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:4]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if state != "Z":
                found[int(folder.name)] = (int(parent), int(session))
    return found


def tree_of(head: int) -> set[int]:
    """The process and all below it."""
    parents = {process: parent for process, (parent, _) in processes().items()}
    tree, grown = {head} & parents.keys(), True
    while grown:
        more = {process for process, parent in parents.items() if parent in tree} - tree
        grown, tree = bool(more), tree | more
    return tree


def alive(tree: set[int], session: int) -> set[int]:
    """Those of a tree that run, and any other of its session."""
    return {process for process, (_, of_session) in processes().items() if process in tree or of_session == session}


def half_written(output: Path) -> list[str]:
    """Files in the user's folder that are not whole."""
    return [str(path.relative_to(output)) for path in output.rglob("*") if ".partial" in path.name]


def run(kind: str, moment: float) -> dict[str, Any]:
    """Starts a worker, kills it at a moment (in seconds; it may have ended before) and looks what is left."""
    with tempfile.TemporaryDirectory() as name:
        output = Path(name)
        workspace = Workspace()
        began = time.monotonic()
        child = ChildProcess(*worker_command())
        child.send(request_of(kind, workspace, output))
        stage, ended = "Starting Python", ""
        while time.monotonic() - began < moment and not ended:
            for event in child.poll():
                stage = event.get("stage", stage)
                ended = event["event"] if event["event"] in ("result", "error") else ended
            time.sleep(0.001)
        lasted = time.monotonic() - began
        tree = tree_of(child.pid)
        killed = time.monotonic()
        child.kill()
        returned = time.monotonic() - killed
        while (left := alive(tree, child.pid)) and time.monotonic() - killed < LIMIT_SECONDS:
            time.sleep(0.001)
        dead = time.monotonic() - killed
        workspace.close()
        return {"kind": kind, "at_s": round(lasted, 3), "stage": stage, "ended": ended, "processes": len(tree),
                "alive_after_2_s": len(left), "gone_after_s": round(dead, 3), "kill_took_s": round(returned, 3),
                "folder_left": workspace.folder.exists(), "half_written": half_written(output)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    whole = {}
    for kind in KINDS:
        done = run(kind, LONGEST_SECONDS)
        assert done["ended"] == "result", done
        whole[kind] = done["at_s"]
    rng = np.random.default_rng(args.seed)
    moments: list[dict[str, Any]] = []
    while len(moments) < args.moments:
        kind = KINDS[len(moments) % len(KINDS)]
        one = run(kind, float(rng.uniform(0.0, whole[kind])))
        if not one["ended"]:  # a run that was faster than the first leaves nothing to cancel
            moments.append(one)
            print(f"{len(moments)}: {kind} at {one['at_s']} s ({one['stage']}): gone after {one['gone_after_s']} s",
                  flush=True)
    bad = [one for one in moments if one["alive_after_2_s"] or one["folder_left"] or one["half_written"]]
    result = {
        "machine": describe_machine(), "seed": args.seed, "whole_run_s": whole, "moments": len(moments),
        "left_something": len(bad), "with_grandchildren": sum(one["processes"] > 1 for one in moments),
        "longest_until_gone_s": max(one["gone_after_s"] for one in moments),
        "longest_kill_s": max(one["kill_took_s"] for one in moments),
        "stages": Counter(one["stage"] for one in moments).most_common(), "each": moments,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "worker_cancel.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key not in ("each", "machine")}, indent=1))
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
