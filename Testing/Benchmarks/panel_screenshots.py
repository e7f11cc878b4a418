"""Pictures of every state of the panel, made by clicking through it in the test runtime with the shipped model.

They show the real module with real results; only what cannot happen on this computer at will (missing packages) is
handed in. Run it offscreen or under Xvfb:

    python Testing/Benchmarks/panel_screenshots.py [--out Resources/Screenshots]
"""

# ruff: noqa: E402 - the runtime stands in for Slicer before anything imports it

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "Testing"), str(REPOSITORY / "HeartSeg3D")]

import SlicerRuntime

SlicerRuntime.start()

import numpy as np
import slicer
import vtk
import vtk.util.numpy_support
from PySide6 import QtCore, QtGui, QtWidgets
from scipy import ndimage

from SlicerRuntime import dialogs

WIDTH = 420
COLORS = 256
PATIENCE_SECONDS = 600.0


class Photographer:
    """The shown module and a folder for its pictures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.window = SlicerRuntime.show_module(SlicerRuntime.load_module(REPOSITORY / "HeartSeg3D" / "HeartSeg3D.py"))
        self.panel = self.window.self().panel
        self.ui = self.panel.context.ui
        self.fold(segment=True, chambers=True)

    def fold(self, **opened: bool) -> None:
        """Open the named sections and fold the others."""
        for name in ("segment", "chambers", "function", "mesh", "batch", "report", "models"):
            getattr(self.ui, f"{name}Section").collapsed = not opened.get(name, False)

    def wait(self, until: Callable[[], Any]) -> None:
        if not SlicerRuntime.process_events(PATIENCE_SECONDS, until=until):
            raise TimeoutError("the panel did not come to the state that was to be shown")

    def settle(self) -> None:
        """Let volumes be counted and widgets find their size."""
        SlicerRuntime.process_events(0.6)

    def take(self, name: str, widget: Any = None) -> None:
        """Write one picture, as high as its content."""
        self.settle()
        if widget is None:
            self.window.resize(WIDTH, 100)
            self.window.resize(WIDTH, self.window.sizeHint.height())
            SlicerRuntime.process_events(0.1)
        image = reduced((widget or self.window).grab().toImage())
        path = self.folder / f"{name}.png"
        if not image.save(str(path), "PNG", 0):
            raise OSError(f"{path} could not be written")
        print(f"{path.name}: {image.width()} x {image.height()}, {path.stat().st_size / 1000:.0f} kB")

    def segment(self) -> None:
        self.ui.segmentButton.click()
        self.wait(lambda: not self.panel.segment.running)
        self.settle()

    def row(self, id: str) -> Any:
        return next(row for row in self.panel.chambers._rows if row.id == id)


def reduced(image: Any) -> Any:
    """The picture in its most frequent colors, which keeps the file small and text sharp."""
    image = image.convertToFormat(QtGui.QImage.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1)[:, : image.width()]
    colors, counts = np.unique(pixels, return_counts=True)
    frequent = colors[np.argsort(-counts)[:COLORS]]
    return image.convertToFormat(QtGui.QImage.Format_Indexed8, [int(color) for color in frequent],
                                 QtCore.Qt.ThresholdDither | QtCore.Qt.AvoidDither)


def first_look(camera: Photographer) -> None:
    """From an empty scene to a run, its cancellation, and a scan without a heart."""
    ui = camera.ui
    camera.take("01_empty_scene")
    services = camera.panel.context.services
    sentence = ("HeartSeg needs PyTorch (200 MB, with an NVIDIA card 2 to 3 GB) and safetensors (1 MB), "
                "which 3D Slicer does not bring.")
    missing = SimpleNamespace(state=lambda: "missing", explanation=lambda: sentence)
    camera.panel.context.services = replace(services, dependencies=missing)
    ui.sampleButton.click()
    camera.panel.segment.show_dependencies()
    camera.take("02_packages_missing")
    camera.panel.context.services = services
    camera.panel.context.messages.clear()
    camera.take("03_ready")
    ui.segmentButton.click()
    camera.wait(lambda: ui.progressBar.value >= 40)
    camera.panel.context.pump._timer.stop()
    camera.take("04_running")
    camera.panel.context.pump._timer.start()
    ui.cancelButton.click()
    camera.wait(lambda: not camera.panel.segment.running)
    camera.take("05_cancelled")
    noise = np.random.default_rng(0).normal(-500, 300, (60, 60, 60)).astype(np.int16)
    camera.panel.context.parameters.scan = slicer.util.addVolumeFromArray(noise, np.diag([4.0, 4, 4, 1]), "Phantom")
    camera.segment()
    camera.take("06_failed")


def result_and_editing(camera: Photographer) -> None:
    """A result with something to check, a chamber that is edited, and the question before the next run."""
    ui, parameters = camera.ui, camera.panel.context.parameters
    parameters.scan = slicer.util.getNode("Chest CT (generated)")
    parameters.result = None
    camera.segment()
    ui.detailsButton.click()
    camera.take("07_done_with_warnings")
    ui.detailsButton.click()
    camera.fold(chambers=True)
    camera.row("RV").edit_button.click()
    camera.take("08_editing")
    ui.growButton.click()
    camera.take("09_edited")

    def photograph(dialog: Any) -> None:
        camera.take("10_edited_result_question", dialog)
        dialog.close()

    dialogs.answer(photograph)
    ui.segmentButton.click()
    camera.panel.chambers.tools.leave()


def nothing_to_check(camera: Photographer) -> None:
    """A result without a warning: above the sample, which cuts the aorta, lies more air."""
    still = slicer.util.getNode("Chest CT (generated)")
    voxels = np.pad(slicer.util.arrayFromVolume(still), ((0, 12), (0, 0), (0, 0)), constant_values=-1000)
    to_ras = vtk.vtkMatrix4x4()
    still.GetIJKToRASMatrix(to_ras)
    parameters = camera.panel.context.parameters
    parameters.result = None
    parameters.scan = slicer.util.addVolumeFromArray(voxels, slicer.util.arrayFromVTKMatrix(to_ras), "Chest CT")
    camera.fold(segment=True, chambers=True)
    camera.segment()
    camera.take("11_done")


def beating_heart(camera: Photographer) -> None:
    """A sequence of six phases: the sample, whose heart is squeezed."""
    still = slicer.util.getNode("Chest CT (generated)")
    sequence = squeezed_sequence(still, (1.0, 0.96, 0.9, 0.86, 0.9, 0.97))
    parameters = camera.panel.context.parameters
    parameters.result = None
    parameters.scan = sequence
    camera.ui.fastRadio.click()
    camera.segment()
    parameters.heartRate, parameters.heightCm, parameters.weightKg = 68.0, 176.0, 74.0
    camera.fold(function=True, chambers=True)
    camera.take("12_function")


def squeezed_sequence(volume: Any, factors: tuple[float, ...]) -> Any:
    """A sequence of the volume, shrunken around the middle of the heart by each factor."""
    voxels = slicer.util.arrayFromVolume(volume)
    middle = np.array(voxels.shape) * (0.5, 0.45, 0.55)
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine CT")
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("ms")
    for phase, factor in enumerate(factors):
        moved = ndimage.affine_transform(voxels, np.eye(3) / factor, middle - middle / factor, order=1, mode="nearest")
        frame = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
        frame.UnRegister(None)
        frame.CopyOrientation(volume)
        frame.SetAndObserveImageData(copied_image(volume, moved))
        sequence.SetDataNodeAtValue(frame, str(150 * phase))
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Cine CT browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    return sequence


def copied_image(volume: Any, voxels: Any) -> Any:
    """The volume's image with other voxels."""
    image = vtk.vtkImageData()
    image.DeepCopy(volume.GetImageData())
    vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())[:] = voxels.ravel()
    return image


def meshes(camera: Photographer) -> None:
    """A mesh for openCARP on its way, and tetrahedra of one's own that are done."""
    ui, parameters = camera.ui, camera.panel.context.parameters
    parameters.scan = slicer.util.getNode("Chest CT")
    parameters.result = slicer.util.getNode("Chest CT heart")
    camera.fold(mesh=True)
    with tempfile.TemporaryDirectory() as folder:
        choose_mesh(camera, "ep", 2.0, folder)
        ui.meshButton.click()
        camera.wait(lambda: ui.meshProgressBar.value >= 40)
        camera.panel.context.pump._timer.stop()
        with with_folder(camera, folder):
            camera.take("17_mesh_running")
        camera.panel.context.pump._timer.start()
        ui.meshCancelButton.click()
        camera.wait(lambda: not camera.panel.meshes.running)
        choose_mesh(camera, "tetrahedra", 2.5, folder)
        ui.meshButton.click()
        camera.wait(lambda: not camera.panel.meshes.running)
        ui.meshNotesButton.click()
        with with_folder(camera, folder):
            camera.take("18_mesh_done")


def choose_mesh(camera: Photographer, preset: str, edge_mm: float, folder: str) -> None:
    ui = camera.ui
    ui.meshPresetSelector.setCurrentIndex(ui.meshPresetSelector.findData(preset))
    ui.meshEdgeSpinBox.value = edge_mm
    ui.meshFolder.currentPath = f"{folder}/heart"


@contextlib.contextmanager
def with_folder(camera: Photographer, folder: str) -> Iterator[None]:
    """Let the line of the mesh's folder show a usual place and not a temporary one of this computer."""
    line = camera.ui.meshFolder
    path, blocked = line.currentPath, line.blockSignals(True)
    line.currentPath = path.replace(folder, "/home/anna/meshes")
    yield
    line.currentPath = path
    line.blockSignals(blocked)


def other_sections(camera: Photographer) -> None:
    """Batch, report and models."""
    ui = camera.ui
    camera.panel.context.messages.clear()
    for node in slicer.util.getNodesByClass("vtkMRMLSequenceNode") + slicer.util.getNodesByClass(
            "vtkMRMLSequenceBrowserNode"):
        slicer.mrmlScene.RemoveNode(node)
    camera.fold(batch=True)
    ui.batchStartButton.click()
    camera.wait(lambda: not ui.batchCancelButton.enabled)
    camera.take("13_batch")
    camera.fold(report=True)
    with tempfile.TemporaryDirectory() as folder:
        dialogs.answer(str(Path(folder) / "Chest CT heart.html"))
        ui.reportHtmlButton.click()
        camera.wait(lambda: ui.reportHtmlButton.enabled)
        ui.reportLabel.text = ui.reportLabel.text.replace(folder, "/home/anna/reports")
    camera.take("14_report")
    camera.fold(models=True)
    ui.modelsTable.setCurrentCell(1, 0)
    ui.verifyModelButton.click()
    camera.take("15_models")
    ui.modelCardButton.click()
    dialog = camera.panel.context.form.findChildren("QDialog")[-1]
    camera.take("16_model_card", dialog)


SCENES = (first_look, result_and_editing, nothing_to_check, meshes, beating_heart, other_sections)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=REPOSITORY / "Resources" / "Screenshots")
    out = parser.parse_args().out
    QtWidgets.QApplication.instance().setStyle("Fusion")
    camera = Photographer(out)
    for scene in SCENES:
        scene(camera)
    SlicerRuntime.leave_module(camera.window)
    failures = SlicerRuntime.slot_failures()
    if failures:
        raise RuntimeError("a function that Qt or VTK called failed") from failures[0]


if __name__ == "__main__":
    main()
