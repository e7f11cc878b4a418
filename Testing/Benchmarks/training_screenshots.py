"""Pictures of the training panel, made by clicking through it in the test runtime, with a job that really trains.

Only what cannot happen on this computer at will (missing packages) is handed in. Run it offscreen or under Xvfb; it
takes some minutes:

    python Testing/Benchmarks/training_screenshots.py [--out Resources/Screenshots]
"""

# ruff: noqa: I001 - panel_screenshots starts the runtime before anything imports slicer

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from panel_screenshots import PATIENCE_SECONDS, REPOSITORY, WIDTH, reduced

import numpy as np
import slicer
from PySide6 import QtWidgets
import SlicerRuntime

SHOWN_STEPS = 40
"""Of the demo's 150, when its curves are photographed."""


class TrainingPhotographer:
    """The shown module and a folder for its pictures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        module = SlicerRuntime.load_module(REPOSITORY / "HeartSegTraining" / "HeartSegTraining.py")
        self.window = SlicerRuntime.show_module(module)
        self.panel = self.window.self().panel
        self.ui = self.panel.context.ui

    def fold(self, *, new: bool, jobs: bool) -> None:
        """Open or fold the sections."""
        self.ui.newSection.collapsed, self.ui.jobsSection.collapsed = not new, not jobs

    def wait(self, until: Any) -> None:
        if not SlicerRuntime.process_events(PATIENCE_SECONDS, until=until):
            raise TimeoutError("the panel did not come to the state that was to be shown")

    def take(self, name: str) -> None:
        """Write one picture, as high as its content."""
        SlicerRuntime.process_events(0.4)
        self.window.resize(WIDTH, 100)
        self.window.resize(WIDTH, self.window.sizeHint.height())
        self.panel.jobs._drawn = None  # the curves were drawn for the panel's first size
        self.panel.jobs._show_curves()
        SlicerRuntime.process_events(0.1)
        image = reduced(self.window.grab().toImage())
        path = self.folder / f"{name}.png"
        if not image.save(str(path), "PNG", 0):
            raise OSError(f"{path} could not be written")
        print(f"{path.name}: {image.width()} x {image.height()}, {path.stat().st_size / 1000:.0f} kB")


def corrected_hearts() -> None:
    """Two scans that the shipped model segmented; in each, the right ventricle was corrected."""
    from HeartSeg3DLib.scene import editing, sample_data

    segmenting = SlicerRuntime.load_module(REPOSITORY / "HeartSeg3D" / "HeartSeg3D.py").HeartSeg3DLogic()
    sample = sample_data.load_sample()
    other = slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, sample, "Chest CT, second person")
    voxels = slicer.util.arrayFromVolume(other)
    voxels[:] = voxels + np.random.default_rng(1).normal(0, 8, voxels.shape).astype(voxels.dtype)
    for scan, id in ((sample, "RV"), (other, "LA")):
        heart = segmenting.segment(scan, quality="fast", device="cpu")
        editing.grow(heart, id, 2.5, "background")
    segmenting.segment(slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, sample, "Chest CT, not corrected"),
                       quality="fast", device="cpu")


def first_look(camera: TrainingPhotographer) -> None:
    """An empty scene, and packages that are missing."""
    camera.take("20_training_empty")
    services = camera.panel.context.services
    missing = SimpleNamespace(state=lambda: "missing",
                              explanation=lambda: "Training also needs blosc2 and filelock (20 MB).")
    camera.panel.context.services = replace(services, training_dependencies=missing)
    camera.panel.training.show_dependencies()
    camera.take("21_training_packages_missing")
    camera.panel.context.services = services
    camera.panel.training.messages.clear()


def own_data(camera: TrainingPhotographer) -> None:
    """Segmentations of the scene: ticked, prepared, estimated."""
    corrected_hearts()
    camera.take("22_training_from_scene")
    camera.ui.prepareButton.click()
    camera.wait(lambda: not camera.panel.training.data.running)
    camera.take("23_training_set_ready")


def a_job(camera: TrainingPhotographer) -> None:
    """The demo on generated hearts: estimated, running with its curves, stopped, and its model given away."""
    ui, panel = camera.ui, camera.panel
    panel.training.messages.clear()
    ui.recipeRadio.click()
    ui.startSelector.setCurrentIndex(ui.startSelector.findData("scratch"))
    ui.estimateButton.click()
    camera.wait(lambda: panel.training._estimate is None)
    camera.take("24_training_estimate")
    ui.nameEdit.text = "generated hearts"
    ui.startButton.click()
    camera.wait(lambda: not panel.training.running)
    camera.fold(new=False, jobs=True)
    camera.wait(lambda: panel.jobs.job is not None and (panel.jobs.job.step or 0) >= SHOWN_STEPS)
    camera.take("25_training_running")
    ui.stopButton.click()
    camera.wait(lambda: panel.jobs.job.state == "stopped")
    ui.useModelButton.click()
    camera.wait(lambda: panel.jobs._model is None)
    ui.logButton.click()
    camera.take("26_training_model_used")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=REPOSITORY / "Resources" / "Screenshots")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    QtWidgets.QApplication.instance().setStyle("Fusion")
    with tempfile.TemporaryDirectory() as data:
        os.environ["HEARTSEG_DATA"] = data
        camera = TrainingPhotographer(out)
        for scene in (first_look, own_data, a_job):
            scene(camera)
        SlicerRuntime.leave_module(camera.window)
    failures = SlicerRuntime.slot_failures()
    if failures:
        raise RuntimeError("a function that Qt or VTK called failed") from failures[0]


if __name__ == "__main__":
    main()
