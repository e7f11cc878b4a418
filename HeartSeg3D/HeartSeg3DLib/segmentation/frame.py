"""The model frame: an image seen with its axes along the world's, without copying a voxel.

Arrays are indexed [z, y, x]; x runs towards the patient's left, y towards posterior, z towards superior (LPS). All
vectors here are in that array order (z, y, x) and in mm, relative to the center of the first voxel of the oriented
array, so that the storage order of a file changes no digit of what a network sees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError

_SNAP = 0.01
"""Largest direction cosine off the axes (0.6 degrees) that still counts as aligned: a network does not see such a
turn, and the labels lie on the image's own grid in any case."""

_LONGEST_MM = 5000.0
"""Longest believable side of an image: a wrong unit in a header would make the locator look at a hall full of air."""


@dataclass(frozen=True)
class Volume:
    """An image in the model frame.

    Attributes:
        array: View of the image's voxels, (Z, Y, X), axes permuted and flipped towards the world's axes.
        spacing: Distance of voxels along the three axes of ``array``, mm.
        rotation: 3x3; position of index n relative to the first voxel = rotation @ (spacing * n). The identity when
            the image is axis-aligned.
        origin: World position (z, y, x) of the first voxel of ``array``, mm LPS.
        axes: Axis of the stored array behind each axis of ``array``.
        flipped: Whether each axis of ``array`` runs against the stored one.
        owner: The image whose memory ``array`` views: a view alone would not keep it.
    """

    array: np.ndarray
    spacing: np.ndarray
    rotation: np.ndarray
    origin: np.ndarray
    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    owner: sitk.Image | None = None

    @property
    def aligned(self) -> bool:
        """Whether the axes of the array are the world's axes."""
        return bool(np.array_equal(self.rotation, np.eye(3)))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y, x."""
        z, y, x = self.array.shape
        return z, y, x

    def orient(self, stored: np.ndarray) -> np.ndarray:
        """Return a view of an array in the image's storage order as the model frame sees it."""
        return _orient(stored, self.axes, self.flipped)

    def extent(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner of the box around the whole field of view, (z, y, x) mm, voxel borders included."""
        shape = np.array(self.shape)
        ends = np.stack([-0.5 * self.spacing, (shape - 0.5) * self.spacing])
        return _bounds(ends, self.rotation)

    def index_range(self, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return [first, last) indices of ``array`` that cover a box of the model frame, clipped to the array.

        Args:
            lower: Lower corner of the box (z, y, x), mm.
            upper: Upper corner.
        """
        low, high = _bounds(np.stack([lower, upper]), self.rotation.T)
        # The added millionth keeps a voxel whose center lies on the border whatever the rounding.
        first = np.ceil(low / self.spacing - 1e-6).astype(int)
        last = np.floor(high / self.spacing + 1e-6).astype(int) + 1
        shape = np.array(self.shape)
        return np.clip(first, 0, shape), np.clip(last, 0, shape)

    def to_world(self, position: np.ndarray) -> tuple[float, float, float]:
        """World position (x, y, z), mm LPS, of a position of the model frame (z, y, x)."""
        z, y, x = (self.origin + position).tolist()
        return x, y, z


def view_in_model_frame(image: sitk.Image, direction: np.ndarray | None = None) -> Volume:
    """See a 3-D scalar image in the model frame.

    Args:
        image: The image.
        direction: 3x3 direction matrix (columns = index axes i, j, k in LPS) that replaces the header's: an assumed
            pose.

    Returns:
        A view; leave the image unchanged as long as it is used.

    Raises:
        InputError: The image is not a 3-D scalar image, or its spacing makes it longer than a scanner is.
    """
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("The image is not a three-dimensional image with one value per voxel.",
                         "Give one 3-D volume; for a time series choose one frame.")
    if "complex" in image.GetPixelIDTypeAsString():
        raise InputError("The image holds complex numbers.", "Export its magnitude and use that.")
    longest = float(np.max(np.multiply(image.GetSize(), image.GetSpacing())))
    if longest > _LONGEST_MM:
        raise InputError(f"The image would be {longest / 1000.0:.0f} m long, so its voxel spacing cannot be right.",
                         "Correct the spacing, which is in mm, or export the scan again.")
    header = np.array(image.GetDirection()).reshape(3, 3) if direction is None else direction
    volume = place(
        sitk.GetArrayViewFromImage(image),
        np.array(image.GetSpacing())[::-1],
        np.array(image.GetOrigin())[::-1],
        header,
    )
    return replace(volume, owner=image)


def place(stored: np.ndarray, spacing: np.ndarray, origin: np.ndarray, direction: np.ndarray) -> Volume:
    """See an array in storage order in the model frame.

    Args:
        stored: Voxels in storage order (k, j, i).
        spacing: Distance of voxels along k, j, i, mm.
        origin: World position (z, y, x) of the first stored voxel, mm LPS.
        direction: 3x3 direction matrix as ITK writes it: columns = index axes i, j, k in LPS.
    """
    cosines = direction[::-1, ::-1]  # rows: world z, y, x; columns: stored array axes 0, 1, 2
    axes = _nearest_axes(cosines)
    signs = np.sign([cosines[world, axis] for world, axis in enumerate(axes)])
    flipped = (bool(signs[0] < 0), bool(signs[1] < 0), bool(signs[2] < 0))
    rotation = cosines[:, list(axes)] * signs
    if np.abs(rotation - np.eye(3)).max() < _SNAP:
        rotation = np.eye(3)
    corner = np.zeros(3)
    for axis, is_flipped in zip(axes, flipped, strict=True):
        corner[axis] = (stored.shape[axis] - 1) * spacing[axis] if is_flipped else 0.0
    return Volume(
        array=_orient(stored, axes, flipped),
        spacing=spacing[list(axes)],
        rotation=rotation,
        origin=origin + cosines @ corner,
        axes=axes,
        flipped=flipped,
    )


def _nearest_axes(cosines: np.ndarray) -> tuple[int, int, int]:
    """Stored axis that runs best along each world axis, each used once."""
    def fit(axes: tuple[int, ...]) -> float:
        return float(sum(abs(cosines[world, axis]) for world, axis in enumerate(axes)))

    first, second, third = max(permutations(range(3)), key=fit)
    return first, second, third


def _orient(stored: np.ndarray, axes: tuple[int, int, int], flipped: tuple[bool, bool, bool]) -> np.ndarray:
    step = tuple(slice(None, None, -1) if is_flipped else slice(None) for is_flipped in flipped)
    return stored.transpose(axes)[step]


def _bounds(corners: np.ndarray, rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Box around a rotated box given by its lower and upper corner (2, 3)."""
    products = rotation[None] * corners[:, None, :]  # (corner, out, in)
    return products.min(0).sum(1), products.max(0).sum(1)
