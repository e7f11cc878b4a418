"""Diameter of a vessel as the diameter of the largest sphere that fits inside it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

_SEARCH_VOXELS = 1_000_000
"""The first, coarse search looks at no more voxels than about this: a full 0.4 mm aorta has ten times as many."""

_SMALLEST_STEP = 1 / 64
"""The fine search stops at this fraction of a voxel, far below the accuracy of any label map."""

_NEIGHBORHOOD = np.array(list(product(np.linspace(-1.0, 1.0, 5), repeat=3)))


def inscribed_sphere_diameter(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> float:
    """Return the diameter in mm of the largest sphere inside a mask, 0 for an empty one.

    The sphere is the largest one that holds no background voxel center, does not cross the faces of
    the array and has no more volume than the mask; its center may lie between voxel centers. No half
    voxel is taken off: a curved wall passes the voxel grid at so many places that the nearest
    background centers lie just outside it, while the maximum of a plain distance transform, bound to
    voxel centers, is up to a voxel too small. The result is hardly ever below the diameter of the sampled
    shape; for spheres and cylinders 25 mm wide in any pose it is at most 0.2 mm above it at 1 mm
    voxels, 0.5 mm at 1.5 mm voxels or 3 mm slices, and 2.3 mm at 10 mm slices. Flat walls along a voxel
    axis, which vessels do not have, count up to half a voxel too far away each.

    Args:
        mask: Structure as [z, y, x], with one layer of surroundings kept around it wherever the image
            has one; where it has none the structure is cut off by the image's border.
        spacing: Voxel size in mm along z, y and x.
    """
    if not mask.any():
        return 0.0
    size = np.asarray(spacing, dtype=float)
    start, reach = _coarse_center(mask, size)
    low = np.maximum(np.floor((start - reach) / size).astype(int), 0)
    high = np.minimum(np.ceil((start + reach) / size).astype(int) + 1, mask.shape)
    window = mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    shell = np.argwhere(ndimage.binary_dilation(window) & ~window) + low
    background = cKDTree(shell * size) if len(shell) else None
    lower, upper = -0.5 * size, (np.asarray(mask.shape) - 0.5) * size

    def radius(centers: NDArray[np.float64]) -> NDArray[np.float64]:
        to_faces = np.minimum(centers - lower, upper - centers).min(axis=-1)
        to_unseen = reach - np.linalg.norm(centers - start, axis=-1)
        limit = np.minimum(to_faces, to_unseen)
        return limit if background is None else np.minimum(limit, background.query(centers)[0])

    same_volume = float(np.cbrt(np.count_nonzero(mask) * size.prod() * 3.0 / (4.0 * np.pi)))
    return 2.0 * min(_climb(start, size, radius), same_volume)


def _coarse_center(mask: NDArray[np.bool_], spacing: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Return where the largest sphere sits, to a coarse voxel, and the distance in mm to look at around it."""
    stride = _stride(mask.shape, spacing)
    sampled = mask[tuple(slice(None, None, step) for step in stride)]
    if not sampled.any():
        stride, sampled = np.ones(3, dtype=int), mask
    distance = ndimage.distance_transform_edt(np.pad(sampled, 1), sampling=spacing * stride)
    deepest = np.array(np.unravel_index(int(distance.argmax()), distance.shape)) - 1
    coarse_diagonal = float(np.linalg.norm(spacing * stride))
    return deepest * stride * spacing, float(distance.max()) + 3.0 * coarse_diagonal


def _stride(shape: tuple[int, ...], spacing: NDArray[np.float64]) -> NDArray[np.int_]:
    """Return the step along each axis that keeps the coarse search small, finest axis thinned first."""
    stride = np.ones(3, dtype=int)
    while np.prod(np.asarray(shape) / stride) > _SEARCH_VOXELS:
        stride[int(np.argmin(spacing * stride))] += 1
    return stride


def _climb(
    start: NDArray[np.float64],
    spacing: NDArray[np.float64],
    radius: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> float:
    """Return the largest radius found by moving the center, in mm, from `start` in ever smaller steps."""
    center, best = start, float(radius(start[None])[0])
    step = 1.0
    while step > _SMALLEST_STEP:
        centers = center + _NEIGHBORHOOD * spacing * step
        radii = radius(centers)
        if radii.max() > best:
            best, center = float(radii.max()), centers[int(radii.argmax())]
        else:
            step /= 2.0
    return best
