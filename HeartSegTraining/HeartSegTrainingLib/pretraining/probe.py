"""A linear probe: how much of the anatomy can be read off the frozen encoder by a linear map."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.networks.unet import Encoder
from HeartSegTrainingLib.augmentation import UNKNOWN, resample, to_network_range

from .config import PretrainConfig
from .sources import Source

_STRUCTURES = tuple(BY_ID[id_].value for id_ in ("LV", "MYO", "RV", "LA", "RA", "AO", "PA"))
_RIDGE = 1e-2
"""Of the mean squared feature: enough that a few crops do not fit noise."""
_LEVEL = 1
"""Stage whose grid is classified: fine enough for walls, coarse enough for a closed form in a moment."""


class LinearProbe:
    """Ridge regression from the encoder's maps to labels, solved in closed form on one half of a few crops.

    The crops are drawn once; a probe costs one forward pass of each. The Dice is that of grid cells labelled by their
    majority, and is comparable within a run alone.

    Args:
        source: Where labelled volumes come from.
        config: The run.
        device: Where it is computed.

    Raises:
        UsageError: The source has no labels.
    """

    def __init__(self, source: Source, config: PretrainConfig, device: torch.device) -> None:
        crops = [source.labelled(index) for index in range(config.probe_cases)]
        size, spacing = (config.window,) * 3, (config.spacing,) * 3
        seen = [to_network_range(resample(crop, size, spacing)) for crop in crops]
        self._images = [crop.image[None].to(device) for crop in seen]
        self._labels = [crop.labels.to(device) for crop in seen]

    @torch.no_grad()
    def dice(self, encoder: Encoder) -> float:
        """Mean Dice over the structures that occur in the scored half; the encoder stays as it is."""
        features, truths = [], []
        for image, labels in zip(self._images, self._labels, strict=True):
            maps = encoder(image)
            grid = maps[_LEVEL].shape[2:]
            features.append(_features(maps, grid))
            truths.append(_cells(labels, grid))
        half = len(features) // 2 or 1
        weights = _ridge(torch.cat(features[:half]), torch.cat(truths[:half]))
        scored = slice(half, None) if len(features) > 1 else slice(None)
        guess = (_with_bias(torch.cat(features[scored])) @ weights).argmax(1)
        return _mean_dice(guess, torch.cat(truths[scored]))


def _features(maps: Sequence[Tensor], grid: Sequence[int]) -> Tensor:
    """(cells, channels of all stages), each stage brought to one grid."""
    levels = [F.interpolate(values.float(), size=list(grid), mode="trilinear") for values in maps]
    return torch.cat(levels, 1)[0].flatten(1).T


def _cells(labels: Tensor, grid: Sequence[int]) -> Tensor:
    """(cells, 1 + structures) shares of each cell; a cell of unknown voxels has zeros."""
    shares = [F.adaptive_avg_pool3d((labels == value).float()[None], list(grid)).flatten() for value in _STRUCTURES]
    known = F.adaptive_avg_pool3d((labels != UNKNOWN).float()[None], list(grid)).flatten()
    background = (known - torch.stack(shares).sum(0)).clamp(min=0)
    return torch.stack([background, *shares], 1)


def _with_bias(features: Tensor) -> Tensor:
    return torch.cat([features, features.new_ones(len(features), 1)], 1)


def _ridge(features: Tensor, truths: Tensor) -> Tensor:
    """Weights (channels + 1, classes) in float64, from cells of which anything is known."""
    known = truths.sum(1) > 0
    x, y = _with_bias(features[known]).double(), truths[known].double()
    gram = x.T @ x
    penalty = _RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    return torch.linalg.solve(gram + penalty, x.T @ y).float()


def _mean_dice(guess: Tensor, truths: Tensor) -> float:
    known = truths.sum(1) > 0
    guess, truth = guess[known], truths[known].argmax(1)
    scores = [2 * ((guess == place) & (truth == place)).sum() / ((guess == place).sum() + (truth == place).sum())
              for place in range(1, truths.shape[1]) if bool((truth == place).any())]
    return float(torch.stack(scores).mean()) if scores else float("nan")

