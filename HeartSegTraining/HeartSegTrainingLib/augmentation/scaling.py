"""Zoom, the same or different along each axis."""

from __future__ import annotations

import math

import numpy as np


def scaling(rng: np.random.Generator, *, largest: float = 1.25, stretch: float = 1.0) -> np.ndarray:
    """Draw a (3, 3) matrix, axes z, y, x, that enlarges what is seen through it (see `resample`).

    Args:
        rng: Source of all choices.
        largest: Largest common factor; the smallest is 1 / largest, and the logarithm is uniform.
        stretch: The same for a factor of each axis.

    Example:
        >>> matrix = scaling(np.random.default_rng(0), largest=1.0)
        >>> matrix.tolist() == np.eye(3).tolist()
        True
    """
    common = rng.uniform(-1, 1) * math.log(largest)
    each = rng.uniform(-1, 1, 3) * math.log(stretch)
    return np.diag(np.exp(-(common + each)))
