"""Smooth indicators of the structures of a label map: how much of a point's surroundings each structure fills.

A label's voxels, blurred by half a voxel, give a function that is one half on the structure's wall. Structures
resampled through these functions have smooth walls, and the functions of all labels add up to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from .mesh import OUTSIDE

SIGMA_VOXELS = 0.5
"""Width of the Gaussian in voxels along each axis: less leaves stairs, more closes thin walls."""

_MARGIN = 2
"""Least number of voxels around a structure in which its indicator is not zero: four widths of the usual Gaussian."""

_REACH = 2.8
"""Widths of a wider Gaussian at which it is cut off."""


@dataclass(frozen=True)
class Indicator:
    """One structure's share of the voxels in and around its box.

    Attributes:
        start: (3,) index z, y, x of the first voxel of `shares`; may be negative where the structure is at the border.
        shares: (z, y, x) float32, 0 to 1.
    """

    start: NDArray[np.intp]
    shares: NDArray[np.float32]

    def at(self, places: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return shares (N,) at places (N, 3), fractional voxel indices z, y, x."""
        local = (places - self.start).T
        return ndimage.map_coordinates(self.shares, local, order=1, mode="constant", output=np.float32)

    def on_grid(self, axes: Sequence[NDArray[np.float64]]) -> tuple[tuple[slice, ...], NDArray[np.float32]]:
        """Return the part of a grid where the share is not zero, and the shares there.

        Args:
            axes: Fractional voxel indices of the grid's samples along z, y and x, ascending.
        """
        part, shares = [], self.shares
        for axis, places in enumerate(axes):
            local = places - self.start[axis]
            first, last = np.searchsorted(local, 0.0), np.searchsorted(local, shares.shape[axis] - 1.0, "right")
            part.append(slice(int(first), int(last)))
            shares = _interpolate(shares, local[first:last], axis)
        return tuple(part), shares


@dataclass(frozen=True)
class Indicators:
    """Indicators of all structures of a label map, and the place of its voxels.

    Attributes:
        values: Label values, `OUTSIDE` first, then ascending.
        structures: One for each value but `OUTSIDE`.
        image: The label map they were made from.
        volumes_mm3: (L,) volume of each value's voxels; 0 for `OUTSIDE`.
    """

    values: tuple[int, ...]
    structures: tuple[Indicator, ...]
    image: sitk.Image
    volumes_mm3: NDArray[np.float64]

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return shares (N, L) of the values at points (N, 3), LPS in mm; each row adds up to one."""
        places = ((points - self.image.GetOrigin()) @ np.linalg.inv(index_to_point(self.image)).T)[:, ::-1]
        shares = np.empty((len(points), len(self.values)), np.float32)
        for column, structure in enumerate(self.structures, 1):
            shares[:, column] = structure.at(places)
        shares[:, 0] = 1.0 - shares[:, 1:].sum(axis=1)
        return shares


def indicators(labels: sitk.Image, sigma_voxels: float | Sequence[float] = SIGMA_VOXELS) -> Indicators:
    """Return the smooth indicators of every structure in a label map.

    Args:
        labels: 3-D uint8 label map.
        sigma_voxels: Width of the Gaussian in voxels, one or along each axis z, y, x.
    """
    voxels = sitk.GetArrayViewFromImage(labels)
    margins = np.broadcast_to(np.maximum(_MARGIN, np.ceil(_REACH * np.asarray(sigma_voxels))).astype(int), 3)
    values, structures, counts = [OUTSIDE], [], [0]
    for value, box in enumerate(ndimage.find_objects(voxels), 1):
        if box is None:
            continue
        mask = np.pad(voxels[box] == value, [(margin, margin) for margin in margins])
        shares = ndimage.gaussian_filter(mask.astype(np.float32), sigma_voxels, mode="constant",
                                         radius=margins.tolist())
        values.append(value)
        structures.append(Indicator(np.array([part.start for part in box]) - margins, shares))
        counts.append(int(np.count_nonzero(mask)))
    voxel_mm3 = abs(np.linalg.det(index_to_point(labels)))
    return Indicators(tuple(values), tuple(structures), labels, np.array(counts) * voxel_mm3)


def index_to_point(image: sitk.Image) -> NDArray[np.float64]:
    """Return the matrix (3, 3) that takes a step of index x, y, z to a step in LPS, mm."""
    return np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())


def _interpolate(shares: NDArray[np.float32], places: NDArray[np.float64], axis: int) -> NDArray[np.float32]:
    """Return shares at places along one axis, linear between voxels."""
    below = np.minimum(places.astype(np.intp), shares.shape[axis] - 2)
    weight = (places - below).astype(np.float32)
    low = np.take(shares, below, axis)
    if not weight.any():
        return low
    weight = weight.reshape([-1 if a == axis else 1 for a in range(3)])
    return low + weight * (np.take(shares, below + 1, axis) - low)
