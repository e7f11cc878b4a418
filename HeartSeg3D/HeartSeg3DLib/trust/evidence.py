"""What the network's calibrated probabilities say about each structure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART

if TYPE_CHECKING:
    from torch import Tensor

_DOUBTFUL = 0.7
_MARGIN_CELLS = 4
"""So far around the labeled cells probabilities are looked at: beyond lies the rest of the chest."""


@dataclass(frozen=True)
class Evidence:
    """Calibrated probabilities of one structure in numbers.

    Attributes:
        cells: Cells that carry its label.
        expected_cells: Sum of its probability over all cells.
        expected_dice: 2 sum_{v in S} p(v) / (|S| + sum_v p(v)): Dice of S with a truth drawn voxel by voxel from p,
            numerator and denominator taken in their means.
        inner_probability: Mean of its probability over its own cells.
        border_doubt: Mean entropy of the classes in its outermost cells, as a share of the largest possible.
        doubtful_share: Share of its cells in which its probability is below 0.7.
    """

    cells: int
    expected_cells: float
    expected_dice: float
    inner_probability: float
    border_doubt: float
    doubtful_share: float


def heart_region(winner: Tensor) -> tuple[slice, slice, slice] | None:
    """Return the box around the labeled cells (Z, Y, X) with a margin, None where nothing is labeled."""
    places = winner.nonzero()
    if not len(places):
        return None
    first, last = places.min(0).values.tolist(), places.max(0).values.tolist()
    z, y, x = (slice(max(low - _MARGIN_CELLS, 0), high + 1 + _MARGIN_CELLS)
               for low, high in zip(first, last, strict=True))
    return z, y, x


def calibrated(log_probabilities: Tensor, temperature: float) -> Tensor:
    """Return softmax(log p / T) along the first axis: Guo 2017, arXiv 1706.04599, equation 9.

    Example:
        >>> import torch
        >>> calibrated(torch.log(torch.tensor([0.9, 0.1])), 2.0)
        tensor([0.7500, 0.2500])
    """
    return (log_probabilities.float() / temperature).softmax(0)


def structure_evidence(log_probabilities: Tensor, winner: Tensor, inside: Tensor, labels: tuple[int, ...],
                       temperature: float) -> dict[str, Evidence]:
    """Return the evidence on every structure of the whole heart that the model knows, by id.

    Args:
        log_probabilities: (C, Z, Y, X) on the network's cells, of :func:`heart_region`.
        winner: (Z, Y, X) winning channel of each cell.
        inside: (Z, Y, X) bool, cells in the field of view.
        labels: Label value of each channel.
        temperature: That calibrates the probabilities.
    """
    probabilities = calibrated(log_probabilities, temperature) * inside
    doubt = -(probabilities * probabilities.clamp_min(1e-12).log()).sum(0) / math.log(len(probabilities))
    found = {}
    for channel, value in enumerate(labels):
        if value not in WHOLE_HEART:
            continue
        mask, share = winner == channel, probabilities[channel]
        cells, total = int(mask.sum()), float(share.sum())
        own = float(share[mask].sum())
        border = mask & ~_eroded(mask)
        found[STRUCTURES[value].id] = Evidence(
            cells, total, 2.0 * own / (cells + total) if cells else 0.0, own / cells if cells else 0.0,
            float(doubt[border].mean()) if cells else 1.0,
            float((share[mask] < _DOUBTFUL).float().mean()) if cells else 1.0)
    return found


def _eroded(mask: Tensor) -> Tensor:
    """Return the cells whose six neighbors are in the mask, too; what lies beyond the array counts as inside."""
    inner = mask.clone()
    for axis in range(3):
        count = mask.shape[axis]
        if count > 1:
            inner.narrow(axis, 0, count - 1).logical_and_(mask.narrow(axis, 1, count - 1))
            inner.narrow(axis, 1, count - 1).logical_and_(mask.narrow(axis, 0, count - 1))
    return inner
