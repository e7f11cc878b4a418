"""Whether a header's orientation can be believed."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

_THICK_SLICE_MM = 4.0
_THICK_RATIO = 3.0
_STACK_DEPTH_MM = 200.0
_AXIS_TOLERANCE = 1e-4
_ORIGIN_TOLERANCE = 1e-3
_AIR_HU = -200.0


def orientation_believable(image: sitk.Image, lowest: float, stated: bool) -> bool:
    """Tells an orientation that was measured from one that a converter made up.

    Many public cine sets (ACDC, UK Digital Heart) lost the scanner's orientation: a converter wrote an
    axis-aligned frame around the array, and a short-axis stack then claims to be axial. Such a stack is short and
    thick-sliced, has no value as low as air in CT (so it is MR), is aligned to the axes without any angle, which a
    planned heart stack never is, and its origin is no measured position: it is a whole or half number of voxels away
    from zero on every axis, because it was set to zero or to the middle of the array before cropping. A scanner's
    position does that by chance once in 10 million. Axial CT and ordinary axial MR keep their orientation.

    Args:
        image: First frame.
        lowest: Its lowest voxel value.
        stated: Whether the header states an orientation at all.
    """
    if not stated:
        return False
    return not (lowest > _AIR_HU and _thick_short_stack(image) and _axis_aligned(image) and _made_up_origin(image))


def _thick_short_stack(image: sitk.Image) -> bool:
    across, along = max(image.GetSpacing()[:2]), image.GetSpacing()[2]
    depth = along * image.GetSize()[2]
    return along >= _THICK_SLICE_MM and along >= _THICK_RATIO * across and depth <= _STACK_DEPTH_MM


def _axis_aligned(image: sitk.Image) -> bool:
    direction = np.abs(np.array(image.GetDirection()).reshape(3, 3))
    return bool(np.allclose(direction, np.eye(3), atol=_AXIS_TOLERANCE))


def _made_up_origin(image: sitk.Image) -> bool:
    halves = 2 * np.array(image.GetOrigin()) / np.array(image.GetSpacing())
    return bool((np.abs(halves - np.rint(halves)) < 2 * _ORIGIN_TOLERANCE).all())
