"""Pretraining on blobs: a task, a run in a folder, and its newest checkpoint."""

import torch

from blob_problem import BlobSource
from HeartSegTrainingLib.engine.checkpoint import read_newest
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.pretraining import PretrainTask

CPU = torch.device("cpu")
MODES = ("paper", "dinov2")


def make(config):
    torch.manual_seed(config.seed)
    return PretrainTask(config, BlobSource(), CPU)


def train(config, folder, *, resume=False):
    return Trainer(config, lambda device: PretrainTask(config, BlobSource(), device), folder).run(resume=resume)


def newest(folder):
    found = read_newest(folder / "checkpoints", print)
    assert found is not None
    return found[0]
