"""A small segmentation problem and network on which the training loop is tried."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.finetuning import FinetuneConfig, task_maker

WINDOW = 16


def draw_bright_ball(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A ball (label 1) with a brighter core (label 2) at a random place in noise."""
    axes = np.indices((WINDOW,) * 3) - rng.uniform(5, 10, (3, 1, 1, 1))
    distance = np.sqrt((axes**2).sum(0))
    labels = (distance < 5).astype(np.uint8) + (distance < 2.5)
    image = labels * 0.8 - 0.8 + rng.normal(0, 0.1, labels.shape)
    return torch.from_numpy(image.astype(np.float32))[None], torch.from_numpy(labels.astype(np.uint8))


def make_ball_sampler():
    return draw_bright_ball


class TinyNetwork(nn.Module):
    """Two logit levels, at half and quarter resolution, with dropout so that what torch draws matters."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.config = SimpleNamespace(classes=classes)
        self.encoder = nn.Sequential(nn.Conv3d(1, 8, 4, 2, 1), nn.InstanceNorm3d(8, affine=True), nn.GELU())
        self.down = nn.Sequential(nn.Conv3d(8, 8, 2, 2), nn.GELU(), nn.Dropout(0.1))
        self.heads = nn.ModuleList([nn.Conv3d(8, classes, 1), nn.Conv3d(8, classes, 1)])

    def forward_deep(self, images: torch.Tensor) -> list[torch.Tensor]:
        fine = self.encoder(images)
        coarse = self.down(fine)
        both = fine + nn.functional.interpolate(coarse, fine.shape[2:])
        return [self.heads[0](both), self.heads[1](coarse)]


def build_tiny(config: FinetuneConfig) -> nn.Module:
    return TinyNetwork(**config.network_overrides)


def toy_config(**changes) -> FinetuneConfig:
    values = {"network": "toy", "window": WINDOW, "batch": 2, "steps": 10, "learning_rate": 1e-2, "warmup": 2,
              "workers": 0, "threads": 1, "device": "cpu", "log_every": 5}
    return FinetuneConfig(**(values | changes))


def train(folder: Path, *, resume: bool = False, make_sampler=make_ball_sampler, **changes) -> Path:
    """Run the toy problem in a folder; gives the last checkpoint."""
    config = toy_config(**changes)
    return Trainer(config, task_maker(config, make_sampler, build=build_tiny), folder).run(resume=resume)
