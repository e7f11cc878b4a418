"""Does a job on a real SLURM survive being interrupted, and end with the same weights?

    python Testing/Benchmarks/slurm_requeue.py [--steps 60]

Starts SLURM on this machine (Debian: apt-get install slurm-wlm munge; as root, in a temporary folder, stopped at the
end) and hands it a job of two processes (gloo) with `heartseg train finetune --slurm`, three times: undisturbed; warned
in the middle by the signal that SLURM sends before a job's time is over, after which it saves and queues itself again;
and put back into the queue in the middle by `scontrol requeue`. Compares the final checkpoints. Nothing is installed:
where SLURM is missing, the result says so. Stores results/slurm_requeue.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from machine import describe_machine, load
from slurm_cluster import ask, missing_programs, slurm, state_of_job

from HeartSegTrainingLib.jobs.job_folder import JobFolder

RESULT = Path(__file__).parent / "results" / "slurm_requeue.json"
_PATIENCE_S = 900.0
_JOB = """\
window = 32
batch = 4
part = 1
steps = {steps}
warmup = 5
workers = 1
threads = 1
device = "cpu"
precision = "fp32"
log_every = 5
checkpoint_minutes = 30
[network]
name = "nano"
features = [8, 16, 24]
blocks = [1, 1, 1]
vil_pairs = [0, 0, 1]
[data]
scenes = "scenes"
count = 1
spacing = 4.0
"""


def warn(environment: dict[str, str], number: str) -> None:
    """Send what SLURM sends before a job's time is over."""
    ask(environment, "scancel", "--signal=USR2", number)


def requeue(environment: dict[str, str], number: str) -> None:
    """Put a running job back into the queue."""
    ask(environment, "scontrol", "requeue", number)


def run(environment: dict[str, str], folder: Path, name: str, steps: int,
        interrupt: Callable[[dict[str, str], str], None] | None) -> dict[str, object]:
    """Submit the job, interrupt it in the middle, and wait for its end."""
    command = [sys.executable, "-m", "HeartSegTrainingLib.cli", "train", "finetune", "job.toml", "-o", name, "--slurm",
               "--partition", "main", "--tasks-per-node", "2", "--timeout-min", "60", "--json"]
    said = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if said.returncode:
        raise RuntimeError(said.stderr)
    number = json.loads(said.stdout)["cluster_job"]
    job, begin = JobFolder(folder / name), time.monotonic()
    interrupted_at = None
    end = begin + _PATIENCE_S
    while time.monotonic() < end:
        state = job.read_state() or {}
        if interrupt is not None and interrupted_at is None and state.get("step", 0) >= steps // 3:
            interrupted_at = state["step"]
            interrupt(environment, number)
        if state.get("status") == "finished":
            break
        if state_of_job(environment, number) == "PENDING" and interrupted_at is not None:
            # SLURM lets a job wait for two minutes after it was put back; nothing is to be learned from that.
            subprocess.run(["scontrol", "update", f"JobId={number}", "StartTime=now"], env=environment, check=False)
        time.sleep(0.5)
    state = job.read_state() or {}
    newest = sorted(job.checkpoints.glob("step_*.json"))[-1]
    log = (job.path / "log.txt").read_text("utf-8")
    return {"cluster_job": number, "status": state.get("status"), "step": state.get("step"),
            "processes": state.get("processes"), "interrupted_at_step": interrupted_at,
            "sessions": log.count("] Training") + log.count(" Training "), "resumed": log.count("Resumed at step"),
            "sha256": json.loads(newest.read_text("utf-8"))["sha256"], "seconds": round(time.monotonic() - begin, 1),
            "log": [line.split(" ", 2)[2] for line in log.splitlines() if line[:2] == "20"]}


def measured(steps: int) -> dict[str, object]:
    """All three runs, or why there are none."""
    if missing := missing_programs():
        return {"skipped": f"{', '.join(missing)} missing; on Debian: apt-get install slurm-wlm munge"}
    if os.geteuid() != 0:
        return {"skipped": "SLURM's programs have to be started by root here"}
    libraries = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory(prefix="heartseg_slurm_") as temporary:
        folder = Path(temporary)
        (folder / "job.toml").write_text(_JOB.format(steps=steps))
        with slurm(folder / "slurm") as environment:
            environment |= {"HEARTSEG_DATA": str(folder / "data"), "OMP_NUM_THREADS": "1",
                            "PYTHONPATH": os.pathsep.join(str(libraries / name) for name in ("HeartSeg3D",
                                                                                             "HeartSegTraining"))}
            version = ask(environment, "sinfo", "--version")
            runs = {name: run(environment, folder, name, steps, how) for name, how in (
                ("undisturbed", None), ("warned", warn), ("requeued", requeue))}
    same = len({found["sha256"] for found in runs.values()}) == 1
    return {"slurm": version, "steps": steps, "runs": runs, "same_weights": same,
            "all_finished": all(found["status"] == "finished" for found in runs.values())}


def main() -> None:
    """Run it as a program."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    begun = describe_machine()
    found = measured(asked.steps)
    asked.out.write_text(json.dumps({"machine": begun, "load_after": load(), **found}, indent=1) + "\n", "utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
