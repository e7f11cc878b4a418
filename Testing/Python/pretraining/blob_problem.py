"""Textured blobs as unlabelled data, and a network with an mLSTM block that is small enough for tests."""

from __future__ import annotations

import numpy as np

from HeartSegTrainingLib.augmentation import Volume, volume
from HeartSegTrainingLib.pretraining import PretrainConfig
from HeartSegTrainingLib.pretraining.seen import Seen
from HeartSegTrainingLib.pretraining.sources import Labelled

SMALL = {"features": [8, 16], "blocks": [1, 1], "vil_pairs": [0, 1]}


class BlobSource:
    """A ball of random place, size, brightness and grain in noise; the ball is labelled LV, its shell MYO."""

    def __init__(self, side: int = 24) -> None:
        self.side = side

    def draw(self, rng: np.random.Generator) -> Volume:
        axes = np.indices((self.side,) * 3) - rng.uniform(8, self.side - 8, (3, 1, 1, 1))
        distance = np.sqrt((axes**2).sum(0))
        radius, grain = rng.uniform(3, 7), rng.uniform(1, 4)
        labels = np.where(distance < radius - 1.5, 1, np.where(distance < radius, 2, 0)).astype(np.uint8)
        waves = np.sin(axes[0] * grain) * rng.uniform(0, 200)
        image = (labels > 0) * (rng.uniform(100, 400) + waves) + rng.normal(0, 20, labels.shape)
        return volume(image[None].astype(np.float32), labels, (1.5, 1.5, 1.5), "ct")

    def pair(self, index: int, rng: np.random.Generator) -> tuple[Volume, Volume]:
        one = self.draw(rng)
        return one, one

    def labelled(self, index: int, half: int) -> Labelled:
        return Labelled(self.draw(np.random.default_rng((99, index, half))), frozenset({"LV", "MYO"}))

    def seen(self) -> Seen:
        return Seen()

    def fingerprint(self) -> str:
        return "blobs"


def small_config(**changes) -> PretrainConfig:
    values = {"network": "nano", "network_overrides": SMALL, "window": 16, "local_window": 8, "local_views": 2,
              "batch": 4, "steps": 6, "learning_rate": 1e-3, "warmup": 2, "workers": 0, "threads": 1, "device": "cpu",
              "precision": "fp32", "log_every": 2, "prototypes": 32, "head_hidden": 16, "head_bottleneck": 8}
    return PretrainConfig(**(values | changes))
