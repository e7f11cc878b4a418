"""Three planes through a label map with the outline of the mesh that was made from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.report.canvas import Color, Picture
from HeartSeg3DLib.report.heart_field import structure_color

_MARGIN = 1.12
_VOXELS = 0.45
"""How strongly voxels are colored: the outline has to stand out."""

_LINE: Color = (1.0, 1.0, 1.0)
_SAMPLES = 2
_NAMES = ("Axial", "Coronal", "Sagittal")


@dataclass(frozen=True)
class MeshSlice:
    """One plane along the label map's own axes, looked at by convention.

    Attributes:
        name: Shown above it.
        picture: Colors [y, x, rgb].
    """

    name: str
    picture: Picture


def mesh_slices(
    labels: sitk.Image, points: NDArray[np.float64], triangles: NDArray[np.integer], size: int, background: Color
) -> tuple[list[MeshSlice], float]:
    """Draw the voxels of three planes and where the mesh cuts them.

    Args:
        labels: 3-D label map, LPS, mm, with at least one label.
        points: (N, 3) LPS, mm.
        triangles: (M, 3).
        size: Pixels along each side of a picture.
        background: Color where no label is.

    Returns:
        The planes, and the millimeters a pixel, the same for all three.
    """
    upright = sitk.DICOMOrient(labels, "LPS")
    voxels = sitk.GetArrayViewFromImage(upright)
    axes = np.reshape(upright.GetDirection(), (3, 3)) * upright.GetSpacing()
    index = (np.asarray(points) - upright.GetOrigin()) @ np.linalg.inv(axes).T
    spacing = np.array(upright.GetSpacing())
    filled = np.array(np.nonzero(voxels))[::-1]
    low, high = filled.min(axis=1), filled.max(axis=1) + 1
    scale = float(((high - low) * spacing).max()) * _MARGIN / size
    center = (low + high - 1) / 2
    slices = []
    for axis, name in zip((2, 1, 0), _NAMES, strict=True):
        number = _most_telling(voxels, axis)
        column, row = ((0, 1), (0, 2), (1, 2))[2 - axis]
        turn = -1.0 if row == 2 else 1.0  # the head is up
        step = np.array([scale / spacing[column], turn * scale / spacing[row]])
        start = center[[column, row]] - step * (size - 1) / 2
        picture = _voxels(np.take(voxels, number, axis=2 - axis), start, step, size, background)
        segments = _cut(index, triangles, axis, number, (column, row))
        _outline(picture, (segments - start) / step)
        slices.append(MeshSlice(name, picture))
    return slices, scale


def _most_telling(voxels: NDArray[np.integer], axis: int) -> int:
    """Return the number of the slice across an axis (x, y, z) that shows most of each structure."""
    others = tuple(other for other in range(3) if other != 2 - axis)
    score = np.zeros(voxels.shape[2 - axis])
    for value in np.unique(voxels)[1:] if (voxels == 0).any() else np.unique(voxels):
        area = np.count_nonzero(voxels == value, axis=others)
        score += np.sqrt(area / area.max())
    return int(score.argmax())


def _voxels(
    plane: NDArray[np.integer], start: NDArray[np.float64], step: NDArray[np.float64], size: int, background: Color
) -> Picture:
    """Return the picture [y, x, rgb] of a slice [row, column], voxels as they are."""
    column, row = (np.rint(start[side] + step[side] * np.arange(size)).astype(int) for side in (0, 1))
    inside = ((row >= 0) & (row < plane.shape[0]))[:, None] & ((column >= 0) & (column < plane.shape[1]))[None, :]
    values = np.where(inside, plane[np.clip(row, 0, plane.shape[0] - 1)][:, np.clip(column, 0, plane.shape[1] - 1)], 0)
    picture = np.empty((size, size, 3), np.float32)
    picture[:] = background
    for value in np.unique(values[values > 0]).tolist():
        color = np.asarray(structure_color(value)) * _VOXELS + np.asarray(background) * (1 - _VOXELS)
        picture[values == value] = color
    return picture


def _cut(
    index: NDArray[np.float64], triangles: NDArray[np.integer], axis: int, number: int, sides: tuple[int, int]
) -> NDArray[np.float64]:
    """Return where triangles cut a slice: (K, 2 ends, 2) index along `sides`."""
    height = index[:, axis] - number - 1e-4  # a plane through nodes would cut along edges
    above = (height > 0)[triangles]
    cut = triangles[above.any(axis=1) & ~above.all(axis=1)]
    ends = []
    for one, other in ((0, 1), (1, 2), (2, 0)):
        a, b = cut[:, one], cut[:, other]
        crossing = (height[a] > 0) != (height[b] > 0)
        part = np.where(crossing, height[a] / np.where(crossing, height[a] - height[b], 1.0), np.nan)[:, None]
        ends.append(index[a][:, sides] + part * (index[b] - index[a])[:, sides])
    crossings = np.stack(ends, axis=1)
    return crossings[~np.isnan(crossings[..., 0])].reshape(-1, 2, 2)


def _outline(picture: Picture, segments: NDArray[np.float64]) -> None:
    """Draw segments (K, 2 ends, (x, y)) in pixels as thin lines, in place."""
    size = picture.shape[0] * _SAMPLES
    ends = (segments + 0.5) * _SAMPLES
    longest = float(np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).max(initial=0.0))
    along = np.linspace(0.0, 1.0, int(np.ceil(2 * longest)) + 2)[:, None, None]
    places = (ends[:, 0] + along * (ends[:, 1] - ends[:, 0])).reshape(-1, 2).astype(int)
    drawn = np.zeros((size, size), bool)
    for dx, dy in ((0, 0), (0, 1), (1, 0)):
        x, y = places[:, 0] + dx, places[:, 1] + dy
        inside = (x >= 0) & (x < size) & (y >= 0) & (y < size)
        drawn[y[inside], x[inside]] = True
    opacity = drawn.reshape(size // _SAMPLES, _SAMPLES, -1, _SAMPLES).mean(axis=(1, 3), dtype=np.float32)[..., None]
    picture += opacity * (np.asarray(_LINE, np.float32) - picture)
