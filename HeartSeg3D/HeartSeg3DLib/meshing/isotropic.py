"""Resamples label maps of thick slices, so that walls thinner than a slice can grow."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from .label_field import label_field

_PER_WALL = 2.0
"""Samples across a wall."""


def resampled_for_walls(labels: sitk.Image, wall_mm: float) -> tuple[sitk.Image, str | None]:
    """Return a label map with voxels that a wall can be made of, and a sentence if it had to be resampled.

    Structures keep their volumes; see `label_field`. The image ends where it ended.

    Args:
        labels: 3-D uint8 label map with at least one label.
        wall_mm: Thickness of the thinnest wall that is going to grow.

    Raises:
        CheckError: The topology could not be repaired.
    """
    thickest = max(labels.GetSpacing())
    if thickest <= _PER_WALL * wall_mm:
        return labels, None
    pitch = wall_mm / _PER_WALL
    field = label_field(labels, pitch)
    inverse = np.linalg.inv(np.reshape(labels.GetDirection(), (3, 3)) * np.asarray(labels.GetSpacing()))
    start = inverse @ (field.origin - np.asarray(labels.GetOrigin()))
    inside = []
    for axis, (size, spacing) in enumerate(zip(labels.GetSize(), labels.GetSpacing(), strict=True)):
        places = start[axis] + np.arange(field.labels.shape[2 - axis]) * pitch / spacing
        half = pitch / spacing / 2.0
        kept = np.flatnonzero((places - half >= -0.5) & (places + half <= size - 0.5))
        inside.append(slice(int(kept[0]), int(kept[-1]) + 1))
    resampled = sitk.GetImageFromArray(field.labels[inside[2], inside[1], inside[0]])
    resampled.SetSpacing((pitch,) * 3)
    resampled.SetDirection(labels.GetDirection())
    first = np.array([part.start for part in inside]) * pitch
    resampled.SetOrigin((field.origin + field.direction @ first).tolist())
    return resampled, (f"The slices are {thickest:.2g} mm apart, too far for walls of {wall_mm:g} mm: the label map "
                       f"was resampled to {pitch:.2g} mm before walls grew.")
