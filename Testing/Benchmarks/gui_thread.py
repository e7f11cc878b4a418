"""How long is Slicer's window blocked while a large scan is segmented, and while the result is meshed?

    python Testing/Benchmarks/gui_thread.py [--only mesh]

The sample on a grid of 512 x 512 x 300 is segmented by a real child process, with surfaces, while the event loop of Qt
runs a timer every 2 ms: the longest time between two beats is the longest time that a click had to wait. Times of
single steps are listed by state, waits of more than 100 ms one by one. Measured with an event loop that keeps Python's
lock, as Slicer's does, and with that of PySide, which lets threads work. The mesh is one of surfaces, whose models are
shown at its end. What Slicer draws is not part of it. Stores results/gui_thread.json and gui_thread_mesh.json.
"""
# ruff: noqa: E402 - the runtime starts before anything imports slicer

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from locked_events import process_events_locked
from machine import describe_machine, load

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import SlicerRuntime

SlicerRuntime.start()

import qt
import slicer

from HeartSeg3DLib import resources
from HeartSeg3DLib.panel.pump import Pump
from HeartSeg3DLib.scene import original, volume_table
from HeartSeg3DLib.scene.logic import HeartSegLogic
from HeartSeg3DLib.scene.mesh_run import MeshRun
from HeartSeg3DLib.scene.mesh_settings import MeshSettings
from HeartSeg3DLib.scene.sample_data import FILE
from HeartSeg3DLib.scene.segmentation_run import FINISHED

RESULTS = Path(__file__).parent / "results"
SIZE = (512, 512, 300)
BEAT_MS = 2
AIM_MS = 100.0
PATIENCE_SECONDS = 600
MESH_EDGE_MM = 2.0
LOOPS = {"slicer": process_events_locked, "pyside": SlicerRuntime.process_events}
"""Event loops: one that keeps Python's lock while it waits, as Slicer's, and that of PySide."""


def large_scan() -> Any:
    """The sample on a fine grid, as a volume of the scene."""
    image = sitk.ReadImage(str(resources.path(FILE)))
    extent = np.multiply(image.GetSize(), image.GetSpacing())
    spacing = [float(length / count) for length, count in zip(extent, SIZE, strict=True)]
    fine = sitk.Resample(image, SIZE, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing,
                         image.GetDirection(), -1024, sitk.sitkInt16)
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([-1, -1, 1]) @ np.reshape(fine.GetDirection(), (3, 3)) * spacing
    matrix[:3, 3] = np.multiply([-1, -1, 1], fine.GetOrigin())
    return slicer.util.addVolumeFromArray(sitk.GetArrayFromImage(fine), slicer.util.vtkMatrixFromArray(matrix), "large")


class Pulse:
    """Beats in the event loop and notes the longest pauses, by what goes on at their end."""

    def __init__(self, state: Callable[[], str]) -> None:
        self._state = state
        self._longest: dict[str, float] = {}
        self._over: list[dict[str, Any]] = []
        self._started = self._last = time.perf_counter()
        self._timer = qt.QTimer()
        self._timer.setInterval(BEAT_MS)
        self._timer.connect("timeout()", self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now, state = time.perf_counter(), self._state()
        pause = 1000 * (now - self._last)
        self._longest[state] = max(self._longest.get(state, 0.0), pause)
        if pause > AIM_MS:
            self._over.append({"ms": round(pause, 1), "state": state, "at_s": round(now - self._started, 2)})
        self._last = now

    def stop(self) -> dict[str, Any]:
        """Return the longest pauses in ms and every one that was too long."""
        self._timer.stop()
        return {"longest_wait_ms": {state: round(pause, 1) for state, pause in self._longest.items()},
                "over_100_ms": self._over}


def milliseconds(seconds: dict[str, float]) -> dict[str, float]:
    return {state: round(1000 * value, 1) for state, value in seconds.items()}


def timed(work: Any) -> float:
    before = time.perf_counter()
    work()
    return round(1000 * (time.perf_counter() - before), 1)


def measured(scan: Any, events: Callable[..., bool]) -> dict[str, Any]:
    """Segment once under an event loop."""
    before, started = load(), time.perf_counter()
    run = HeartSegLogic().start_segmentation(scan, device="cpu")
    start_ms = round(1000 * (time.perf_counter() - started), 1)
    steps: dict[str, float] = {}

    def step() -> bool:
        state, began = run.state, time.perf_counter()
        run.step()
        steps[state] = max(steps.get(state, 0.0), time.perf_counter() - began)
        return run.state in FINISHED

    parent = qt.QObject()
    pulse = Pulse(lambda: str(run.state))
    Pump(parent).start(step)
    events(PATIENCE_SECONDS, lambda: run.state in FINISHED)
    if run.state != "done":
        raise SystemExit(run.report_text())
    segmentation = run.segmentation
    waits = pulse.stop()
    told = timed(lambda: volume_table.volumes(segmentation))
    labelmap = segmentation.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    labelmap.Modified()
    result = {
        "load_before": before, "seconds": round(run.seconds, 1), **waits, "longest_step_ms": milliseconds(steps),
        "start_ms": start_ms,
        "after_the_run_ms": {"volumes as the child told them": told,
                             "volumes counted after an edit": timed(lambda: volume_table.volumes(segmentation)),
                             "which structures were edited": timed(lambda: original.edited(segmentation))},
        "report": run.report_text().splitlines(),
    }
    run.wait_closed()
    slicer.mrmlScene.RemoveNode(segmentation)
    return result


def meshed(segmentation: Any, events: Callable[..., bool]) -> dict[str, Any]:
    """Mesh a segmentation once under an event loop, whatever its check says."""
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        run = MeshRun(segmentation, Path(folder), MeshSettings(edge_mm=MESH_EDGE_MM, accept_failed=True))
        start_ms = timed(run.start)
        steps: dict[str, float] = {}

        def step() -> bool:
            stage, began = run.stage, time.perf_counter()
            run.step()
            steps[stage] = max(steps.get(stage, 0.0), time.perf_counter() - began)
            return run.finished

        parent = qt.QObject()
        pulse = Pulse(lambda: run.stage)
        Pump(parent).start(step)
        events(PATIENCE_SECONDS, lambda: run.finished)
        run.wait_closed()
    if run.mesh is None:
        raise SystemExit(run.report_text())
    return {"load_before": before, "seconds": round(run.mesh.seconds, 1), **pulse.stop(),
            "longest_step_ms": milliseconds(steps), "start_ms": start_ms, "mesh": run.mesh.sentence}


def store(name: str, facts: dict[str, Any]) -> None:
    result = {"machine": describe_machine(), "niceness": os.nice(0), "size": SIZE, **facts}
    print(json.dumps(result, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(json.dumps(result, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("segment", "mesh"))
    only = parser.parse_args().only
    scan = large_scan()
    if only != "mesh":
        store("gui_thread.json", {name: measured(scan, events) for name, events in LOOPS.items()})
    if only != "segment":
        segmentation = HeartSegLogic().segment(scan, device="cpu")
        store("gui_thread_mesh.json", {name: meshed(segmentation, events) for name, events in LOOPS.items()})


if __name__ == "__main__":
    main()
