"""Dice + cross-entropy over the levels of a network with deep supervision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from HeartSegTrainingLib.finetuning.losses.soft_cross_entropy import merge_unlabelled, soft_cross_entropy
from HeartSegTrainingLib.finetuning.losses.soft_dice import soft_dice
from HeartSegTrainingLib.finetuning.losses.soft_targets import soft_targets

LEVEL_WEIGHTS = (1.0, 0.5, 0.25)
"""Weight of each level, finest first."""


@dataclass(frozen=True)
class LossTerms:
    """Loss of one batch.

    Attributes:
        total: Scalar to minimise, sum over levels of weight * (cross-entropy + mean of 1 - Dice).
        cross_entropy: Scalar, finest level, detached.
        dice: (C-1,) soft Dice of the foreground classes, finest level, detached.
        present: (C-1,) bool, classes in the batch; the others say nothing.
    """

    total: Tensor
    cross_entropy: Tensor
    dice: Tensor
    present: Tensor


def deep_supervision_loss(logits: Sequence[Tensor], labels: Tensor,
                          labelled: Tensor | None = None) -> LossTerms:
    """Compare each level with the labels pooled to its own grid.

    Args:
        logits: One (B, C, d, h, w) a level, finest first.
        labels: (B, D, H, W) uint8 channel indices or IGNORE.
        labelled: (B, C) bool, which classes each sample labels; None for all.
    """
    levels = soft_targets(labels, logits[0].shape[1], [level.shape[2:] for level in logits])
    terms: list[LossTerms] = []
    for level, targets in zip(logits, levels, strict=True):
        log_probabilities = level.float().log_softmax(1)
        dice, present = soft_dice(log_probabilities.exp(), targets, labelled)
        if labelled is not None:
            log_probabilities = merge_unlabelled(log_probabilities, labelled)
        entropy = soft_cross_entropy(log_probabilities, targets)
        mismatch = ((1 - dice) * present).sum() / present.sum().clamp(min=1)
        terms.append(LossTerms(entropy + mismatch, entropy.detach(), dice.detach(), present))
    total = sum((weight * term.total for weight, term in zip(LEVEL_WEIGHTS, terms, strict=False)),
                start=terms[0].total.new_zeros(()))
    return LossTerms(total, terms[0].cross_entropy, terms[0].dice, terms[0].present)
