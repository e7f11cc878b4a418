"""Judges and tidies the voxels of one frame: type, missing numbers, nothing to see, labels instead of grey values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from ..errors import InputError

_NARROW_INTEGERS = {sitk.sitkInt8, sitk.sitkUInt8, sitk.sitkInt16, sitk.sitkUInt16}
_WIDE_INTEGERS = {sitk.sitkInt32, sitk.sitkUInt32, sitk.sitkInt64, sitk.sitkUInt64}
_FLOATS = {sitk.sitkFloat32, sitk.sitkFloat64}

SLAB = 16
"""Slices that are worked on at a time."""

_SAMPLED_SLICES = 32
_MOST_LABEL = 4095
_FEW_VALUES, _FEW_VALUES_AGREEMENT = 32, 0.5
_MANY_VALUES, _MANY_VALUES_AGREEMENT = 256, 0.9


@dataclass(frozen=True)
class TidyFrame:
    """A usable frame and what was changed on the way.

    Attributes:
        image: Scalar image of int8 to int32, uint8, uint16 or float32 voxels.
        low: Lowest voxel value.
        high: Highest voxel value.
        warnings: Sentences for the user.
    """

    image: sitk.Image
    low: float
    high: float
    warnings: tuple[str, ...] = ()


def tidy(image: sitk.Image, name: str) -> TidyFrame:
    """Brings a frame to a voxel type that every later step handles and replaces voxels that are no numbers.

    8- and 16-bit data stay as they are, wider integers become the narrowest type that holds them, doubles float32.

    Args:
        image: 3-D image as read.
        name: What to call it in messages.

    Raises:
        InputError: Colors, vectors or complex numbers; no number at all; the same value everywhere.
    """
    pixel = image.GetPixelID()
    if pixel not in _NARROW_INTEGERS | _WIDE_INTEGERS | _FLOATS:
        raise InputError(f"{name} has colors, vectors or complex numbers ({image.GetPixelIDTypeAsString()}) "
                         "instead of one grey value per voxel.", "Export the scan itself, not a picture of it.")
    warnings: list[str] = []
    if pixel in _FLOATS:
        image, replaced = _finite(sitk.Cast(image, sitk.sitkFloat32) if pixel == sitk.sitkFloat64 else image, name)
        if replaced:
            warnings.append(f"{replaced} voxels of {name} were not numbers (NaN or infinite) and got the image's "
                            "lowest value.")
    low, high = _value_range(image)
    if low == high:
        raise InputError(f"Every voxel of {name} has the same value ({low:g}), so there is nothing to see.",
                         "Check that the scan was exported completely.")
    if pixel in _WIDE_INTEGERS:
        image = sitk.Cast(image, _narrow_type(low, high))
    return TidyFrame(image, low, high, tuple(warnings))


def refuse_label_map(frame: TidyFrame, name: str) -> None:
    """Stops a label map that was given in the place of a scan.

    Raises:
        InputError: The image is a label map.
    """
    if frame.low < 0 or frame.high > _MOST_LABEL:
        return
    different = values_of_label_map(sitk.GetArrayViewFromImage(frame.image))
    if different:
        raise InputError(f"{name} is a label map ({different} values), not a scan.",
                         "Give the CT or MR image; `heartseg measure` takes label maps.")


def values_of_label_map(voxels: np.ndarray, background: int = 0) -> int:
    """How many values a label map has, 0 for an image that is none.

    A label map has whole numbers, few of them, and neighbors inside a structure are equal; noise keeps the neighbors
    of a real scan apart even where it has been squeezed into 8 bits.

    Args:
        voxels: (z, y, x) numbers from `background` to 65535 above it.
        background: Lowest value.
    """
    sample = voxels[::max(1, len(voxels) // _SAMPLED_SLICES)]
    if sample.dtype.kind == "f" and not (sample == np.rint(sample)).all():
        return 0
    values = (sample - background if background else sample).astype(np.uint16)
    different = int(np.count_nonzero(np.bincount(values.ravel())))
    left, right = values[..., :-1], values[..., 1:]
    inside = (left > 0) & (right > 0)
    agreement = float((left == right)[inside].mean()) if inside.any() else 0.0
    like_labels = (different <= _FEW_VALUES and agreement >= _FEW_VALUES_AGREEMENT) or (
        different <= _MANY_VALUES and agreement >= _MANY_VALUES_AGREEMENT)
    return different if like_labels else 0


def _value_range(image: sitk.Image) -> tuple[float, float]:
    scan = sitk.MinimumMaximumImageFilter()
    scan.Execute(image)
    return scan.GetMinimum(), scan.GetMaximum()


def _finite(image: sitk.Image, name: str) -> tuple[sitk.Image, int]:
    """Replaces NaN and infinite voxels by the lowest finite value; the image itself where there are none."""
    bad, lowest = 0, np.inf
    for slab in slabs(sitk.GetArrayViewFromImage(image)):
        good = np.isfinite(slab)
        bad += slab.size - int(np.count_nonzero(good))
        lowest = min(lowest, float(slab.min(where=good, initial=np.inf)))
    if bad == 0:
        return image, 0
    if lowest == np.inf:
        raise InputError(f"{name} holds no numbers at all.", "Check that the scan was exported completely.")
    voxels = sitk.GetArrayFromImage(image)
    for slab in slabs(voxels):
        slab[~np.isfinite(slab)] = lowest
    clean = sitk.GetImageFromArray(voxels)
    clean.CopyInformation(image)
    return clean, bad


def slabs(voxels: np.ndarray) -> Iterator[np.ndarray]:
    """Views of a few slices each, so that what is computed from them stays small beside the image."""
    for start in range(0, len(voxels), SLAB):
        yield voxels[start:start + SLAB]


def _narrow_type(low: float, high: float) -> int:
    """Smallest of int16, int32 and float32 that holds the range."""
    for pixel, kind in ((sitk.sitkInt16, np.int16), (sitk.sitkInt32, np.int32)):
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            return pixel
    return sitk.sitkFloat32
