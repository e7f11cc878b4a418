"""The heart as a camera sees it: smooth structures on a grid whose axes are the picture's right, down and depth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES

Box = tuple[slice, slice, slice]
Millimeters = NDArray[np.float64]

SURFACE = 0.5
"""Value of a smooth structure at its surface; more is inside."""

_CAVITY_OF_WALL = {
    BY_ID[wall].value: BY_ID[cavity].value
    for wall, cavity in {
        "MYO": "LV", "RV_WALL": "RV", "LA_WALL": "LA", "RA_WALL": "RA", "AO_WALL": "AO", "PA_WALL": "PA"
    }.items()
}
"""Of a wall only the outside is shown, so it is filled with its cavity: a thin shell would get holes when smoothed."""

_AZIMUTH_DEGREES = 42.0
"""The camera stands in front of the patient and a little to the patient's left ..."""
_ELEVATION_DEGREES = 14.0
"""... and above, where all four chambers and both vessels are in sight."""
_SMOOTHING_MM = 1.5
_THICK_SLICE_MM = 3.0
_FINEST_MM = 1.0
_LARGEST_GRID = 160
"""Voxels along the longest side: finer than this, nothing more is seen in a picture of 800 pixels."""


@dataclass(frozen=True)
class StructureField:
    """One smooth structure in a box of the camera's grid.

    Attributes:
        color: sRGB, 0 to 1.
        see_through: True for walls, which would hide the chamber inside; their field includes that chamber.
        start: First grid point of the box, (depth, down, right).
        field: [depth, down, right], 1 deep inside and 0 far outside.
    """

    color: tuple[float, float, float]
    see_through: bool
    start: tuple[int, int, int]
    field: NDArray[np.float32]


@dataclass(frozen=True)
class HeartField:
    """All structures to show.

    Attributes:
        structures: Those that have a surface.
        size: Grid points of the whole view, (depth, down, right).
        spacing_mm: Distance of neighboring grid points, the same along all axes.
    """

    structures: tuple[StructureField, ...]
    size: tuple[int, int, int]
    spacing_mm: float


def structure_color(value: int) -> tuple[float, float, float]:
    """Return the sRGB color of a label value, 0 to 1; gray where the table of structures does not know it."""
    red, green, blue = STRUCTURES[value].color if value in STRUCTURES else (150, 150, 150)
    return red / 255, green / 255, blue / 255


def camera_axes() -> NDArray[np.float64]:
    """Return the picture's right, down and depth as rows in LPS."""
    azimuth, elevation = np.radians([_AZIMUTH_DEGREES, _ELEVATION_DEGREES])
    to_camera = np.array(
        [np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)]
    )
    right = np.cross([0.0, 0.0, 1.0], to_camera)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(right, to_camera), -to_camera])


def heart_field(labels: sitk.Image, values: tuple[int, ...]) -> HeartField:
    """Resample structures into the camera's frame.

    Args:
        labels: 3-D label map in any orientation.
        values: Label values to show, each of them present. One of a few voxels alone has no smooth surface and is left
            out.
    """
    axes = camera_axes()
    voxels = ndimage.find_objects(sitk.GetArrayViewFromImage(labels))
    boxes = {value: _seen_box(labels, voxels[value - 1], axes) for value in values}
    low = np.min([box[0] for box in boxes.values()], axis=0)
    high = np.max([box[1] for box in boxes.values()], axis=0)
    spacing = max(_FINEST_MM, float((high - low).max()) / _LARGEST_GRID)
    margin = 4 * _SMOOTHING_MM / spacing

    structures = []
    for value, (first, last) in boxes.items():
        start = np.floor((first - low) / spacing - margin).astype(int)
        stop = np.ceil((last - low) / spacing + margin).astype(int) + 1
        sampler = sitk.ResampleImageFilter()
        sampler.SetSize((stop - start).tolist())
        sampler.SetOutputSpacing([spacing] * 3)
        sampler.SetOutputDirection(axes.T.ravel().tolist())
        sampler.SetOutputOrigin(((low + start * spacing) @ axes).tolist())
        sampler.SetInterpolator(sitk.sitkLinear)
        member = sampler.Execute(_membership(labels, value, voxels[value - 1]))
        field = ndimage.gaussian_filter(sitk.GetArrayViewFromImage(member), _SMOOTHING_MM / spacing, truncate=3)
        surface_box = ndimage.find_objects((field >= SURFACE).view(np.uint8))
        if surface_box:
            structures.append(_cropped(value, start[::-1], field, surface_box[0]))
    return _from_zero(structures, spacing)


def _cropped(value: int, start: NDArray[np.int_], field: NDArray[np.float32], box: Box) -> StructureField:
    """Return a structure in a box one point wider than its surface; start and box are (depth, down, right)."""
    part = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
    depth, down, right = (int(first) + side.start for first, side in zip(start, part, strict=True))
    return StructureField(structure_color(value), value in _CAVITY_OF_WALL, (depth, down, right), field[part])


def _from_zero(structures: list[StructureField], spacing: float) -> HeartField:
    """Return the field whose grid begins where the first structure begins and ends where the last one ends."""
    if not structures:
        return HeartField((), (0, 0, 0), spacing)
    starts = np.array([item.start for item in structures])
    stops = starts + [item.field.shape for item in structures]
    first = starts.min(axis=0)
    moved = [replace(item, start=tuple((item.start - first).tolist())) for item in structures]
    depth, down, right = (stops.max(axis=0) - first).tolist()
    return HeartField(tuple(moved), (depth, down, right), spacing)


def _membership(labels: sitk.Image, value: int, box: Box) -> sitk.Image:
    """Return a structure from 0 to 1 with an empty border.

    Between thick slices the structure changes its outline gradually: there the membership follows the distance to the
    surface (shape-based interpolation, Raya and Udupa 1990, doi 10.1109/42.52980), not a step from slice to slice.
    """
    start = [part.start for part in reversed(box)]
    size = [part.stop - part.start for part in reversed(box)]
    part = sitk.RegionOfInterest(labels, size, start)
    inside = (part == value) | (part == _CAVITY_OF_WALL.get(value, value))
    inside = sitk.ConstantPad(inside, [1, 1, 1], [1, 1, 1], 0)
    thickest = max(labels.GetSpacing())
    if thickest <= _THICK_SLICE_MM:
        return sitk.Cast(inside, sitk.sitkFloat32)
    mask, step = sitk.GetArrayViewFromImage(inside), inside.GetSpacing()[::-1]
    depth = ndimage.distance_transform_edt(mask, step) - ndimage.distance_transform_edt(mask == 0, step)
    member = sitk.GetImageFromArray(np.clip(SURFACE + depth / (2 * thickest), 0, 1).astype(np.float32))
    member.CopyInformation(inside)
    return member


def _seen_box(labels: sitk.Image, box: Box, axes: NDArray[np.float64]) -> tuple[Millimeters, Millimeters]:
    """Return the lowest and highest (right, down, depth) in mm of a structure's voxel box."""
    ends = [(part.start - 0.5, part.stop - 0.5) for part in reversed(box)]
    corners = [
        labels.TransformContinuousIndexToPhysicalPoint([x, y, z]) for x in ends[0] for y in ends[1] for z in ends[2]
    ]
    seen = np.array(corners) @ axes.T
    return seen.min(axis=0), seen.max(axis=0)
