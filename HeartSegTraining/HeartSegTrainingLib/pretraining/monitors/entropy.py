"""How sure the teacher is of each target, and how evenly it uses its prototypes."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def normalized_entropy(targets: Tensor) -> Tensor:
    """Mean H(q') / log K of (n, K) targets, scalar: 0 where each is one prototype, 1 where each is uniform."""
    return -torch.special.xlogy(targets, targets).sum(1).mean() / math.log(targets.shape[1])


def divergence_from_uniform(mean_target: Tensor) -> Tensor:
    """KL(mean q' || uniform) of a (K,) distribution, scalar: 0 where all are used equally, log K where one is."""
    return math.log(len(mean_target)) + torch.special.xlogy(mean_target, mean_target).sum()


def information(mean_target: Tensor, entropy: float) -> Tensor:
    """H(mean q') - mean H(q') in nats: what a target tells about which image it belongs to.

    0 for a collapse of either kind, whether all images have one prototype or all targets are uniform; log K at most.

    Args:
        mean_target: (K,) distribution.
        entropy: Mean H(q') / log K.
    """
    whole = math.log(len(mean_target))
    return whole - divergence_from_uniform(mean_target) - entropy * whole
