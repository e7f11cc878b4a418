"""Kozachenko-Leonenko entropy estimator as a regularizer: embeddings of one part keep their distance.

Sablayrolles et al., "Spreading vectors for similarity search", arXiv 1806.03198, equation (2).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from HeartSeg3DLib.errors import UsageError

_EPSILON = 1e-8


def koleo(embeddings: Tensor) -> Tensor:
    """-1/n sum_i log(min_{j != i} |x_i - x_j| + 1e-8) of L2-normalized rows; finite for duplicates, as its gradient is.

    Args:
        embeddings: (n, d), n of 2 or more.

    Raises:
        UsageError: One sample has no neighbor.
    """
    if len(embeddings) < 2:
        raise UsageError("The KoLeo loss compares samples of one part, and there is a single one.",
                         "Use a part of 2 or more samples, or koleo_weight = 0.")
    x = F.normalize(embeddings.float(), dim=1, eps=_EPSILON)
    with torch.no_grad():
        likeness = x @ x.T
        likeness.fill_diagonal_(-2.0)
        nearest = likeness.argmax(1)
    squared = (x - x[nearest]).square().sum(1)
    return -(squared + _EPSILON**2).sqrt().add(_EPSILON).log().mean()
