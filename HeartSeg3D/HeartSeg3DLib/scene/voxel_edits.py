"""Edits of one chamber's mask: smooth, fill, grow, shrink, largest piece. Arrays only, nothing of Slicer.

Masks are uint8 arrays (z, y, x) of 0 and 1 on the box of the chamber with a margin; spacings are (x, y, z) in mm, so
that a distance is a distance also where slices are thick. What lies outside the array counts as unknown, not as
background: a chamber that the scan cuts off does not shrink away from the cut.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
Spacing = tuple[float, float, float]


def smoothed(mask: Mask, spacing: Spacing, mm: float) -> Mask:
    """Smooths the surface with a Gaussian of `mm` standard deviation and keeps its volume.

    A fixed threshold of one half would shrink round chambers; instead the voxels with the highest smoothed values are
    kept, as many as there were; voxels of equal value, as in a symmetrical shape, stay or go together.
    """
    from scipy import ndimage  # a quarter of a second to load, so only for the first smoothing

    wanted = int(np.count_nonzero(mask))
    if wanted in (0, mask.size):
        return mask.copy()
    sigmas = [mm / step for step in reversed(spacing)]
    values = ndimage.gaussian_filter(mask.astype(np.float32), sigmas, mode="nearest", truncate=3.0)
    near = values[values > 0]
    level = np.partition(near, near.size - wanted)[near.size - wanted]
    return (values >= level).astype(np.uint8)


def grown(mask: Mask, spacing: Spacing, mm: float) -> Mask:
    """Adds every voxel whose center lies at most `mm` from the center of a voxel of the chamber."""
    return (_distance_to(mask, spacing) <= mm).astype(np.uint8)


def shrunk(mask: Mask, spacing: Spacing, mm: float) -> Mask:
    """Keeps the voxels whose center lies more than `mm` from the center of every voxel outside the chamber."""
    outside = np.uint8(1) - mask
    if not outside.any():
        return mask.copy()
    return (_distance_to(outside, spacing) > mm).astype(np.uint8)


def largest_piece(mask: Mask) -> Mask:
    """Keeps the largest of the pieces that hang together by voxel faces."""
    pieces = sitk.RelabelComponent(sitk.ConnectedComponent(sitk.GetImageFromArray(mask), False))
    return (sitk.GetArrayViewFromImage(pieces) == 1).astype(np.uint8)


def holes(mask: Mask) -> Mask:
    """The voxels that the chamber encloses on all sides."""
    filled = sitk.GetArrayFromImage(sitk.BinaryFillhole(sitk.GetImageFromArray(mask), False, 1))
    return filled.astype(np.uint8) - mask


def _distance_to(mask: Mask, spacing: Spacing) -> NDArray[np.float32]:
    """Distance in mm from every voxel center to the nearest voxel center of the mask, 0 or less inside it."""
    distance = sitk.SignedMaurerDistanceMap(_image(mask, spacing), insideIsPositive=False, squaredDistance=False,
                                            useImageSpacing=True)
    found: NDArray[np.float32] = sitk.GetArrayFromImage(distance)
    return found


def _image(mask: Mask, spacing: Spacing) -> sitk.Image:
    image = sitk.GetImageFromArray(mask)
    image.SetSpacing(spacing)
    return image
