"""Kullback-Leibler divergence of the student from its targets: what is left of equation (8) to learn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def divergence(loss: Tensor, targets: Sequence[Tensor]) -> Tensor:
    """KL = cross-entropy - H(q'): the smallest cross-entropy is the targets' entropy, not 0.

    Args:
        loss: Mean cross-entropy over pairs of views, scalar; each target occurs in as many pairs as the others.
        targets: (B, K) a view, rows that sum to 1.
    """
    entropies = [-torch.special.xlogy(target, target).sum(1).mean() for target in targets]
    return loss.detach() - torch.stack(entropies).mean()
