"""Slices in space: are they a regular grid, and if not, how to bring them onto one.

Notation: `along` is a slice's place on the stack's normal in mm, `shift` its displacement inside the slice plane in
mm relative to the first slice. A tilted gantry shifts each slice a little further; missing slices leave gaps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..errors import InputError

_UNEVEN_STEPS = 0.1
_ROUNDING_MM, _ROUNDING_STEPS = 0.1, 0.3
_SHIFTED_PIXELS = 0.5
_LONGEST_GAP_STEPS, _LONGEST_GAP_MM = 3.5, 20.0


@dataclass(frozen=True)
class StackLayout:
    """Where the slices of a stack lie.

    Attributes:
        origin: Center of the first pixel of the first slice, LPS in mm.
        axes: (3, 3), columns are the unit vectors along rows, down columns and along the normal.
        pixel: mm between columns and between rows.
        along: (n,) ascending places on the normal in mm, the first is 0.
        shifts: (n, 2) displacement inside the plane in mm, the first is (0, 0).
    """

    origin: np.ndarray
    axes: np.ndarray
    pixel: tuple[float, float]
    along: np.ndarray
    shifts: np.ndarray

    @property
    def step(self) -> float:
        """Distance between slices in mm: even where the grid is regular, the usual one where it is not."""
        if self.evenly_spaced:
            return float(self.along[-1] / (len(self.along) - 1))
        return float(np.median(np.diff(self.along)))

    @property
    def evenly_spaced(self) -> bool:
        """Whether the slices stand at equal distances; headers round positions to 0.1 mm and less."""
        step = self.along[-1] / (len(self.along) - 1)
        off = np.abs(self.along - step * np.arange(len(self.along)))
        return bool(off.max() <= max(_UNEVEN_STEPS * step, min(_ROUNDING_MM, _ROUNDING_STEPS * step)))

    @property
    def straight(self) -> bool:
        """Whether every slice lies right above the first, as it does without gantry tilt."""
        return bool(np.abs(self.shifts / np.array(self.pixel)).max() <= _SHIFTED_PIXELS)

    @property
    def tilt_degrees(self) -> float:
        """Angle between the stack and the normal of its slices."""
        return float(np.degrees(np.arctan2(np.linalg.norm(self.shifts[-1]), self.along[-1])))

    def gap_problem(self) -> str:
        """A sentence where so much is missing that filling it in would be inventing, else an empty text."""
        gaps = np.diff(self.along)
        widest = int(gaps.argmax())
        if gaps[widest] <= max(_LONGEST_GAP_STEPS * self.step, _LONGEST_GAP_MM):
            return ""
        return (f"slices are missing: {gaps[widest]:.0f} mm lie between slice {widest + 1} and slice {widest + 2}, "
                f"usually {self.step:.1f} mm")


def stack_layout(positions: np.ndarray, axes: np.ndarray, pixel: tuple[float, float]) -> StackLayout:
    """Layout of slices that are already sorted along their normal.

    Args:
        positions: (n, 3) centers of the first pixels, LPS in mm, n >= 2.
        axes: (3, 2) unit vectors along rows and down columns.
        pixel: mm between columns and between rows.
    """
    frame = np.column_stack([axes, np.cross(axes[:, 0], axes[:, 1])])
    local = (positions - positions[0]) @ frame
    return StackLayout(positions[0], frame, pixel, local[:, 2], local[:, :2])


def stack_image(slices: np.ndarray, layout: StackLayout) -> sitk.Image:
    """The image of a stack: as it is where the grid is regular, else resampled onto a regular grid.

    Args:
        slices: (n, rows, columns) voxels, sorted as in the layout.
        layout: Their places.

    Raises:
        InputError: A gap is too wide to be filled in.
    """
    if problem := layout.gap_problem():
        raise InputError(f"The stack cannot be used: {problem}.", "Export the complete series again.")
    regular = layout.evenly_spaced and layout.straight
    voxels, corner = (slices, np.zeros(2)) if regular else _regular_voxels(slices, layout)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((*layout.pixel, layout.step))
    image.SetOrigin(tuple(layout.origin + layout.axes[:, :2] @ corner))
    image.SetDirection(layout.axes.ravel().tolist())
    return image


def _regular_voxels(slices: np.ndarray, layout: StackLayout) -> tuple[np.ndarray, np.ndarray]:
    """Resamples onto planes at equal distances that lie right above each other.

    Linear in the plane and between planes; what no slice covers gets the stack's lowest value.

    Returns:
        The voxels and the in-plane place in mm of their first pixel relative to the first slice's.
    """
    pixel = np.array(layout.pixel)
    corner = layout.shifts.min(axis=0)
    grow = np.ceil((layout.shifts.max(axis=0) - corner) / pixel - 1e-6).astype(int)
    rows, columns = slices.shape[1] + int(grow[1]), slices.shape[2] + int(grow[0])
    lowest = float(slices.min())
    places = np.arange(0.0, layout.along[-1] + 1e-3 * layout.step, layout.step)
    voxels = np.empty((len(places), rows, columns), slices.dtype)
    moved: dict[int, np.ndarray] = {}
    for index, place in enumerate(places):
        upper = int(np.searchsorted(layout.along, place - 1e-6))
        upper = min(max(upper, 1), len(slices) - 1)
        pair = (upper - 1, upper)
        for one in pair:
            if one not in moved:
                moved[one] = _move(slices[one], (layout.shifts[one] - corner) / pixel, (rows, columns), lowest)
        moved = {one: moved[one] for one in pair}
        share = (place - layout.along[upper - 1]) / (layout.along[upper] - layout.along[upper - 1])
        mixed = (1 - share) * moved[pair[0]] + share * moved[pair[1]]
        voxels[index] = np.rint(mixed) if slices.dtype.kind in "iu" else mixed
    return voxels, corner


def _move(one: np.ndarray, by: np.ndarray, shape: tuple[int, int], fill: float) -> np.ndarray:
    """Moves a slice by (columns, rows) pixels onto a larger canvas, bilinear, float32."""
    source = sitk.GetImageFromArray(one.astype(np.float32))
    source.SetOrigin(by.tolist())
    return sitk.GetArrayFromImage(sitk.Resample(source, shape[::-1], sitk.Transform(2, sitk.sitkIdentity),
                                                sitk.sitkLinear, (0.0, 0.0), (1.0, 1.0), (1.0, 0.0, 0.0, 1.0), fill,
                                                sitk.sitkFloat32))
