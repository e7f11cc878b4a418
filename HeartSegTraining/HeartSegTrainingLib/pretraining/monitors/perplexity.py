"""How many prototypes are in use."""

from __future__ import annotations

import torch
from torch import Tensor


def perplexity(mean_target: Tensor) -> Tensor:
    """exp(H(mean q')) of a (K,) distribution: the number of prototypes if they were used equally, 1 to K.

    Example:
        >>> round(float(perplexity(torch.tensor([0.5, 0.5, 0.0]))), 3)
        2.0
    """
    return torch.exp(-torch.special.xlogy(mean_target, mean_target).sum())


def prototypes_used(winners: Tensor) -> int:
    """Number of different prototypes among the strongest ones of some targets, (n,) int."""
    return int(winners.unique().numel())
