"""Rays through a smooth structure: where they meet its surface and which way it faces there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeartSeg3DLib.report.heart_field import SURFACE, StructureField

Floats = NDArray[np.float32]

_STEP = 0.5
"""Step of a ray in voxels."""
_HALVINGS = 4


@dataclass(frozen=True)
class Hits:
    """Where the rays of a picture first meet one structure.

    Attributes:
        pixels: (2, hits) y and x of the pixels whose ray meets it.
        depth: (hits,) in voxels.
        normal: (hits, (right, down, depth)), unit length, pointing out of the structure.
    """

    pixels: NDArray[np.intp]
    depth: Floats
    normal: Floats


def cast_rays(structure: StructureField, shape: tuple[int, int], scale: float) -> Hits:
    """Follow one ray a pixel along the depth axis.

    Args:
        structure: In the camera's frame.
        shape: Rows and columns of the picture.
        scale: Pixels a voxel.
    """
    _, top, left = structure.start
    first_depth = _depth_to_start(structure.field)
    rows, columns = first_depth.shape
    y = np.arange(max(0, round(top * scale)), min(shape[0], round((top + rows) * scale)))
    x = np.arange(max(0, round(left * scale)), min(shape[1], round((left + columns) * scale)))
    down = ((y + 0.5) / scale - top - 0.5).astype(np.float32)
    right = ((x + 0.5) / scale - left - 0.5).astype(np.float32)
    start = first_depth[
        np.ix_(np.clip(np.rint(down), 0, rows - 1).astype(int), np.clip(np.rint(right), 0, columns - 1).astype(int))
    ]
    pixels = np.stack(np.nonzero(np.isfinite(start)))
    points = np.stack([start[tuple(pixels)], down[pixels[0]], right[pixels[1]]])
    found = _advance_to_surface(structure.field, points)
    pixels, points = pixels[:, found], points[:, found]
    normal = _normals(structure.field, points)
    return Hits(pixels + np.array([[y[0]], [x[0]]]), points[0] + structure.start[0], normal)


def _depth_to_start(field: Floats) -> Floats:
    """Return for each grid column [down, right] a depth just before the surface near it, infinite far from it."""
    inside = field >= SURFACE
    first = np.where(inside.any(axis=0), inside.argmax(axis=0), np.inf)
    return ndimage.minimum_filter(first, size=3).astype(np.float32) - 1


def _advance_to_surface(field: Floats, points: Floats) -> NDArray[np.bool_]:
    """Move points [(depth, down, right), ray] along depth to the surface in place; return which rays meet it."""
    found = np.zeros(points.shape[1], bool)
    active = np.arange(points.shape[1])
    while active.size:
        met = _sample(field, points[:, active]) >= SURFACE
        found[active[met]] = True
        active = active[~met]
        points[0, active] += _STEP
        active = active[points[0, active] < field.shape[0]]
    step = _STEP
    for _ in range(_HALVINGS):
        step /= 2
        inside = _sample(field, points) >= SURFACE
        points[0] += np.where(inside, -step, step).astype(np.float32)
    return found


def _sample(field: Floats, points: Floats) -> Floats:
    return ndimage.map_coordinates(field, points, order=1, mode="nearest")


def _normals(field: Floats, points: Floats) -> Floats:
    """Return outward unit normals (ray, (right, down, depth)) at points, by central differences."""
    slopes = []
    for axis in (2, 1, 0):
        reach = np.zeros((3, 1), np.float32)
        reach[axis] = 1.5
        slopes.append(_sample(field, points - reach) - _sample(field, points + reach))
    normal = np.stack(slopes, axis=-1)
    return normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
