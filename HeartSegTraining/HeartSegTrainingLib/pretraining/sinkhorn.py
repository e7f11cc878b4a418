"""Sinkhorn-Knopp: targets that use all prototypes equally over the batch of all processes.

Caron et al., "Unsupervised learning of visual features by contrasting cluster assignments", arXiv 2006.09882,
section 3.1, after Cuturi 2013.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from HeartSegTrainingLib.engine.distributed import Processes

_SMALLEST = 1e-30


def sinkhorn(logits: Sequence[Tensor], temperature: float, processes: Processes, *,
             iterations: int = 3) -> list[Tensor]:
    """Scale prototypes to equal total weight and samples to weight 1, in turn.

    It begins with rows that sum to 1 (a softmax), which does not overflow and changes only how fast it converges.

    Args:
        logits: (n, K) a part of this process.
        temperature: Of the teacher.
        processes: Those of the run; sums over samples are over all of them.
        iterations: Pairs of scalings.

    Returns:
        (n, K) a part; rows sum to 1, columns of all samples to about N / K.
    """
    q = torch.cat(list(logits)).float().div(temperature).softmax(1)
    prototypes = q.shape[1]
    count = processes.sum(q.new_tensor([float(len(q))]))
    for _ in range(iterations):
        weights = processes.sum(q.sum(0))
        q = q * (count / prototypes / weights.clamp(min=_SMALLEST))
        q = q / q.sum(1, keepdim=True).clamp(min=_SMALLEST)
    return list(q.split([len(part) for part in logits]))
