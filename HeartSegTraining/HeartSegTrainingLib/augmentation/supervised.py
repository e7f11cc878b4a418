"""Augmentation of labelled crops for fine-tuning: rotation, scaling, elastic deformation, and how a picture looks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from .appearance import AppearanceRanges, change_appearance
from .elastic import elastic
from .flipping import flip
from .resampling import resample
from .rotation import rotation
from .scaling import scaling
from .volume import volume


@dataclass(frozen=True)
class SupervisedRanges:
    """How far labelled crops change.

    Attributes:
        degrees: Largest rotation about each axis.
        scale: Largest common zoom.
        stretch: Largest zoom of one axis.
        elastic_mm: Standard deviation of the displacement of control points 40 mm apart.
        geometry: Probability of rotation and scaling, and of elastic deformation.
        flip_axes: Names in `flipping.AXES`; none by default.
        flip: Probability of each mirror.
        appearance: Changes of the values.
    """

    degrees: float = 15.0
    scale: float = 1.2
    stretch: float = 1.08
    elastic_mm: float = 3.0
    geometry: float = 0.6
    flip_axes: tuple[str, ...] = ()
    flip: float = 0.5
    appearance: AppearanceRanges = field(default_factory=AppearanceRanges)


def supervised(rng: np.random.Generator, image: Tensor | np.ndarray, labels: Tensor | np.ndarray,
               spacing: tuple[float, float, float], modality: str, *, inside: Tensor | np.ndarray | None = None,
               size: tuple[int, int, int] | None = None,
               ranges: SupervisedRanges | None = None) -> tuple[Tensor, Tensor]:
    """Augment one labelled crop; the same `rng` state gives the same result.

    Args:
        rng: Source of all choices.
        image: (C, z, y, x) in scanner units (HU for CT), axes in LPS.
        labels: (z, y, x) uint8, 255 where nothing is known.
        spacing: Distance of voxels in mm along z, y, x.
        modality: "ct" or "mr".
        inside: (z, y, x) bool, the field of view; everywhere by default.
        size: Voxels of the result, cut from the middle; a crop that is larger than this has something to show where
            a rotation looks beyond its border. That of the image by default.
        ranges: How far things change.

    Returns:
        Image (C, *size) float32 by the intensity rule of inference, -1 to 1; labels (*size) uint8, 255 for what was
        brought in from beyond the border.

    Raises:
        UsageError: Shapes do not fit each other, or the modality is unknown.
    """
    chosen = ranges or SupervisedRanges()
    crop = volume(image, labels, spacing, modality, inside)
    box = size or crop.size
    turned, bent = rng.random(2) < chosen.geometry
    matrix, displacement = np.eye(3), None
    if turned:
        matrix = rotation(rng, degrees=chosen.degrees) @ scaling(rng, largest=chosen.scale, stretch=chosen.stretch)
    if bent:
        displacement = elastic(rng, box, crop.spacing, amplitude=chosen.elastic_mm)
    if turned or bent or box != crop.size:
        crop = resample(crop, box, crop.spacing, matrix=matrix, displacement=displacement)
    crop = flip(rng, crop, axes=chosen.flip_axes, probability=chosen.flip)
    crop = change_appearance(rng, crop, chosen.appearance)
    return crop.image, crop.labels
