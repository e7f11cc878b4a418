"""Three planes through the heart along the scan's own axes, with the structures laid over the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from HeartSeg3DLib.report.canvas import Picture
from HeartSeg3DLib.report.heart_field import structure_color

Letters = tuple[str, str, str, str]
"""Where the left, right, upper and lower edge of a picture point to."""

_LETTERS = ("RL", "AP", "FH")
"""Where the negative and the positive end of the LPS axes point to; feet and head as in DICOM."""
_SECOND_LETTER = 0.35
"""An axis that leans this far (20 degrees) towards a second direction gets its letter too."""
_OBLIQUE = 0.98
_MARGIN = 1.35
_SMALLEST_VIEW_MM = 120.0
_FILL = 0.30
_OUTLINE = 0.95
_OUTLINE_PIXELS = 1.5
_SMOOTHING_VOXELS = 0.7
"""Rounds the corners of voxels; outlines still pass through the same voxels."""
_SAMPLES = 2
"""Label samples along each side of a pixel, so that outlines are smooth."""


@dataclass(frozen=True)
class Plane:
    """One plane as it is looked at by convention: axial from the feet, coronal from the front, sagittal from the left.

    Attributes:
        name: Shown above it.
        picture: Colors [y, x, rgb].
        letters: Where its edges point to, None where nobody knows.
    """

    name: str
    picture: Picture
    letters: Letters | None


@dataclass(frozen=True)
class _Volume:
    """Image and labels [S, P, L]: reordered so that the array's axes run most nearly to Superior, Posterior, Left."""

    image: NDArray[np.float64]  # Or any other scalar type.
    labels: NDArray[np.integer]
    spacing: NDArray[np.float64]
    directions: NDArray[np.float64]  # Rows S, P, L: where the axes really point, in LPS.


def three_planes(image: sitk.Image, labels: sitk.Image, size: int) -> tuple[list[Plane], float]:
    """Draw the axial, coronal and sagittal plane that show most of the structures.

    Planes follow the voxel grid, so an oblique stack is shown as it was acquired.

    Args:
        image: 3-D scalar image.
        labels: Label map on the same grid; planes go through the middle of the image where it is empty.
        size: Pixels along each side of a picture.

    Returns:
        The planes, and the millimeters a pixel, the same for all three.
    """
    volume = _anatomical_order(image, labels)
    box = _heart_box(volume.labels)
    extent = max((part.stop - part.start) * step for part, step in zip(box, volume.spacing, strict=True))
    scale = max(extent * _MARGIN, _SMALLEST_VIEW_MM) / size
    window = _window(volume, box)
    names = ("Axial", "Coronal", "Sagittal")
    return [_plane(volume, axis, names[axis], box, window, scale, size) for axis in range(3)], scale


def edge_letters(right: NDArray[np.float64], down: NDArray[np.float64]) -> Letters:
    """Return the letters of a picture whose axes are these unit vectors in LPS."""
    return _direction(-right), _direction(right), _direction(-down), _direction(down)


def _direction(direction: NDArray[np.float64]) -> str:
    """Return where a unit vector in LPS points to, such as `L` or `LA`, the main direction first."""
    order = np.argsort(-np.abs(direction))
    letters = [_LETTERS[axis][int(direction[axis] > 0)] for axis in order if abs(direction[axis]) > _SECOND_LETTER]
    return "".join(letters[:2])


def _anatomical_order(image: sitk.Image, labels: sitk.Image) -> _Volume:
    columns = np.reshape(image.GetDirection(), (3, 3)).T  # Row i: where index i runs to, in LPS.
    best = max(permutations(range(3)), key=lambda axes: sum(abs(columns[axes[world]][world]) for world in range(3)))
    index_axes = [best[world] for world in (2, 1, 0)]  # Which index runs along S, P and L.
    signs = [1 if columns[axis][world] >= 0 else -1 for axis, world in zip(index_axes, (2, 1, 0), strict=True)]
    array_axes = [2 - axis for axis in index_axes]
    flips = tuple(slice(None, None, sign) for sign in signs)
    return _Volume(
        sitk.GetArrayViewFromImage(image).transpose(array_axes)[flips],
        sitk.GetArrayViewFromImage(labels).transpose(array_axes)[flips],
        np.array([image.GetSpacing()[axis] for axis in index_axes]),
        np.stack([columns[axis] * sign for axis, sign in zip(index_axes, signs, strict=True)]),
    )


def _heart_box(labels: NDArray[np.integer]) -> tuple[slice, ...]:
    """Return the box of all structures, the whole volume where there are none."""
    present = [box for box in ndimage.find_objects(labels) if box is not None]
    if not present:
        return tuple(slice(0, count) for count in labels.shape)
    return tuple(
        slice(min(box[axis].start for box in present), max(box[axis].stop for box in present)) for axis in range(3)
    )


def _window(volume: _Volume, box: tuple[slice, ...]) -> tuple[float, float]:
    """Return the values shown black and white: the heart's own, with room for fat and lung below and bone above."""
    image, labels = volume.image[box], volume.labels[box]
    inside = image[labels > 0] if labels.any() else image
    low, high = np.percentile(inside[:: max(1, inside.size // 200_000)] if inside.ndim == 1 else inside, (15, 85))
    everything = volume.image[::4, ::4, ::4]
    floor, ceiling = np.percentile(everything, (0.5, 99.9))
    width = max(high - low, 0.1 * (ceiling - floor), 1e-6)
    center = (low + high) / 2
    return max(center - 1.5 * width, floor), center + 0.9 * width


def _plane(
    volume: _Volume, axis: int, name: str, box: tuple[slice, ...], window: tuple[float, float], scale: float, size: int
) -> Plane:
    rows, columns = (other for other in range(3) if other != axis)
    slice_number = box[axis].start + _most_telling_slice(np.moveaxis(volume.labels[box], axis, 0))
    image = np.moveaxis(volume.image, axis, 0)[slice_number].astype(np.float32)
    labels = np.moveaxis(volume.labels, axis, 0)[slice_number]
    down = volume.directions[rows]
    steps = np.array([scale / volume.spacing[rows], scale / volume.spacing[columns]])
    if axis > 0:  # The head is up.
        steps[0], down = -steps[0], -down
    center = np.array([(box[other].start + box[other].stop - 1) / 2 for other in (rows, columns)])

    gray = (_sample(image, center, steps, size, order=3, outside=window[0]) - window[0]) / (window[1] - window[0])
    picture = np.repeat(np.clip(gray, 0, 1)[..., None], 3, axis=2).astype(np.float32)
    for value, inside, outline in _structures(labels, center, steps, size):
        opacity = np.maximum(_FILL * inside, _OUTLINE * outline)[..., None]
        picture += opacity * (np.asarray(structure_color(value), np.float32) - picture)
    oblique = abs(volume.directions[axis]).max() < _OBLIQUE
    return Plane(f"{name}, oblique" if oblique else name, picture, edge_letters(volume.directions[columns], down))


def _most_telling_slice(labels: NDArray[np.integer]) -> int:
    """Return the slice along the first axis that shows most of each structure, the middle one where there are none."""
    score = np.zeros(labels.shape[0])
    for value in np.unique(labels[labels > 0]):
        area = np.count_nonzero(labels == value, axis=(1, 2))
        score += np.sqrt(area / area.max())
    return int(score.argmax()) if score.any() else labels.shape[0] // 2


def _structures(
    labels: NDArray[np.integer], center: NDArray[np.float64], steps: NDArray[np.float64], size: int
) -> Iterator[tuple[int, Picture, Picture]]:
    """Yield each label value in a slice with the coverage [y, x] of its area and of its outline."""
    values = [int(value) for value in np.unique(labels) if value > 0]
    if not values:
        return
    fine = size * _SAMPLES
    soft = [ndimage.gaussian_filter((labels == value).astype(np.float32), _SMOOTHING_VOXELS) for value in values]
    chance = [_sample(member, center, steps / _SAMPLES, fine) for member in soft]
    winner = np.argmax(np.stack([1 - np.sum(chance, axis=0), *chance]), axis=0)
    for number, value in enumerate(values, start=1):
        inside = np.equal(winner, number)
        core = ndimage.binary_erosion(inside, iterations=round(_OUTLINE_PIXELS * _SAMPLES))
        yield value, _shrink(inside), _shrink(inside & ~core)


def _shrink(mask: NDArray[np.bool_]) -> Picture:
    side = mask.shape[0] // _SAMPLES
    return mask.reshape(side, _SAMPLES, side, _SAMPLES).mean(axis=(1, 3), dtype=np.float32)


def _sample(
    plane: NDArray[np.float32],
    center: NDArray[np.float64],
    steps: NDArray[np.float64],
    size: int,
    *,
    order: int = 1,
    outside: float = 0.0,
) -> NDArray[np.float32]:
    """Return a square picture [y, x] of a slice, `center` in its middle, one `steps` of index (row, column) a pixel."""
    start = center - steps * (size - 1) / 2
    return ndimage.affine_transform(plane, steps, start, (size, size), order=order, mode="constant", cval=outside)
