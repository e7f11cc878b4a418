"""Grids, smooth noise and painted tubes: the drawing tools of the scene builder. Frame: LPS, millimetres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from scipy.interpolate import PchipInterpolator

# Directions of an average heart in LPS, read off the long axis of the left ventricle and the line between the
# ventricles in two four-chamber hearts: apex to base, left to right ventricle, and their cross product.
_BASE = np.array([-0.76, 0.57, 0.31])
_RIGHT = np.array([-0.63, -0.77, 0.08])


def heart_axes() -> np.ndarray:
    """Return the (3, 3) orthonormal axes of an average heart: rows base, right ventricle, up, each in LPS."""
    base = _BASE / np.linalg.norm(_BASE)
    right = _RIGHT - (_RIGHT @ base) * base
    right /= np.linalg.norm(right)
    up = np.cross(base, right)
    return np.stack([base, right, up if up[2] > 0 else -up])


@dataclass(frozen=True)
class Grid:
    """A cubic grid centred on the origin; arrays are [z, y, x] with x left, y posterior, z superior.

    Attributes:
        size: Voxels along each side.
        spacing: Voxel size in mm.
    """

    size: int
    spacing: float

    @property
    def axis(self) -> np.ndarray:
        """Coordinates of the voxel centres along one side, mm."""
        return ((np.arange(self.size) - (self.size - 1) / 2) * self.spacing).astype(np.float32)

    def coordinates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return open arrays (x, y, z) that broadcast to [z, y, x]."""
        axis = self.axis
        return axis[None, None, :], axis[None, :, None], axis[:, None, None]

    def index(self, points: np.ndarray) -> np.ndarray:
        """Turn (n, 3) points in mm (x, y, z) into float indices (z, y, x)."""
        return np.asarray(points)[:, ::-1] / self.spacing + (self.size - 1) / 2

    def points(self, mask: np.ndarray) -> np.ndarray:
        """Return the (n, 3) positions (x, y, z) in mm of the voxels of a mask."""
        return (np.argwhere(mask)[:, ::-1] - (self.size - 1) / 2) * self.spacing


def smooth_noise(rng: np.random.Generator, grid: Grid, scale: float) -> np.ndarray:
    """Return unit-variance noise whose features are about ``scale`` mm wide, shape of the grid."""
    count = max(int(grid.size * grid.spacing / scale), 4)
    coarse = rng.standard_normal((count,) * 3).astype(np.float32)
    fine = enlarged(coarse, grid.size)
    return fine / max(float(fine.std()), 1e-6)


def enlarged(coarse: np.ndarray, size: int) -> np.ndarray:
    """Interpolate a float32 cube linearly to ``size`` voxels a side; both cubes cover the same space."""
    fine = F.interpolate(torch.from_numpy(coarse)[None, None], size=(size,) * 3, mode="trilinear", align_corners=False)
    return fine[0, 0].numpy()


def distance_within(mask: np.ndarray, reach: int) -> tuple[tuple[slice, ...], np.ndarray]:
    """Distance in voxels to a mask, only near it: where a whole volume would take seconds.

    Args:
        mask: (d, h, w) bool, not empty.
        reach: Margin around the mask in voxels.

    Returns:
        The region, and the distances in it to the nearest voxel of the mask.
    """
    box = ndimage.find_objects(mask.view(np.uint8))[0]
    region = tuple(slice(max(s.start - reach, 0), s.stop + reach) for s in box)
    return region, ndimage.distance_transform_edt(~mask[region])


def curve(points: np.ndarray, radii: float | list[float], step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resample a smooth curve; return positions (n, 3), radii (n,) and arc length (n,) in mm."""
    points = np.asarray(points, float)
    radius = np.broadcast_to(np.asarray(radii, float), (len(points),))
    length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    along = np.arange(0, length[-1] + step / 2, step)
    if len(points) > 2:
        return PchipInterpolator(length, points)(along), np.interp(along, length, radius), along
    line = np.stack([np.interp(along, length, points[:, k]) for k in range(3)], 1)
    return line, np.interp(along, length, radius), along


def paint_tube(tissue: np.ndarray, grid: Grid, points: np.ndarray, radii: float | list[float], value: int,
               protected: np.ndarray) -> None:
    """Paint a tube of spheres into a tissue array in place.

    Args:
        tissue: (n, n, n) uint8 scene.
        grid: Its grid.
        points: Control points in mm, (x, y, z).
        radii: Radius in mm, one or one a control point.
        value: Tissue code to write.
        protected: (64,) bool, tissues that are not overwritten.
    """
    centres, radius, _ = curve(points, radii, grid.spacing)
    for centre, size in zip(grid.index(centres), radius / grid.spacing, strict=True):
        low = np.maximum(np.floor(centre - size).astype(int), 0)
        high = np.minimum(np.ceil(centre + size).astype(int) + 1, grid.size)
        if (high <= low).any():
            continue
        offsets = np.ogrid[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        inside = sum((o - c) ** 2 for o, c in zip(offsets, centre, strict=True)) < size**2
        block = tissue[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        inside &= ~protected[block]
        block[inside] = value


def tissue_set(*tissues: int) -> np.ndarray:
    """Return a (64,) bool table that is true for the given tissues."""
    table = np.zeros(64, bool)
    table[list(tissues)] = True
    return table
