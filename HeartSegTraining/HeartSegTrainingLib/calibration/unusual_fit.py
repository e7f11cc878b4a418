"""What ordinary images look like to a network: mean, directions and distances of its features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.trust.unusual import Unusual

Array = NDArray[np.float64]

_DIRECTIONS = 12
FEWEST = 8
"""Ordinary images without which nothing can be said."""
_SHRINKAGE = 0.1
"""Part of each direction's variance that is replaced by the mean of all."""


def fit_unusual(features: NDArray[np.floating]) -> Unusual:
    """Fit the distance on ordinary images.

    Distances that it is compared with, and the means in and off the directions, are those of each image under a fit
    on all others.

    Args:
        features: (N, F) of N ordinary images.

    Raises:
        UsageError: There are fewer than 8.
    """
    values = np.asarray(features, np.float64)
    if len(values) < FEWEST:
        raise UsageError(f"{len(values)} ordinary images are too few to know unusual ones by.",
                         "Give more --cases.")
    parts = np.array([_parts(values[index], *_fitted(np.delete(values, index, 0))) for index in range(len(values))])
    inside, rest = parts.mean(0)
    mean, scale, basis, variance = _fitted(values)
    made = Unusual(mean, scale, basis.astype(np.float16).astype(np.float64), variance * inside, float(rest),
                   np.sort(0.5 * parts[:, 0] / inside + 0.5 * parts[:, 1] / rest))
    return Unusual.from_dict(made.to_dict())  # as it will be read again


def _fitted(values: Array) -> tuple[Array, Array, Array, Array]:
    mean, scale = values.mean(0), values.std(0)
    scale = np.maximum(scale, 1e-3 * max(float(np.median(scale)), 1e-6))
    _, singular, basis = np.linalg.svd((values - mean) / scale, full_matrices=False)
    kept = max(min(_DIRECTIONS, len(values) // 3), 1)
    variance = singular[:kept] ** 2 / max(len(values) - 1, 1)
    variance = (1 - _SHRINKAGE) * variance + _SHRINKAGE * variance.mean()
    return mean, scale, basis[:kept], variance


def _parts(one: Array, mean: Array, scale: Array, basis: Array, variance: Array) -> tuple[float, float]:
    """Mean squared distance along the directions, and squared length off them."""
    scaled = (one - mean) / scale
    along = basis @ scaled
    off = scaled - along @ basis
    return float((along**2 / variance).mean()), float(off @ off)
