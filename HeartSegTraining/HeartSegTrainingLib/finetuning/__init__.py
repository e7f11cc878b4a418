"""Supervised training of a segmentation network from a sampler of labelled windows."""

from HeartSegTrainingLib.finetuning.checkpoint import load_ema_weights
from HeartSegTrainingLib.finetuning.config import FinetuneConfig
from HeartSegTrainingLib.finetuning.trainer import Trainer

__all__ = ["FinetuneConfig", "Trainer", "load_ema_weights"]
