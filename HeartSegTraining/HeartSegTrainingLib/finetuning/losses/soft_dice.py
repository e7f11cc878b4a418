"""Dice overlap of probabilities and class fractions."""

from __future__ import annotations

import torch
from torch import Tensor

from HeartSegTrainingLib.finetuning.losses.soft_targets import SoftTargets

_SMOOTHING = 1.0
"""Voxels added to both sides of the fraction: a sliver of a structure does not dominate a batch."""


def soft_dice(probabilities: Tensor, targets: SoftTargets,
              labelled: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Dice of each foreground class over the whole batch.

    The intersection is sum min(p, t): equal to sum p*t for hard targets, and best at p = t for soft ones,
    where sum p*t would push every boundary voxel to 0 or 1. Since |p| + |t| - |p - t| = 2 min(p, t), this is
    the Dice semimetric loss DML1 of Wang et al., arXiv 2303.16296.

    Args:
        probabilities: (B, C, d, h, w) float32.
        targets: Fractions t and weights of the same grid.
        labelled: (B, C) bool, which classes each sample labels; None for all.

    Returns:
        Dice (C-1,) in [0, 1] and whether the class is present in the batch (C-1,) bool.
    """
    weight = targets.weight[:, None]
    if labelled is not None:
        weight = weight * labelled[:, 1:, None, None, None]
    predicted = probabilities[:, 1:] * weight
    true = targets.fractions[:, 1:] * weight
    axes = (0, 2, 3, 4)
    common = torch.minimum(predicted, true).sum(axes)
    sizes = predicted.sum(axes) + true.sum(axes)
    return (2 * common + _SMOOTHING) / (sizes + _SMOOTHING), true.sum(axes) > 0
