"""Pictures of the README's tutorial: every step is done in the panel by clicking, and the views are drawn beside it.

The panel is the module's own, in the test runtime; the views are drawn by Slicer's own displayable managers through
EGL; only the bars above the views are painted here, as Slicer shows them. The report is shown by Chromium. Run it
offscreen or under Xvfb:

    python Testing/Benchmarks/tutorial_pictures.py [--out Resources/Screenshots]
"""

# ruff: noqa: I001 - panel_screenshots starts the runtime before anything imports slicer

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from panel_screenshots import REPOSITORY, WIDTH, Photographer, choose_mesh, squeezed_sequence, with_folder

import numpy as np
import slicer
from PIL import Image
from PySide6 import QtCore, QtGui, QtWidgets
from SlicerRuntime import dialogs, leave_module, process_events, rendering, slot_failures

HEIGHT, VIEW_WIDTH, BAR = 700, 390, 22
VIEW_SIZE = VIEW_WIDTH - 2, HEIGHT // 2 - BAR - 2
COLORS = {"panel": 96, "slices": 80, "3D": 80}
GRAY_STEP = 8
PAGE_SCALE = 0.65
MESH_EDGE_MM = 1.2
SLICE_BARS = {"Red": ("#f34a33", "S"), "Green": ("#6eb04b", "A"), "Yellow": ("#edd54c", "R")}
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
THREE_D_BAR = "#a9a9f0"
VIEWS = ("Red", "1", "Green", "Yellow")
"""As Slicer's four-up layout has them, row by row; 1 is the 3D view."""


class Tutorial(Photographer):
    """The shown module beside four views."""

    def take(self, name: str, widget: Any = None, page: Path | None = None) -> None:
        """Write one picture of the panel, and beside it the four views or a page in a browser."""
        self.window.resize(WIDTH, HEIGHT)
        self.settle()
        picture = QtGui.QImage(WIDTH + 2 * VIEW_WIDTH, HEIGHT, QtGui.QImage.Format_RGB32)
        painter = QtGui.QPainter(picture)
        painter.drawImage(0, 0, (widget or self.window).grab().toImage())
        with tempfile.TemporaryDirectory() as folder:
            if page is not None:
                painter.drawImage(WIDTH, 0, photographed(page, Path(folder) / "page.png"))
            for number, view in enumerate(VIEWS if page is None else ()):
                row, column = divmod(number, 2)
                corner = QtCore.QPoint(WIDTH + column * VIEW_WIDTH, row * HEIGHT // 2)
                draw_view(painter, corner, view, Path(folder) / f"{view}.png")
        painter.end()
        path = self.folder / f"tutorial_{name}.png"
        reduced(picture, views=page is None).save(path, optimize=True)
        print(f"{path.name}: {picture.width()} x {picture.height()}, {path.stat().st_size / 1000:.0f} kB")


def photographed(page: Path, path: Path) -> Any:
    """The upper part of a page as a browser shows it, a little smaller."""
    size = f"{round(2 * VIEW_WIDTH / PAGE_SCALE)},{round(HEIGHT / PAGE_SCALE)}"
    options = ("--headless", "--no-sandbox", "--hide-scrollbars", f"--screenshot={path}", f"--window-size={size}",
               f"--force-device-scale-factor={PAGE_SCALE}")
    subprocess.run([BROWSER, *options, page.as_uri()], check=True, capture_output=True)
    return QtGui.QImage(str(path))


def reduced(picture: Any, views: bool) -> Image.Image:
    """The picture with a palette: each part has colors of its own, so that gray noise takes none from the panel."""
    shape = picture.height(), picture.width(), 4
    pixels = np.frombuffer(picture.constBits(), np.uint8).reshape(shape)[..., 2::-1].copy()
    panel = np.ones(shape[:2], bool)
    panel[:, WIDTH:] = not views
    solid = np.zeros(shape[:2], bool)
    solid[: HEIGHT // 2, WIDTH + VIEW_WIDTH:] = views
    slices = ~panel & ~solid
    pixels[slices] = np.minimum((pixels[slices].astype(int) + GRAY_STEP // 2) // GRAY_STEP * GRAY_STEP, 255)
    pixels[panel] = most_frequent(pixels[panel], COLORS["panel"])
    for part, name in ((slices, "slices"), (solid, "3D")) if views else ():
        strip = Image.fromarray(pixels[part][None])
        pixels[part] = np.asarray(strip.quantize(COLORS[name], kmeans=2, dither=Image.Dither.NONE).convert("RGB"))[0]
    colors, indices = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    image = Image.fromarray(indices.reshape(shape[:2]).astype(np.uint8), "P")
    image.putpalette(colors.astype(np.uint8).tobytes())
    return image


def most_frequent(pixels: Any, count: int) -> Any:
    """The pixels [n, rgb], each in the nearest of their most frequent colors; small patches of bright color count."""
    colors, inverse, counts = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    brightness = np.ptp(colors.astype(int), axis=1)
    kept = colors[np.argsort(-counts * (1 + brightness))[:count]].astype(int)
    distance = np.abs(colors[:, None].astype(int) - kept[None]).sum(axis=2)
    return kept[distance.argmin(axis=1)][inverse.ravel()].astype(np.uint8)


def draw_view(painter: Any, corner: Any, view: str, path: Path) -> None:
    """Paint one view with its bar; a thin dark line parts it from its neighbors."""
    if view in SLICE_BARS:
        rendering.draw_slice(view, path, VIEW_SIZE, fit=False)
    else:
        rendering.draw_3d(path, VIEW_SIZE, azimuth=-15.0, elevation=12.0)
    area = QtCore.QRect(corner.x() + 1, corner.y() + 1, VIEW_SIZE[0], BAR)
    painter.fillRect(QtCore.QRect(corner, QtCore.QSize(VIEW_WIDTH, HEIGHT // 2)), QtGui.QColor("#2b2b2b"))
    painter.drawImage(area.x(), area.bottom() + 1, QtGui.QImage(str(path)))
    color, axis = SLICE_BARS.get(view, (THREE_D_BAR, ""))
    painter.fillRect(area, QtGui.QColor(color))
    painter.setPen(QtGui.QColor("black"))
    painter.drawText(area.adjusted(8, 0, 0, 0), QtCore.Qt.AlignVCenter | QtCore.Qt.AlignLeft, view[0])
    if axis:
        logic = slicer.app.layoutManager().sliceWidget(view).sliceLogic()
        draw_slider(painter, area, logic)
        painter.drawText(area.adjusted(0, 0, -8, 0), QtCore.Qt.AlignVCenter | QtCore.Qt.AlignRight,
                         f"{axis}: {logic.GetSliceOffset():.1f} mm")
        background = logic.GetSliceCompositeNode().GetBackgroundVolumeID()
        if background:
            painter.setPen(QtGui.QColor("white"))
            name = slicer.mrmlScene.GetNodeByID(background).GetName()
            painter.drawText(corner.x() + 9, corner.y() + HEIGHT // 2 - 10, f"B: {name}")


def draw_slider(painter: Any, area: Any, logic: Any) -> None:
    """Paint the slider of a slice view where its offset is."""
    bounds = [0.0] * 6
    logic.GetLowestVolumeSliceBounds(bounds)
    left, length = area.left() + 34, area.width() - 150
    low, high = min(bounds[4:]), max(bounds[4:])
    part = (logic.GetSliceOffset() - low) / (high - low) if high > low else 0.5
    middle = area.center().y() + 1
    painter.fillRect(left, middle - 2, length, 4, QtGui.QColor(255, 255, 255, 150))
    painter.fillRect(int(left + part * length) - 4, middle - 7, 8, 14, QtGui.QColor("#f4f4f4"))
    painter.drawRect(int(left + part * length) - 4, middle - 7, 8, 14)


def show_scan(volume: Any) -> None:
    """Show a volume in the slice views, whole, in a window for contrast CT."""
    display = volume.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(900, 150)
    for view in SLICE_BARS:
        slicer.app.layoutManager().sliceWidget(view).mrmlSliceNode().SetDimensions(*VIEW_SIZE, 1)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)


def first_result(camera: Tutorial) -> None:
    """From the sample scan to chambers, one of which is edited and given back."""
    ui = camera.ui
    ui.sampleButton.click()
    show_scan(slicer.util.getNode("Chest CT (generated)"))
    camera.fold(segment=True, chambers=True)
    camera.take("1_scan")
    ui.segmentButton.click()
    camera.wait(lambda: ui.progressBar.value >= 50)
    camera.panel.context.pump._timer.stop()
    camera.take("2_segment")
    camera.panel.context.pump._timer.start()
    camera.wait(lambda: not camera.panel.segment.running)
    camera.row("LV").edit_button.click()
    camera.panel.chambers.tools.leave()
    camera.panel.chambers.refresh()
    camera.take("3_result")
    camera.fold(chambers=True)
    camera.row("RV").edit_button.click()
    ui.distanceSpinBox.value = 2.5
    ui.growButton.click()
    camera.take("4_edit")
    ui.restoreAllButton.click()
    camera.take("5_back")
    camera.panel.chambers.tools.leave()


def beating_heart(camera: Tutorial) -> None:
    """Six phases, their function, and the report about them."""
    ui, parameters = camera.ui, camera.panel.context.parameters
    sequence = squeezed_sequence(slicer.util.getNode("Chest CT (generated)"), (1.0, 0.96, 0.9, 0.86, 0.9, 0.97))
    hide_results()
    parameters.result = None
    parameters.scan = sequence
    show_scan(slicer.util.getNode("Cine CT"))
    camera.segment()
    parameters.heartRate, parameters.heightCm, parameters.weightKg = 68.0, 176.0, 74.0
    camera.fold(function=True)
    camera.take("6_function")
    camera.fold(report=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "Cine CT heart.html"
        dialogs.answer(str(page))
        ui.reportHtmlButton.click()
        camera.wait(lambda: ui.reportHtmlButton.enabled)
        ui.reportLabel.text = ui.reportLabel.text.replace(folder, "/home/anna/reports")
        camera.take("7_report", page=page)


def hide_results() -> None:
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        node.GetDisplayNode().SetVisibility(False)


def batch(camera: Tutorial) -> None:
    """Three volumes one after the other, one of them without a heart."""
    ui = camera.ui
    hide_results()
    for kind in ("vtkMRMLSequenceNode", "vtkMRMLSequenceBrowserNode"):
        for node in slicer.util.getNodesByClass(kind):
            slicer.mrmlScene.RemoveNode(node)
    noise = np.random.default_rng(0).normal(-500, 300, (60, 60, 60)).astype(np.int16)
    slicer.util.addVolumeFromArray(noise, np.diag([4.0, 4, 4, 1]), "Phantom without a heart")
    show_scan(slicer.util.getNode("Chest CT (generated)"))
    camera.fold(batch=True)
    earlier = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    ui.batchStartButton.click()
    camera.wait(lambda: not ui.batchCancelButton.enabled)
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        node.GetDisplayNode().SetVisibility(node not in earlier and node.GetName().startswith("Chest"))
    camera.take("8_batch")


def mesh(camera: Tutorial) -> None:
    """The first result as tissue for openCARP, with walls and fibers, shown as models."""
    ui, parameters = camera.ui, camera.panel.context.parameters
    hide_results()
    parameters.scan = slicer.util.getNode("Chest CT (generated)")
    parameters.result = slicer.util.getNode("Chest CT (generated) heart")
    show_scan(parameters.scan)
    camera.fold(mesh=True)
    with tempfile.TemporaryDirectory() as folder:
        choose_mesh(camera, "ep", MESH_EDGE_MM, folder)
        ui.meshButton.click()
        camera.wait(lambda: ui.meshQuestionRow.visible or not camera.panel.meshes.running)
        with with_folder(camera, folder):
            camera.take("9_mesh")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=REPOSITORY / "Resources" / "Screenshots")
    out = parser.parse_args().out
    if BROWSER is None:
        raise SystemExit("The picture of the report needs Chromium or Google Chrome.")
    QtWidgets.QApplication.instance().setStyle("Fusion")
    camera = Tutorial(out)
    for part in (first_result, beating_heart, batch, mesh):
        part(camera)
    leave_module(camera.window)
    process_events()
    failures = slot_failures()
    if failures:
        raise RuntimeError("a function that Qt or VTK called failed") from failures[0]


if __name__ == "__main__":
    main()
