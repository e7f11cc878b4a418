"""How long after a click on "Segment heart" does the heart of the sample scan stand in the 3D view?

    python Testing/Benchmarks/click_to_surfaces.py [--runs 3]

The module's own panel in the test runtime, a real click, a real child process. It ends when the 3D view has been drawn
with the closed surfaces of all seven structures, by Slicer's displayable managers and without a screen. Every run is
listed, the first one, too. A timer of 2 ms in the event loop tells how long the panel kept everything else waiting; the
same is measured with a scan of 512 x 512 x 300. All of it with an event loop that keeps Python's lock, as Slicer's
does, and with that of PySide. Stores results/click_to_surfaces.json.
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

from gui_thread import AIM_MS, LOOPS, Pulse, large_scan  # starts the runtime
from machine import describe_machine, load

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "HeartSeg3D"))

import slicer

import SlicerRuntime
from HeartSeg3DLib.anatomy import WHOLE_HEART
from HeartSeg3DLib.scene.segmentation_result import CLOSED_SURFACE
from SlicerRuntime import rendering

RESULTS = Path(__file__).parent / "results"
PATIENCE_SECONDS = 300
SETTLE_SECONDS = 1.0
AIM_SECONDS = 15.0


def click_to_surfaces(panel: Any, scan: Any, events: Callable[..., bool]) -> dict[str, Any]:
    """Click once and time until the panel is done and until the surfaces are drawn."""
    context = panel.context
    context.parameters.scan = scan
    context.parameters.result = None
    SlicerRuntime.process_events(SETTLE_SECONDS)
    pulse = Pulse(lambda: str(panel.segment._run.state) if panel.segment.running else "afterwards")
    started = time.perf_counter()
    context.ui.segmentButton.click()
    if not events(PATIENCE_SECONDS, lambda: not panel.segment.running):
        raise TimeoutError("the run did not end")
    done = time.perf_counter()
    segmentation = context.result
    if segmentation is None:
        raise RuntimeError(str(context.ui.messageLabel.text))
    events(SETTLE_SECONDS)
    waits = pulse.stop()
    settled = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        rendering.draw_3d(Path(folder) / "view.png")
    drawing = time.perf_counter() - settled
    contents = segmentation.GetSegmentation()
    surfaces = [contents.GetSegment(id).GetRepresentation(CLOSED_SURFACE) for id in contents.GetSegmentIDs()]
    if len(surfaces) != len(WHOLE_HEART) or not all(surface.GetNumberOfPolys() for surface in surfaces):
        raise RuntimeError("a structure has no surface")
    slicer.mrmlScene.RemoveNode(segmentation)
    return {"until_done_s": round(done - started, 2), "until_drawn_s": round(done - started + drawing, 2),
            **waits, "triangles": sum(surface.GetNumberOfPolys() for surface in surfaces)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    window = SlicerRuntime.show_module(SlicerRuntime.load_module(REPOSITORY / "HeartSeg3D" / "HeartSeg3D.py"))
    panel = window.self().panel
    panel.context.ui.sampleButton.click()
    SlicerRuntime.process_events(PATIENCE_SECONDS, until=lambda: panel.context.parameters.scan is not None)
    sample = panel.context.parameters.scan
    before = load()
    scans = {"sample": (sample, runs), "512 x 512 x 300": (large_scan(), 1)}
    found = {loop: {name: [click_to_surfaces(panel, scan, events) for _ in range(count)]
                    for name, (scan, count) in scans.items()} for loop, events in LOOPS.items()}
    SlicerRuntime.leave_module(window)
    result = {"machine": describe_machine(), "load_before": before, "niceness": os.nice(0), "aim_s": AIM_SECONDS,
              "aim_wait_ms": AIM_MS,
              "longest_s": {loop: max(run["until_drawn_s"] for run in one["sample"]) for loop, one in found.items()},
              **found}
    print(json.dumps(result, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "click_to_surfaces.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
