"""Random boxes in millimetres, alone or in pairs that share a part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from .volume import Volume

_HALVINGS = 30


@dataclass(frozen=True)
class Box:
    """A cube or cuboid.

    Attributes:
        center: mm along z, y, x from the middle of the volume.
        sides: mm along z, y, x.
    """

    center: np.ndarray
    sides: np.ndarray


def random_box(rng: np.random.Generator, volume: Volume, sides: Sequence[float]) -> Box:
    """Draw where a box of the given sides (mm) lies: within the extent of the field of view, or around all of it.

    Along an axis where the field of view is longer than the box the box lies inside it; where it is shorter, as in
    a stack of few slices, it lies inside the box.
    """
    first, last = view_extent(volume)
    length = np.asarray(sides, float)
    ends = np.stack([first, last - length])
    start = rng.uniform(ends.min(0), ends.max(0))
    return Box(start + length / 2, length)


def overlapping_boxes(rng: np.random.Generator, volume: Volume, first: Sequence[float], second: Sequence[float],
                      overlap: float) -> tuple[Box, Box]:
    """Draw two boxes with at least the given `overlap` (see there).

    The second is drawn like the first, and moved towards it as far as needed. Where even concentric boxes of these
    sides overlap less than asked for, they end up concentric.
    """
    one, other = random_box(rng, volume, first), random_box(rng, volume, second)
    shares = (0.0, 1.0)
    if shared_part(one, other) >= overlap:
        return one, other
    for _ in range(_HALVINGS):
        middle = sum(shares) / 2
        enough = shared_part(one, _towards(other, one, middle)) >= overlap
        shares = (shares[0], middle) if enough else (middle, shares[1])
    return one, _towards(other, one, shares[1])


def shared_part(one: Box, other: Box) -> float:
    """Share of the larger box that lies in the other one: volume of what both hold / volume of the larger.

    Example:
        >>> a = Box(np.zeros(3), np.full(3, 10.0))
        >>> shared_part(a, Box(np.array([5.0, 0, 0]), np.full(3, 10.0)))
        0.5
    """
    low = np.maximum(one.center - one.sides / 2, other.center - other.sides / 2)
    high = np.minimum(one.center + one.sides / 2, other.center + other.sides / 2)
    return float(np.prod(np.maximum(high - low, 0)) / max(np.prod(one.sides), np.prod(other.sides)))


def view_extent(volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """First and last end of the field of view in mm (z, y, x) from the middle; the whole grid where it is empty."""
    ends = []
    for axis, (count, step) in enumerate(zip(volume.size, volume.spacing, strict=True)):
        seen = _any_along(volume.inside, axis).nonzero().flatten()
        low, high = (int(seen[0]), int(seen[-1]) + 1) if len(seen) else (0, count)
        ends.append(((low - count / 2) * step, (high - count / 2) * step))
    return np.array([end[0] for end in ends]), np.array([end[1] for end in ends])


def _any_along(mask: Tensor, axis: int) -> Tensor:
    return mask.movedim(axis, 0).flatten(1).any(1)


def _towards(box: Box, target: Box, share: float) -> Box:
    return Box(box.center + share * (target.center - box.center), box.sides)
