"""One page that shows a mesh: how well its triangles are shaped, and how well its outline follows the voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.imaging import replacing
from HeartSeg3DLib.imaging.output import not_written
from HeartSeg3DLib.meshing.mesh import OUTSIDE, SurfaceMesh
from HeartSeg3DLib.meshing.quality.shape import triangle_scaled_jacobians
from HeartSeg3DLib.notice import NOTE_SENTENCE
from HeartSeg3DLib.report.canvas import Align, Canvas, Color, Picture
from HeartSeg3DLib.report.heart_field import camera_axes
from HeartSeg3DLib.report.mesh_slices import mesh_slices
from HeartSeg3DLib.report.triangle_view import draw_triangles

_EDGE, _GAP, _TOP, _TILE = 28, 12, 76, 506
WIDTH, HEIGHT = 2 * _EDGE + 3 * _TILE + 2 * _GAP, _TOP + 2 * (_TILE + _GAP) + 84
_BAR_MM, _MARGIN = 50, 1.1

_PAGE: Color = (0.055, 0.067, 0.086)
_PANEL: Color = (0.086, 0.102, 0.129)
_BRIGHT: Color = (0.94, 0.95, 0.97)
_QUIET: Color = (0.58, 0.63, 0.70)

_SCALE = (0.0, 0.15, 0.4, 0.75, 1.0)
_SCALE_COLORS = np.array([(0.80, 0.05, 0.35), (0.90, 0.25, 0.25), (0.95, 0.65, 0.25), (0.75, 0.85, 0.75),
                          (0.35, 0.65, 0.85)])
"""Scaled Jacobians and their colors, told apart without red-green vision: bad triangles are red, good ones blue."""


def render_mesh(mesh: SurfaceMesh, labels: sitk.Image, path: Path, title: str) -> None:
    """Write one PNG: the mesh from the front left, from behind and cut open, colored by the shape of its triangles, and
    its outline on three slices of the label map. Needs no display.

    Args:
        mesh: Surfaces, LPS, mm.
        labels: Label map that they were made from.
        path: PNG file, replaced in one step.
        title: First line of the page.

    Raises:
        UsageError: The file cannot be written.
    """
    canvas = Canvas(WIDTH, HEIGHT, _PAGE)
    canvas.text(title, _EDGE, 58, 28, _BRIGHT, bold=True)
    canvas.text(f"{len(mesh.triangles):,} triangles".replace(",", " "), WIDTH - _EDGE, 56, 17, _QUIET, align="right")
    for number, (name, picture, scale) in enumerate(_views(mesh)):
        _lay(canvas, number, name, picture, scale)
    slices, millimeters = mesh_slices(labels, mesh.points, mesh.triangles, _TILE, _PANEL)
    for number, plane in enumerate(slices, 3):
        _lay(canvas, number, f"{plane.name}: voxels and outline of the mesh", plane.picture, 1.0 / millimeters)
    _lay_scale(canvas)
    canvas.text(NOTE_SENTENCE, _EDGE, HEIGHT - 16, 15, _QUIET)
    canvas.text("HeartSeg", WIDTH - _EDGE, HEIGHT - 16, 15, _QUIET, align="right")
    with replacing(path) as temporary:
        try:
            sitk.WriteImage(sitk.GetImageFromArray(canvas.to_bytes(), isVector=True), str(temporary))
        except RuntimeError as error:  # ITK's word for a file that cannot be opened
            raise not_written(path) from error


def _views(mesh: SurfaceMesh) -> list[tuple[str, Picture, float]]:
    """Return name, picture and pixels a millimeter of three views."""
    front = camera_axes()
    right, depth = -front[0], front[2] * [-1.0, -1.0, 1.0]  # half a turn about the axis from feet to head
    back = np.stack([right, np.cross(depth, right), depth])
    colors = quality_colors(triangle_scaled_jacobians(mesh.points[mesh.triangles]))
    used = mesh.points[np.unique(mesh.triangles)]
    center = (used.min(axis=0) + used.max(axis=0)) / 2
    outer = mesh.labels[:, 1] == OUTSIDE
    seen = [(used - center) @ axes.T for axes in (front, back)]
    reach = max(float(np.abs(places[:, :2]).max()) for places in seen)
    scale = _TILE / (2 * reach * _MARGIN)
    pictures = []
    for name, axes, shown in (("From the front left", front, outer), ("From behind", back, outer),
                              ("Cut open", front, np.ones(len(outer), bool))):
        corners = ((mesh.points - center) @ axes.T)[mesh.triangles]
        chosen = shown & (corners[..., 2].min(axis=1) > 0.0) if name == "Cut open" else shown
        picture = draw_triangles(corners[chosen], colors[chosen], (_TILE, _TILE), scale, _PANEL)
        pictures.append((name, picture, scale))
    return pictures


def quality_colors(jacobians: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sRGB colors (M, 3) of scaled Jacobians (M,)."""
    return np.stack([np.interp(jacobians, _SCALE, _SCALE_COLORS[:, channel]) for channel in range(3)], axis=1)


def _lay(canvas: Canvas, number: int, name: str, picture: Picture, scale: float) -> None:
    row, column = divmod(number, 3)
    x, y = _EDGE + column * (_TILE + _GAP), _TOP + row * (_TILE + _GAP)
    canvas.paste(picture, x, y)
    canvas.outlined_text(name, x + 10, y + 27, 15, _QUIET)
    canvas.fill(x + 14, y + _TILE - 16, round(_BAR_MM * scale), 3, _BRIGHT)
    canvas.outlined_text(f"{_BAR_MM} mm", x + 14, y + _TILE - 20, 13, _BRIGHT)


def _lay_scale(canvas: Canvas) -> None:
    width, x, y = 360, _EDGE, HEIGHT - 84
    ramp = quality_colors(np.linspace(0.0, 1.0, width)).astype(np.float32)
    canvas.paste(np.repeat(ramp[None], 12, axis=0), x, y + 4)
    ticks: tuple[tuple[float, Align], ...] = ((0.0, "left"), (0.5, "center"), (1.0, "right"))
    for value, align in ticks:
        canvas.text(f"{value:g}", x + round(value * width), y + 36, 13, _QUIET, align=align)
    canvas.text("Scaled Jacobian of the triangles: 1 is equilateral, 0 is flat", x + width + 18, y + 20, 15, _QUIET)
