"""How long is Slicer's window blocked while a large scan is segmented?

    python Testing/Benchmarks/gui_thread.py

The sample on a grid of 512 x 512 x 300 is segmented by a real child process, with surfaces, while the event loop of Qt
runs a timer every 2 ms: the longest time between two beats is the longest time that a click had to wait. Times of
single steps are listed by state. What Slicer draws is not part of it. Stores results/gui_thread.json.
"""
# ruff: noqa: E402 - the runtime starts before anything imports slicer

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from machine import describe_machine, load

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import SlicerRuntime

SlicerRuntime.start()

import qt
import slicer

from HeartSeg3DLib import resources
from HeartSeg3DLib.scene import original, volume_table
from HeartSeg3DLib.scene.logic import HeartSegLogic
from HeartSeg3DLib.scene.sample_data import FILE
from HeartSeg3DLib.scene.segmentation_run import FINISHED

RESULTS = Path(__file__).parent / "results"
SIZE = (512, 512, 300)
BEAT_MS, STEP_MS = 2, 50
PATIENCE_SECONDS = 600


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
    """Beats in the event loop and notes the longest pause, by what the run was doing."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.gaps: dict[str, float] = {}
        self.steps: dict[str, float] = {}
        self._last = time.perf_counter()
        self.beat_timer = self._timer(BEAT_MS, self._beat)
        self.step_timer = self._timer(STEP_MS, self._step)

    def _timer(self, interval: int, work: Any) -> Any:
        timer = qt.QTimer()
        timer.setInterval(interval)
        timer.connect("timeout()", work)
        timer.start()
        return timer

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps[self.run.state] = max(self.gaps.get(self.run.state, 0.0), now - self._last)
        self._last = now

    def _step(self) -> None:
        state, before = self.run.state, time.perf_counter()
        self.run.step()
        self.steps[state] = max(self.steps.get(state, 0.0), time.perf_counter() - before)


def milliseconds(seconds: dict[str, float]) -> dict[str, float]:
    return {state: round(1000 * value, 1) for state, value in seconds.items()}


def timed(work: Any) -> float:
    before = time.perf_counter()
    work()
    return round(1000 * (time.perf_counter() - before), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="gui_thread.json")
    args = parser.parse_args()
    logic = HeartSegLogic()
    scan = large_scan()
    before = load()
    started = time.perf_counter()
    run = logic.start_segmentation(scan, device="cpu")
    start_ms = round(1000 * (time.perf_counter() - started), 1)
    pulse = Pulse(run)
    SlicerRuntime.process_events(PATIENCE_SECONDS, lambda: run.state in FINISHED)
    if run.state != "done":
        raise SystemExit(run.report_text())
    segmentation = run.segmentation
    result = {
        "machine": describe_machine(), "load_before": before, "size": SIZE, "seconds": round(run.seconds, 1),
        "longest_wait_ms": milliseconds(pulse.gaps), "longest_step_ms": milliseconds(pulse.steps), "start_ms": start_ms,
        "after_the_run_ms": {"volumes of all structures": timed(lambda: volume_table.volumes(segmentation)),
                             "which structures were edited": timed(lambda: original.edited(segmentation))},
        "report": run.report_text().splitlines(),
    }
    print(json.dumps(result, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / args.out).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
