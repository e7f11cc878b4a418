"""What ordinary images look like to a network: mean, directions and distances of its features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.trust.unusual import Unusual

Array = NDArray[np.float64]

_DIRECTIONS = 24
"""Of 6, 12, 24 and 48 the one with which the faults of the calibration were told best (AUC 0.75)."""
FEWEST = 8
"""Ordinary images without which nothing can be said."""
_FOLDS = 20


def fit_unusual(features: NDArray[np.floating]) -> Unusual:
    """Fit the distance on ordinary images.

    Distances that it is compared with, and their mean, are those of each image under a fit on others.

    Args:
        features: (N, F) of N ordinary images.

    Raises:
        UsageError: There are fewer than 8.
    """
    values = np.asarray(features, np.float64)
    if len(values) < FEWEST:
        raise UsageError(f"{len(values)} ordinary images are too few to know unusual ones by.",
                         "Give more --cases.")
    fold, off = np.arange(len(values)) % _FOLDS, np.zeros(len(values))
    for number in range(min(_FOLDS, len(values))):
        off[fold == number] = _off(values[fold == number], *_fitted(values[fold != number]))
    mean, scale, basis = _fitted(values)
    made = Unusual(mean, scale, basis.astype(np.float16).astype(np.float64), float(off.mean()),
                   np.sort(off / off.mean()))
    return Unusual.from_dict(made.to_dict())  # as it will be read again


def _fitted(values: Array) -> tuple[Array, Array, Array]:
    mean, scale = values.mean(0), values.std(0)
    scale = np.maximum(scale, 1e-3 * max(float(np.median(scale)), 1e-6))
    basis = np.linalg.svd((values - mean) / scale, full_matrices=False)[2]
    return mean, scale, basis[: max(min(_DIRECTIONS, len(values) // 3), 1)]


def _off(values: Array, mean: Array, scale: Array, basis: Array) -> Array:
    """Squared length (N,) of what lies off the directions."""
    scaled = (values - mean) / scale
    return ((scaled - scaled @ basis.T @ basis) ** 2).sum(1)
