"""Two sessions of Slicer in the test runtime, each a process of its own: one trains, the other finds the job again.

The second one stops it, goes on with it and uses its model.

python training_sessions.py train|use; prints what it found as JSON. Everything is done by clicking.
"""

# ruff: noqa: E402 - the runtime stands in for Slicer before anything imports it

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(REPOSITORY / "Testing"), str(REPOSITORY / "HeartSeg3D")]

import SlicerRuntime

SlicerRuntime.start()

import numpy as np
import slicer

PATIENCE_SECONDS = 300.0
NAME = "slow"
SLOW = {"steps": 1000, "window": 80, "batch": 1, "part": 0, "workers": 0, "threads": 1, "device": "cpu", "log_every": 1,
         "learning_rate": 1e-6, "warmup": 0, "checkpoint_minutes": 0.01, "validate_minutes": 0.0, "validate_cases": 1,
         "freeze": "none"}
"""So slow to learn that the model stays what it was; somebody stops it long before its end."""


def wait(until: Callable[[], Any]) -> None:
    if not SlicerRuntime.process_events(PATIENCE_SECONDS, until=until):
        raise TimeoutError("the panel did not come to the state that was waited for")


def open_module(name: str) -> Any:
    """Show a module; returns its window and its panel."""
    return SlicerRuntime.show_module(SlicerRuntime.load_module(REPOSITORY / name / f"{name}.py"))


def two_hearts() -> None:
    """The sample and the same with more noise, each segmented by the shipped model."""
    from HeartSeg3DLib.scene import sample_data

    logic = SlicerRuntime.load_module(REPOSITORY / "HeartSeg3D" / "HeartSeg3D.py").HeartSeg3DLogic()
    sample = sample_data.load_sample()
    noisy = slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, sample, "Another chest")
    voxels = slicer.util.arrayFromVolume(noisy)
    voxels[:] = voxels + np.random.default_rng(1).normal(0, 8, voxels.shape).astype(voxels.dtype)
    for scan in (sample, noisy):
        logic.segment(scan, quality="fast", device="cpu")


def train() -> dict[str, Any]:
    """Choose, prepare, start: and leave while it trains."""
    two_hearts()
    window = open_module("HeartSegTraining")
    panel, ui = window.self().panel, window.self().panel.context.ui
    ui.trustCheckBox.click()  # nobody edited anything
    ui.prepareButton.click()
    wait(lambda: not panel.training.data.running)
    structures = panel.training.data.training_set.structures
    asked = panel.context.logic.startJob
    panel.context.logic.startJob = lambda wish, name: asked(replace(wish, changes=SLOW), name)
    ui.nameEdit.text = NAME
    ui.startButton.click()
    wait(lambda: not panel.training.running)
    if panel.training.messages and "is training" not in ui.newMessageLabel.text:
        raise RuntimeError(ui.newMessageLabel.text)
    wait(lambda: panel.jobs.job is not None and panel.jobs.job.state != "starting")
    found = {"name": panel.jobs.job.name, "state": panel.jobs.job.state, "structures": list(structures)}
    SlicerRuntime.leave_module(window)
    return found


def stop(panel: Any) -> int:
    """Stop the job by clicking; returns the step of its checkpoint."""
    panel.context.ui.stopButton.click()
    wait(lambda: panel.jobs.job.state == "stopped")
    return int(panel.jobs.job.step)


def use() -> dict[str, Any]:
    """Find the job as it trains, stop it, go on, stop it again, give its model to HeartSeg3D and segment with it."""
    from HeartSeg3DLib.scene import sample_data

    segmenting = open_module("HeartSeg3D")
    window = open_module("HeartSegTraining")
    panel, ui = window.self().panel, window.self().panel.context.ui
    wait(lambda: panel.jobs.job is not None)
    seen = panel.jobs.job.state
    wait(lambda: panel.jobs.job.step)
    stopped = stop(panel)
    ui.resumeButton.click()
    wait(lambda: panel.jobs.job.is_active and panel.jobs.job.step > stopped)
    wait(lambda: ui.curvesRow.visible)
    stop(panel)
    job = panel.jobs.job
    steps = panel.context.logic.curves(job.folder)["step"]
    ui.useModelButton.click()
    wait(lambda: panel.jobs._model is None)
    ui.jobRemedyButton.click()
    segmenting.enter()
    choices = segmenting.self().panel.context.ui.modelSelector
    offered = [choices.itemData(number) for number in range(choices.count)]
    logic = segmenting.self().logic
    model = logic.getParameterNode().model
    volumes = logic.volumes(logic.segment(sample_data.load_sample(), quality="fast", device="cpu", model=model))
    return {"name": job.name, "found": seen, "state": job.state, "stopped": stopped, "step": job.step,
            "steps": [int(step) for step in steps], "model": model, "offered": offered, "volumes": volumes}


if __name__ == "__main__":
    found = {"train": train, "use": use}[sys.argv[1]]()
    failures = SlicerRuntime.slot_failures()
    if failures:
        raise RuntimeError("a function that Qt or VTK called failed") from failures[0]
    print(json.dumps(found))
