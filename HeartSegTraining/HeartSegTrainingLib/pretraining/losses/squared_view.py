"""Symmetric squared error between views: equation (7) with the mean squared error that the paper also names."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def squared_view_loss(logits: Sequence[Tensor], targets: Sequence[Tensor], temperature: float) -> Tensor:
    """Mean over pairs of different views of sum_k (softmax(z / temperature)[k] - q'[k])^2.

    The paper says "cross-entropy loss or mean squared error", and its z are logits while its q' are probabilities; a
    squared error between the two mixes spaces, so that both sides are probabilities here. The sum over the K prototypes
    stands for the mean, so that K does not change its size: it lies between 0 and 2. A student that still says nearly
    the same of all prototypes has a gradient of the order 1 / K, so that it learns later than with the cross-entropy.

    Args:
        logits: (B, K) a view; the first ones are the views that the targets were made from, in their order.
        targets: (B, K) a global view, rows that sum to 1.
        temperature: Of the student.
    """
    known = [view.float().div(temperature).softmax(1) for view in logits]
    terms = [(probabilities - target).square().sum(1).mean()
             for source, target in enumerate(targets)
             for view, probabilities in enumerate(known) if view != source]
    return torch.stack(terms).mean()
