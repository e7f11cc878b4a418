"""One page that shows a mesh: how well its triangles are shaped, and how well its outline follows the voxels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.meshing.mesh import OUTSIDE, SurfaceMesh
from HeartSeg3DLib.meshing.quality.shape import triangle_scaled_jacobians
from HeartSeg3DLib.report.canvas import Picture
from HeartSeg3DLib.report.heart_field import camera_axes
from HeartSeg3DLib.report.mesh_slices import mesh_slices
from HeartSeg3DLib.report.tile_page import PANEL, TILE, TilePage
from HeartSeg3DLib.report.triangle_view import draw_triangles

_MARGIN = 1.1

_SCALE = (0.0, 0.15, 0.4, 0.75, 1.0)
_SCALE_COLORS = np.array([(0.80, 0.05, 0.35), (0.90, 0.25, 0.25), (0.95, 0.65, 0.25), (0.75, 0.85, 0.75),
                          (0.35, 0.65, 0.85)])
"""Scaled Jacobians and their colors, told apart without red-green vision: bad triangles are red, good ones blue."""


def render_mesh(mesh: SurfaceMesh, labels: sitk.Image, path: Path, title: str, fact: str = "") -> None:
    """Write one PNG: the mesh from the front left, from behind and cut open, colored by the shape of its triangles, and
    its outline on three slices of the label map. Needs no display.

    Args:
        mesh: Surfaces, LPS, mm.
        labels: Label map that they were made from.
        path: PNG file, replaced in one step.
        title: First line of the page.
        fact: How large the mesh is, in words; its number of triangles by default.

    Raises:
        UsageError: The file cannot be written.
    """
    page = TilePage(title, fact or f"{len(mesh.triangles):,} triangles".replace(",", " "))
    for number, (name, picture, scale) in enumerate(_views(mesh)):
        page.lay(number, name, picture, scale)
    slices, millimeters = mesh_slices(labels, mesh.points, mesh.triangles, TILE, PANEL)
    for number, plane in enumerate(slices, 3):
        page.lay(number, f"{plane.name}: voxels and outline of the mesh", plane.picture, 1.0 / millimeters)
    page.lay_scale(quality_colors(np.linspace(0.0, 1.0, 256)), ("0", "0.5", "1"),
                   "Scaled Jacobian of the triangles: 1 is equilateral, 0 is flat")
    page.save(path)


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
    scale = TILE / (2 * reach * _MARGIN)
    pictures = []
    for name, axes, shown in (("From the front left", front, outer), ("From behind", back, outer),
                              ("Cut open", front, np.ones(len(outer), bool))):
        corners = ((mesh.points - center) @ axes.T)[mesh.triangles]
        chosen = shown & (corners[..., 2].min(axis=1) > 0.0) if name == "Cut open" else shown
        picture = draw_triangles(corners[chosen], colors[chosen], (TILE, TILE), scale, PANEL)
        pictures.append((name, picture, scale))
    return pictures


def quality_colors(jacobians: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sRGB colors (M, 3) of scaled Jacobians (M,)."""
    return np.stack([np.interp(jacobians, _SCALE, _SCALE_COLORS[:, channel]) for channel in range(3)], axis=1)
