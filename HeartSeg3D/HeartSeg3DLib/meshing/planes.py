"""Planes in space: the border of an image, and those of triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from .indicators import index_to_point


@dataclass(frozen=True)
class Plane:
    """A point (3,) and a unit normal (3,), LPS in mm, and the labels that end there."""

    point: NDArray[np.float64]
    normal: NDArray[np.float64]
    labels: frozenset[int]


@dataclass(frozen=True)
class Disk:
    """A flat disk: its middle (3,), its unit normal (3,), LPS, and its radius, in mm."""

    point: NDArray[np.float64]
    normal: NDArray[np.float64]
    radius: float


def image_border(labels: sitk.Image) -> list[Plane]:
    """Return the six planes at the outer faces of a label map's voxels, normals outward."""
    axes, size, voxels = index_to_point(labels), np.array(labels.GetSize()), sitk.GetArrayViewFromImage(labels)
    planes = []
    for axis in range(3):
        unit = axes[:, axis] / np.linalg.norm(axes[:, axis])
        for side, index in ((-1.0, -0.5), (1.0, size[axis] - 0.5)):
            place = np.asarray(labels.GetOrigin()) + axes[:, axis] * index
            cut = np.unique(voxels.take(0 if side < 0 else -1, axis=2 - axis)).tolist()
            planes.append(Plane(place, side * unit, frozenset(cut)))
    return planes


def triangle_planes(
    points: NDArray[np.float64], triangles: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return centers (M, 3), unit normals (M, 3) and areas (M,) of triangles."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    length = np.linalg.norm(normals, axis=1)
    return (a + b + c) / 3.0, normals / np.maximum(length, np.finfo(np.float64).tiny)[:, None], length / 2.0
