"""The temperature that makes a network's probabilities mean what they say, and how far off they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize, special

from .cases import Case

_CELLS_PER_CASE = 4000
_BINS = 15
_RANGE = (0.3, 10.0)
_REACH = 2


def sampled_cells(cases: Sequence[Case], seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Draw cells within two cells of the heart, true or found, from every case.

    Returns:
        Log-probabilities (N, C) and the true channel (N,) of each.
    """
    from scipy import ndimage

    values, truths = [], []
    for number, case in enumerate(cases):
        if case.refused or not case.winner.size:
            continue
        near = ndimage.binary_dilation((case.winner > 0) | (case.truth > 0), iterations=_REACH) & case.inside
        channel = np.full(256, -1, np.int64)
        channel[list(case.labels)] = np.arange(len(case.labels))
        truth = channel[case.truth]
        places = np.flatnonzero((near & (truth >= 0)).ravel())
        rng = np.random.default_rng((seed, number))
        places = rng.choice(places, min(_CELLS_PER_CASE, len(places)), replace=False)
        flat = case.log_probabilities.reshape(len(case.log_probabilities), -1)
        values.append(flat[:, places].T.astype(np.float32))
        truths.append(truth.ravel()[places])
    return np.concatenate(values), np.concatenate(truths)


def fit_temperature(log_probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Return the temperature with the smallest negative log-likelihood (Guo 2017, arXiv 1706.04599).

    Args:
        log_probabilities: (N, C).
        truth: (N,) true channel.
    """
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        scaled = log_probabilities / np.exp(log_temperature)
        return float((special.logsumexp(scaled, axis=1) - scaled[rows, truth]).mean())

    low, high = np.log(_RANGE)
    found = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def calibration_error(log_probabilities: NDArray[np.float32], truth: NDArray[np.int64], temperature: float) -> float:
    """Expected calibration error of the most likely class in 15 bins of equal width (Guo 2017, equation 3)."""
    probabilities = torch.from_numpy(log_probabilities / temperature).softmax(1).numpy()
    sure, right = probabilities.max(1), probabilities.argmax(1) == truth
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    gaps = np.abs(np.bincount(bins, sure, _BINS) - np.bincount(bins, right, _BINS))
    return float(gaps.sum() / max(counts.sum(), 1))
