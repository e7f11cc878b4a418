"""Labelled windows: sample i is a pure function of (seed, i)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from HeartSeg3DLib.errors import UsageError

from .losses import IGNORE

LabelledWindow = tuple[Tensor, ...]
"""Image (1, D, H, W) float, labels (D, H, W) uint8; with partial labels also (C,) bool, the labelled classes."""

Sampler = Callable[[np.random.Generator], LabelledWindow]
"""Draws one sample; every random choice must come from the generator that it is given."""


@dataclass
class SampleDataset(Dataset[LabelledWindow]):
    """Endless sequence of samples.

    Attributes:
        make_sampler: Called once in each process that makes samples; picklable where processes are spawned.
        seed: Seed of the run.
        classes: Number of classes, to refuse label values that the network has no channel for.
        window: Side of the window that each sample must have.
    """

    make_sampler: Callable[[], Sampler]
    seed: int
    classes: int
    window: int
    _sampler: Sampler | None = None

    def __getitem__(self, index: int) -> LabelledWindow:
        """Sample `index`, the same in every process and after every restart."""
        if self._sampler is None:
            self._sampler = self.make_sampler()
        sample = self._sampler(np.random.default_rng((self.seed, index)))
        self._check(sample, index)
        return sample

    def _check(self, sample: LabelledWindow, index: int) -> None:
        image, labels = sample[:2]
        if tuple(image.shape[1:]) != (self.window,) * 3 or tuple(labels.shape) != (self.window,) * 3:
            shapes = f"{tuple(image.shape)} with labels {tuple(labels.shape)}"
            raise UsageError(f"Sample {index} has the shape {shapes}.",
                             f"Give the sampler the run's window, {self.window} voxels.")
        highest = int(torch.where(labels == IGNORE, 0, labels).max())
        if highest >= self.classes:
            raise UsageError(f"Sample {index} has label {highest}; the network has {self.classes} classes.",
                             "Map the labels to the network's channels, or set classes in [network].")
