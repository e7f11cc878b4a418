"""Views for self-supervision: how equation (2)'s "strong data augmentations" are read here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .appearance import AppearanceRanges, change_appearance
from .cropping import Box, overlapping_boxes, random_box
from .flipping import SAFE_AXES, flip
from .resampling import resample
from .volume import Volume


@dataclass(frozen=True)
class StrongRanges:
    """What the two views of a pair differ in.

    Attributes:
        zoom: Smallest and largest side of a view's box as a factor of its window in mm: crop and scaling in one.
        overlap: Least share of the larger of two global views that lies in the other.
        flip_axes: Names in `flipping.AXES`.
        flip: Probability of each mirror.
        appearance: Changes of the values.
    """

    zoom: tuple[float, float] = (0.85, 1.15)
    overlap: float = 0.4
    flip_axes: tuple[str, ...] = SAFE_AXES
    flip: float = 0.3
    appearance: AppearanceRanges = field(default_factory=lambda: AppearanceRanges(1.5, 0.06, 0.3, 1.5, 0.8))


def global_views(rng: np.random.Generator, pair: Sequence[Volume], size: int, spacing: float,
                 ranges: StrongRanges) -> tuple[Volume, Volume]:
    """Two views x1, x2 (equation 2) of one place, with boxes that overlap.

    Args:
        rng: Source of all choices.
        pair: What each view looks at, on one grid: twice the same volume, or two phases of one beat.
        size: Voxels along each side of a view.
        spacing: Distance of a view's voxels in mm, before zoom.
        ranges: How strong.
    """
    sides = [_sides(rng, size, spacing, ranges) for _ in range(2)]
    boxes = overlapping_boxes(rng, pair[0], sides[0], sides[1], ranges.overlap)
    first, second = (_view(rng, volume, box, size, ranges) for volume, box in zip(pair, boxes, strict=True))
    return first, second


def local_view(rng: np.random.Generator, volume: Volume, size: int, spacing: float, ranges: StrongRanges) -> Volume:
    """One small view of anywhere in the volume's field of view; arguments as in `global_views`."""
    return _view(rng, volume, random_box(rng, volume, _sides(rng, size, spacing, ranges)), size, ranges)


def _sides(rng: np.random.Generator, size: int, spacing: float, ranges: StrongRanges) -> list[float]:
    return [float(rng.uniform(*ranges.zoom)) * size * spacing] * 3


def _view(rng: np.random.Generator, volume: Volume, box: Box, size: int, ranges: StrongRanges) -> Volume:
    seen = resample(volume, (size,) * 3, (box.sides / size).tolist(), center=box.center.tolist())
    mirrored = flip(rng, seen, axes=ranges.flip_axes, probability=ranges.flip)
    return change_appearance(rng, mirrored, ranges.appearance)
