"""Cross-entropy against class fractions."""

from __future__ import annotations

import torch
from torch import Tensor

from HeartSegTrainingLib.finetuning.losses.soft_targets import SoftTargets


def soft_cross_entropy(log_probabilities: Tensor, targets: SoftTargets) -> Tensor:
    """Mean of -sum_c t_c log p_c over the labelled voxels.

    Args:
        log_probabilities: (B, C, d, h, w) float32.
        targets: Fractions t and weights of the same grid.

    Returns:
        Scalar; 0 when nothing is labelled.
    """
    entropy = -(targets.fractions * log_probabilities).sum(1)
    return (entropy * targets.weight).sum() / targets.weight.sum().clamp(min=1.0)


def merge_unlabelled(log_probabilities: Tensor, labelled: Tensor) -> Tensor:
    """Count the probability of structures that a sample does not label as background.

    A data set that does not label, say, the aorta shows it as background, which must not teach the network
    that there is none: -log(p_background + p_aorta) is satisfied by either.

    Args:
        log_probabilities: (B, C, d, h, w).
        labelled: (B, C) bool, False for classes that the sample does not label; channel 0 is always labelled.

    Returns:
        (B, C, d, h, w): channel 0 merged, the others as they were (their targets are 0 where unlabelled).
    """
    apart = labelled.clone()
    apart[:, 0] = False
    other = log_probabilities.masked_fill(apart[:, :, None, None, None], -torch.inf)
    return torch.cat([other.logsumexp(1, keepdim=True), log_probabilities[:, 1:]], 1)
