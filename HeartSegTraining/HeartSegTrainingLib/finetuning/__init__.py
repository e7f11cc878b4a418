"""Supervised training of a segmentation network from a sampler of labelled windows."""

from HeartSegTrainingLib.engine.checkpoint import load_ema_weights
from HeartSegTrainingLib.finetuning.config import FinetuneConfig
from HeartSegTrainingLib.finetuning.task import FinetuneTask, task_maker

__all__ = ["FinetuneConfig", "FinetuneTask", "load_ema_weights", "task_maker"]
