"""One page that shows a result: three planes, the heart in 3-D, and the volumes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import replacing
from HeartSeg3DLib.imaging.output import not_written
from HeartSeg3DLib.measurement import Measurements, measure
from HeartSeg3DLib.notice import NOTE_SENTENCE
from HeartSeg3DLib.report import opengl_view, software_view
from HeartSeg3DLib.report.canvas import Canvas, Color
from HeartSeg3DLib.report.heart_field import camera_axes, heart_field, structure_color
from HeartSeg3DLib.report.planes import Letters, Plane, edge_letters, three_planes

WIDTH, HEIGHT = 1600, 900

_EDGE, _GAP, _TOP = 28, 12, 76
_TILE = 384
_HEART_LEFT = _EDGE + 2 * (_TILE + _GAP) + _GAP
_HEART_WIDTH = WIDTH - _EDGE - _HEART_LEFT
_PANEL_HEIGHT = 2 * _TILE + _GAP
_HEART_MARGIN = 46
_BAR_MM = 50

_PAGE: Color = (0.055, 0.067, 0.086)
_PANEL: Color = (0.086, 0.102, 0.129)
_LINE: Color = (0.17, 0.20, 0.25)
_BRIGHT: Color = (0.94, 0.95, 0.97)
_QUIET: Color = (0.58, 0.63, 0.70)


def render_overview(image: sitk.Image, labels: sitk.Image, path: Path, title: str, *,
                    orientation_known: bool = True) -> None:
    """Write one PNG of 1600 x 900 pixels that shows what was found.

    Three planes in radiological convention with outlines, the heart in 3-D seen from the front left, and the volume of
    each structure. Needs no display; where OpenGL does not work, the 3-D view is drawn in software and says so.

    Args:
        image: 3-D scalar image.
        labels: Its label map with the project's label values, on the same grid; it may be empty.
        path: PNG file, replaced in one step.
        title: First line of the page, such as the name of the scan.
        orientation_known: Whether planes and edges may be named after the patient's sides; else they have numbers and
            no letters.

    Raises:
        InputError: Image and label map do not lie on one grid.
        UsageError: The file cannot be written.
    """
    if image.GetDimension() != 3 or image.GetSize() != labels.GetSize():
        raise InputError(
            "The image and its label map do not have the same size.", "Segment this image, or choose its own label map."
        )
    canvas = Canvas(WIDTH, HEIGHT, _PAGE)
    _write_title(canvas, image, title)
    planes, millimeters = three_planes(image, labels, _TILE)
    for number, plane in enumerate(planes):
        shown = plane if orientation_known else replace(plane, name=f"Plane {number + 1}", letters=None)
        _lay_plane(canvas, shown, millimeters, *_tile_corner(number))
    found = measure(labels)
    _lay_volumes(canvas, found, *_tile_corner(3))
    _lay_heart(canvas, labels, found, orientation_known)
    canvas.text(NOTE_SENTENCE, _EDGE, HEIGHT - 16, 15, _QUIET)
    canvas.text("HeartSeg", WIDTH - _EDGE, HEIGHT - 16, 15, _QUIET, align="right")
    with replacing(path) as temporary:
        try:
            sitk.WriteImage(sitk.GetImageFromArray(canvas.to_bytes(), isVector=True), str(temporary))
        except RuntimeError as error:  # ITK's word for a file that cannot be opened
            raise not_written(path) from error


def _tile_corner(number: int) -> tuple[int, int]:
    row, column = divmod(number, 2)
    return _EDGE + column * (_TILE + _GAP), _TOP + row * (_TILE + _GAP)


def _write_title(canvas: Canvas, image: sitk.Image, title: str) -> None:
    canvas.text(title, _EDGE, 58, 28, _BRIGHT, bold=True)
    size = " x ".join(str(count) for count in image.GetSize())
    spacing = " x ".join(f"{step:.2f}" for step in image.GetSpacing())
    canvas.text(f"{size} voxels of {spacing} mm", WIDTH - _EDGE, 56, 17, _QUIET, align="right")


def _lay_plane(canvas: Canvas, plane: Plane, millimeters: float, x: int, y: int) -> None:
    canvas.paste(plane.picture, x, y)
    canvas.outlined_text(plane.name, x + 10, y + 27, 15, _QUIET)
    if plane.letters is not None:
        _write_letters(canvas, plane.letters, x, y, _TILE, _TILE)
    _draw_scale_bar(canvas, _BAR_MM / millimeters, x + 14, y + _TILE - 16)


def _write_letters(canvas: Canvas, letters: Letters, x: int, y: int, width: int, height: int) -> None:
    left, right, top, bottom = letters
    canvas.outlined_text(left, x + 10, y + height // 2 + 10, 19, _BRIGHT)
    canvas.outlined_text(right, x + width - 10, y + height // 2 + 10, 19, _BRIGHT, align="right")
    canvas.outlined_text(top, x + width // 2, y + 29, 19, _BRIGHT, align="center")
    canvas.outlined_text(bottom, x + width // 2, y + height - 8, 19, _BRIGHT, align="center")


def _draw_scale_bar(canvas: Canvas, pixels: float, x: int, y: int) -> None:
    length = round(pixels)
    canvas.fill(x - 1, y - 1, length + 2, 5, (0.0, 0.0, 0.0))
    canvas.fill(x, y, length, 3, _BRIGHT)
    canvas.outlined_text(f"{_BAR_MM} mm", x, y - 4, 13, _BRIGHT)


def _lay_volumes(canvas: Canvas, found: Measurements, x: int, y: int) -> None:
    canvas.fill(x, y, _TILE, _TILE, _PANEL)
    canvas.text("Volumes", x + 20, y + 44, 18, _BRIGHT, bold=True)
    canvas.text("mL", x + _TILE - 20, y + 43, 15, _QUIET, align="right")
    step = min(42, (_TILE - 72) // max(1, len(found.rows)))
    for number, row in enumerate(found.rows):
        bottom = y + 62 + (number + 1) * step - max(4, (step - 20) // 2)
        canvas.fill(x + 20, y + 60 + number * step, _TILE - 40, 1, _LINE)
        canvas.dot(x + 20, bottom - 17, 14, structure_color(row.label))
        size = 17 if step >= 26 else 13
        canvas.text(row.name, x + 46, bottom, size, _BRIGHT if row.voxels else _QUIET)
        amount = f"{row.volume_ml:.1f}" if row.voxels else "-"
        canvas.text(amount, x + _TILE - 20, bottom, size, _BRIGHT if row.voxels else _QUIET, align="right")


def _lay_heart(canvas: Canvas, labels: sitk.Image, found: Measurements, orientation_known: bool) -> None:
    canvas.fill(_HEART_LEFT, _TOP, _HEART_WIDTH, _PANEL_HEIGHT, _PANEL)
    values = tuple(row.label for row in found.rows if row.voxels)
    heart = heart_field(labels, values) if values else None
    if heart is None or not heart.structures:
        note = "No heart structure was found." if heart is None else "What was found is too small for a 3-D view."
        middle = _HEART_LEFT + _HEART_WIDTH // 2
        canvas.text(note, middle, _TOP + _PANEL_HEIGHT // 2, 20, _QUIET, align="center")
        return
    _, down, right = heart.size
    scale = min((_HEART_WIDTH - 2 * _HEART_MARGIN) / right, (_PANEL_HEIGHT - 2 * _HEART_MARGIN) / down)
    picture = opengl_view.draw_heart(heart, scale, _PANEL)
    note = "From the front left" if orientation_known else "In 3-D"
    if picture is None:
        picture = software_view.draw_heart(heart, scale, _PANEL)
        note += ", drawn without OpenGL"
    rows, columns = picture.shape[:2]
    canvas.paste(picture, _HEART_LEFT + (_HEART_WIDTH - columns) // 2, _TOP + (_PANEL_HEIGHT - rows) // 2)
    if orientation_known:
        right_axis, down_axis, _ = camera_axes()
        _write_letters(canvas, edge_letters(right_axis, down_axis), _HEART_LEFT, _TOP, _HEART_WIDTH, _PANEL_HEIGHT)
    _draw_scale_bar(canvas, _BAR_MM / heart.spacing_mm * scale, _HEART_LEFT + 14, _TOP + _PANEL_HEIGHT - 16)
    canvas.outlined_text(note, _HEART_LEFT + 10, _TOP + 27, 15, _QUIET)
