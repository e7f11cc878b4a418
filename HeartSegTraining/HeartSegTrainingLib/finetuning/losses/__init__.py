"""Segmentation losses on soft targets, one a file."""

from HeartSegTrainingLib.finetuning.losses.deep_supervision import (
           LEVEL_WEIGHTS,
           LossTerms,
           deep_supervision_loss,
)
from HeartSegTrainingLib.finetuning.losses.soft_cross_entropy import soft_cross_entropy
from HeartSegTrainingLib.finetuning.losses.soft_dice import soft_dice
from HeartSegTrainingLib.finetuning.losses.soft_targets import IGNORE, SoftTargets, soft_targets

__all__ = ["IGNORE", "LEVEL_WEIGHTS", "LossTerms", "SoftTargets", "deep_supervision_loss",
           "soft_cross_entropy", "soft_dice", "soft_targets"]
