"""Samples of real labelled crops, as they lie in a store of prepared cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from HeartSegTrainingLib.augmentation import SupervisedRanges, supervised
from HeartSegTrainingLib.datasets import IGNORED_VOXEL, Crop, CropSource, Entry
from HeartSegTrainingLib.finetuning.channels import Channels

_MARGIN = 1.25
"""Side of what is read in multiples of the window, so that rotations and zooms find something beyond its border."""

LabelledSample = tuple[Tensor, Tensor, Tensor]
"""Image (1, n, n, n) float32 in [-1, 1], labels (n, n, n) uint8 channel indices or IGNORE, labelled (C,) bool."""


class RealSampler:
    """Draws samples from a store; it may be copied to other processes.

    Args:
        store: Folder of the store.
        entries: Cases to learn from.
        channels: Structures of the network.
        window: Voxels along each side of a sample.
        temperature: See `CropSource`.
        structure_share: See `CropSource`.
        ranges: How far crops are changed; None for the usual changes.

    Raises:
        InputError: There is no such store.
        UsageError: A case is not in it, or a number cannot be.
    """

    def __init__(self, store: Path, entries: Sequence[Entry], channels: Channels, window: int, *,
                 temperature: float = 2.0, structure_share: float = 0.9,
                 ranges: SupervisedRanges | None = None) -> None:
        side = math.ceil(window * _MARGIN)
        self._source = CropSource(store, entries, (side,) * 3, temperature=temperature,
                                  structure_share=structure_share)
        self._channels, self._window, self._ranges = channels, window, ranges

    def __call__(self, rng: np.random.Generator) -> LabelledSample:
        """Draw one sample; the same state of the generator gives the same one.

        Raises:
            InputError: A file of the store is damaged, or holds a value that is no structure.
        """
        return self.sample(self._source[int(rng.integers(1 << 62))], rng)

    def sample(self, crop: Crop, rng: np.random.Generator) -> LabelledSample:
        """Augment a crop and bring it to the network's range and channels."""
        case = crop.case
        labels = self._channels.of_labels(crop.labels, case.present, case.id)
        image, changed = supervised(rng, crop.image[:1], labels, case.spacing, case.modality,
                                    inside=in_view(crop.image[0], crop.labels, case.lowest),
                                    size=(self._window,) * 3, ranges=self._ranges)
        return image, changed, torch.from_numpy(self._channels.labelled(case.present))


def in_view(image: np.ndarray, labels: np.ndarray, lowest: float) -> np.ndarray:
    """Field of view of a part of a prepared case, (z, y, x) bool.

    Preparing fills what is out of view with the lowest value in view and marks it as saying nothing, and so does a
    crop beyond the border; a voxel with both marks is out of view.
    """
    seen: np.ndarray = (labels != IGNORED_VOXEL) | (image > lowest)
    return seen
