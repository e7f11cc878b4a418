"""A common shift of the values."""

from __future__ import annotations

import numpy as np

from .intensity import keep_in_range
from .volume import Volume


def change_brightness(rng: np.random.Generator, volume: Volume, *, largest: float = 0.2) -> Volume:
    """Add a number that is uniform from -largest to largest, after the intensity rule.

    Before it, a rule of percentiles (MR) would take any shift back.
    """
    return keep_in_range(volume.with_image(volume.image + float(rng.uniform(-largest, largest))))
