"""Samples of self-supervision: views of one place, and which of their tokens are hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from HeartSegTrainingLib.augmentation import StrongRanges, global_views, local_view
from HeartSegTrainingLib.engine.task import Sample

from .config import PretrainConfig
from .masking import draw_mask
from .sources import Source


@dataclass
class ViewDataset(Dataset[Sample]):
    """Endless sequence of samples; sample i is a pure function of seed and i.

    Attributes:
        source: Where views are cut from.
        config: The run.
    """

    source: Source
    config: PretrainConfig

    def __getitem__(self, index: int) -> Sample:
        """Global views (2, 1, w, w, w), local views (n, 1, l, l, l), masks (2, tokens) bool."""
        config = self.config
        rng = np.random.default_rng((config.seed, index))
        pair = self.source.pair(index, rng)
        ranges = StrongRanges(zoom=(config.zoom[0], config.zoom[1]), overlap=config.overlap, flip_axes=config.flip_axes,
                              flip=config.flip)
        both = global_views(rng, pair, config.window, config.spacing, ranges)
        small = [local_view(rng, pair[number % 2], config.local_window, config.spacing, ranges).image
                 for number in range(config.used_local_views)]
        return (torch.stack([view.image for view in both]),
                torch.stack(small) if small else both[0].image.new_zeros((0, 1, 1, 1, 1)),
                self._masks(rng))

    def _masks(self, rng: np.random.Generator) -> torch.Tensor:
        config = self.config
        if not config.uses_masks:
            return torch.zeros(2, 0, dtype=torch.bool)
        low, high = config.mask_ratio
        return torch.stack([draw_mask(rng, config.tokens, probability=config.mask_probability, ratio=(low, high))
                            for _ in range(2)])
