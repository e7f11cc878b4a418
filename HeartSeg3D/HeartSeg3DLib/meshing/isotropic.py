"""Resamples label maps of thick slices, so that walls thinner than a slice can grow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from .label_field import label_field

_PER_WALL = 2.0
"""Samples across a wall."""


@dataclass(frozen=True)
class Resampled:
    """A label map on cubic samples, and what resampling changed.

    Attributes:
        labels: The map, uint8.
        repaired: Samples that changed label so that surfaces do not touch themselves.
        specks: Samples that resampling cut off and gave to the surroundings, by label.
    """

    labels: sitk.Image
    repaired: int
    specks: dict[int, int]


def pitch_for_walls(labels: sitk.Image, wall_mm: float) -> float | None:
    """Return the distance of samples in mm that a wall takes, None if the voxels do as they are.

    Args:
        labels: 3-D label map.
        wall_mm: Thickness of the thinnest wall that is going to grow.
    """
    return None if max(labels.GetSpacing()) <= _PER_WALL * wall_mm else wall_mm / _PER_WALL


def resampled_for_walls(labels: sitk.Image, pitch: float) -> Resampled:
    """Return a label map on cubic samples.

    Structures keep their volumes; see `label_field`. The image ends where it ended.

    Args:
        labels: 3-D uint8 label map with at least one label.
        pitch: Distance of the samples in mm.

    Raises:
        CheckError: The topology could not be repaired.
    """
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
    return Resampled(resampled, field.repaired, field.specks)
