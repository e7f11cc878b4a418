"""Symmetric cross-entropy between views: equations (7) and (8)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def cross_view_loss(logits: Sequence[Tensor], targets: Sequence[Tensor], temperature: float) -> Tensor:
    """Mean over pairs of different views of the cross-entropy -sum_k q'[k] log softmax(z / temperature)[k].

    With two views and two targets this is equation (7), 1/2 (L(z1, q2') + L(z2, q1')), with the cross-entropy of
    equation (8) averaged over the samples. Equation (8) prints no student temperature; its softmax(z) would be nearly
    uniform for logits that are cosines. Further views (local crops) are compared with both targets.

    Args:
        logits: (B, K) a view; the first ones are the views that the targets were made from, in their order.
        targets: (B, K) a global view, rows that sum to 1.
        temperature: Of the student.
    """
    known = [view.float().div(temperature).log_softmax(1) for view in logits]
    terms = [-(target * log_probabilities).sum(1).mean()
             for source, target in enumerate(targets)
             for view, log_probabilities in enumerate(known) if view != source]
    return torch.stack(terms).mean()
