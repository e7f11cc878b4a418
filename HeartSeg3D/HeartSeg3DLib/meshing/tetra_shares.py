"""Smooth shares of the structures of a label map at any point: they decide where walls between tetrahedra lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..imaging.probabilities import ClassProbabilities
from .indicators import Indicator, Indicators, indicators
from .mesh import OUTSIDE
from .soft_labels import soft_indicators

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Shares:
    """How much of the surroundings of a point each structure fills.

    Points are in mm along the axes z, y, x of the label map from the center of its first voxel.

    Attributes:
        structures: Indicators of the structures.
        heart: Indicator of all structures together.
        voxel_mm: (3,) spacing along z, y, x.
    """

    structures: Indicators
    heart: Indicator
    voxel_mm: NDArray[np.float64]

    @property
    def count(self) -> int:
        """Number of labels with the outside, which is number 0."""
        return len(self.structures.values)

    def at(self, points: Points, number: int) -> NDArray[np.float32]:
        """Return the share (N,) of a label, by its number, at points (N, 3)."""
        places = points / self.voxel_mm
        return self.structures.structures[number - 1].at(places) if number else 1.0 - self.heart.at(places)

    def of(self, points: Points, numbers: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the share (N,) of a label for each of points (N, 3)."""
        shares = np.empty(len(points), np.float32)
        for number in np.unique(numbers):
            rows = numbers == number
            shares[rows] = self.at(points[rows], int(number))
        return shares

    def on_grid(self, axes: list[NDArray[np.float64]]) -> list[tuple[tuple[slice, ...], NDArray[np.float32]]]:
        """Return for each structure the part of a grid, given by its coordinates, where it may be, and its shares."""
        places = [coordinates / step for coordinates, step in zip(axes, self.voxel_mm, strict=True)]
        return [structure.on_grid(places) for structure in self.structures.structures]

    def box(self) -> tuple[Points, Points]:
        """Return the lowest and highest corner (3,) of what is not surely outside."""
        return self.heart.start * self.voxel_mm, (self.heart.start + self.heart.shares.shape - 1) * self.voxel_mm


def shares_of(labels: sitk.Image, sigma_mm: float, probabilities: ClassProbabilities | None = None) -> Shares:
    """Return the shares of all structures of a label map.

    Args:
        labels: 3-D uint8 label map with at least one label.
        sigma_mm: Width of the Gaussian that smooths the voxels, the same along all axes.
        probabilities: On the same voxels, where there are any; they are smoothed in place of the labels.
    """
    voxel_mm = np.array(labels.GetSpacing()[::-1])
    sigma = (sigma_mm / voxel_mm).tolist()
    if probabilities is not None:
        return Shares(*soft_indicators(labels, probabilities, sigma), voxel_mm)
    (heart,) = indicators(sitk.Cast(labels != OUTSIDE, sitk.sitkUInt8), sigma).structures
    return Shares(indicators(labels, sigma), heart, voxel_mm)
