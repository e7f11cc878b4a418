"""Mirror images along anatomical axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .volume import Volume

AXES = {"inferior-superior": 0, "anterior-posterior": 1, "right-left": 2}
"""Axis of a (z, y, x) array in LPS by the anatomical direction that it runs along."""

SAFE_AXES = ("inferior-superior", "anterior-posterior")
"""Without right-left. Every single mirror makes a mirror image of a heart. Along these axes that is a picture which no
scan shows; from right to left it is one that exists, dextrocardia, and a network that cannot tell it from a normal
heart has unlearned which side is which."""


def flip(rng: np.random.Generator, volume: Volume, *, axes: Sequence[str] = SAFE_AXES,
         probability: float = 0.3) -> Volume:
    """Mirror along each of the axes with the probability.

    Args:
        rng: Source of all choices; it is used equally whatever comes out.
        volume: What to mirror.
        axes: Names in AXES.
        probability: Of each mirror.

    Raises:
        KeyError: There is no such axis.
    """
    dims = [AXES[name] for name, drawn in zip(axes, rng.random(len(axes)), strict=True) if drawn < probability]
    if not dims:
        return volume
    return replace(volume, image=volume.image.flip([dim + 1 for dim in dims]), labels=volume.labels.flip(dims),
                   inside=volume.inside.flip(dims))
