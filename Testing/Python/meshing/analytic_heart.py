"""An analytic heart of seven labels: known shapes at any spacing and in any frame.

Ellipsoids and tubes in millimeters; where two overlap, the one named first in ORDER has the place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

LV, MYO, RV, LA, RA, AO, PA = 1, 2, 3, 4, 5, 6, 7
ORDER = (LV, MYO, AO, PA, RV, LA, RA)
LOW, HIGH = np.array([-62.0, -60.0, -60.0]), np.array([74.0, 58.0, 108.0])
LEFT_BASE, RIGHT_BASE = 25.3, 24.3
"""Heights of the planes between ventricles and atria: not in the middle between voxels, and not on their centers."""

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
_FAR = 40.0


def _ellipsoid(points: np.ndarray, center: Sequence[float], radii: Sequence[float]) -> np.ndarray:
    """Distance to first order, negative inside."""
    radius = np.asarray(radii, float)
    offset = points - np.asarray(center, float)
    level = np.linalg.norm(offset / radius, axis=-1)
    slope = np.linalg.norm(offset / radius**2, axis=-1)
    return np.where(slope > 1e-9, level * (level - 1) / np.maximum(slope, 1e-9), -radius.min())


def _tube(points: np.ndarray, course: Sequence[Sequence[float]], radius: float) -> np.ndarray:
    """Distance to a tube with flat ends along a smooth course, negative inside."""
    knots = np.asarray(course, float)
    along = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))]
    line = CubicSpline(along, knots)(np.linspace(0.0, along[-1], 2000))
    distance = cKDTree(line).query(points.reshape(-1, 3), distance_upper_bound=_FAR)[0].reshape(points.shape[:-1])
    inside = np.minimum(distance, _FAR) - radius
    for end, beyond in ((line[0], line[0] - line[1]), (line[-1], line[-1] - line[-2])):
        near = np.linalg.norm(points - end, axis=-1) < 3 * radius
        inside = np.maximum(inside, np.where(near, (points - end) @ (beyond / np.linalg.norm(beyond)), -np.inf))
    return inside


def shapes(points: np.ndarray, wall: float = 10.0) -> dict[int, np.ndarray]:
    """Distance-like functions of the seven shapes at points (..., 3) in mm, negative inside, before any has priority.

    `wall` is the thickness of the left ventricle's myocardium.
    """
    z = points[..., 2]
    return {
        LV: np.maximum(_ellipsoid(points, (0, 0, 0), (22, 22, 42)), z - LEFT_BASE),
        MYO: np.maximum(_ellipsoid(points, (0, 0, 0), (22 + wall, 22 + wall, 42 + wall)), z - LEFT_BASE),
        RV: np.maximum(_ellipsoid(points, (28, -4, 2), (30, 33, 40)), z - RIGHT_BASE),
        LA: np.maximum(_ellipsoid(points, (-10, -8, 45), (25, 23, 23)), LEFT_BASE - z),
        RA: np.maximum(_ellipsoid(points, (42, 6, 42), (23, 24, 25)), RIGHT_BASE - z),
        AO: _tube(points, [(2, 14, 22), (4, 18, 45), (2, 22, 70), (-10, 6, 86), (-22, -20, 80), (-26, -34, 58)], 12.0),
        PA: _tube(points, [(26, -24, 20), (24, -26, 40), (16, -26, 60), (0, -28, 72)], 10.5),
    }


def exact_shapes(points: np.ndarray, wall: float = 10.0) -> dict[int, np.ndarray]:
    """The same with priorities: each function is negative where the label is."""
    plain, exact, taken = shapes(points, wall), {}, np.full(points.shape[:-1], np.inf)
    for value in ORDER:
        exact[value] = np.maximum(plain[value], -taken)
        taken = np.minimum(taken, plain[value])
    return exact


def analytic_heart(
    spacing: Sequence[float] = (3.0, 3.0, 3.0),
    direction: Sequence[float] = AXIAL,
    wall: float = 10.0,
    low: np.ndarray = LOW,
    high: np.ndarray = HIGH,
) -> sitk.Image:
    """Label map of the heart in the box from `low` to `high`, or around it where the axes are turned."""
    steps, axes = np.asarray(spacing, float), np.reshape(direction, (3, 3))
    aligned = np.allclose(np.abs(axes).max(axis=0), 1.0)
    extent = (high - low) * (1.0 if aligned else 1.35)
    size = np.ceil(np.abs(axes.T) @ extent / steps if aligned else extent / steps).astype(int) + int(aligned)
    image = sitk.Image(size.tolist(), sitk.sitkUInt8)
    image.SetSpacing(steps.tolist())
    image.SetDirection(axes.ravel().tolist())
    image.SetOrigin(((low + high) / 2 - axes @ (steps * (size - 1) / 2)).tolist())
    voxels = np.zeros(size[::-1], np.uint8)
    for layer in range(size[2]):
        index = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1]), indexing="xy"), axis=-1)
        index = np.concatenate([index, np.full((*index.shape[:2], 1), layer)], axis=-1)
        plain = shapes(index * steps @ axes.T + image.GetOrigin(), wall)
        for value in reversed(ORDER):
            voxels[layer][plain[value] < 0] = value
    labels = sitk.GetImageFromArray(voxels)
    labels.CopyInformation(image)
    return labels
