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
from .sources import Labelled, Source

_STRUCTURES = {id_: BY_ID[id_].value for id_ in ("LV", "MYO", "RV", "LA", "RA", "AO", "PA")}
_RIDGE = 1e-2
"""Of the mean squared feature: enough that a few crops do not fit noise."""
_LEVEL = 1
"""Stage whose grid is classified: fine enough for walls, coarse enough for a closed form in a moment."""


class LinearProbe:
    """Ridge regression from the encoder's maps to labels, solved in closed form on one half of a few crops.

    The crops are drawn once; a probe costs one forward pass of each. Each structure is told from all else on the crops
    where it was annotated, by a threshold that gives it as many cells as it has in the first half. The Dice is that of
    grid cells labelled by their majority, and is comparable within a run alone.

    Args:
        source: Where labelled volumes come from.
        config: The run.
        device: Where it is computed.

    Raises:
        UsageError: The source has no labels.
    """

    def __init__(self, source: Source, config: PretrainConfig, device: torch.device) -> None:
        size, spacing = (config.window,) * 3, (config.spacing,) * 3
        count = max(config.probe_cases // 2, 1)
        self._halves = [[_Crop(source.labelled(index, half), size, spacing, device) for index in range(count)]
                        for half in (0, 1)]

    @torch.no_grad()
    def dice(self, encoder: Encoder) -> float:
        """Mean Dice over the structures of which both halves know something; the encoder stays as it is."""
        (x, known), (y, truths) = (_cells_of(encoder, half) for half in self._halves)
        weights = _ridge(x, known)
        learned, guessed = _with_bias(x) @ weights, _with_bias(y) @ weights
        scores = [_dice(learned[:, place], known[:, place], guessed[:, place], truths[:, place])
                  for place in range(len(_STRUCTURES))]
        found = torch.stack(scores)
        return float(found[~found.isnan()].mean())


class _Crop:
    """A crop as the network sees it, and what is known of its structures."""

    def __init__(self, labelled: Labelled, size: Sequence[int], spacing: Sequence[float], device: torch.device) -> None:
        seen = to_network_range(resample(labelled.volume, size, spacing))
        self.image, self.labels = seen.image[None].to(device), seen.labels.to(device)
        self.annotated = labelled.annotated

    def cells(self, grid: Sequence[int]) -> Tensor:
        """(cells, structures) shares of each cell; NaN where nothing is known."""
        known = F.adaptive_avg_pool3d((self.labels != UNKNOWN).float()[None], list(grid)).flatten() > 0
        columns = []
        for name, value in _STRUCTURES.items():
            share = F.adaptive_avg_pool3d((self.labels == value).float()[None], list(grid)).flatten()
            columns.append(share.where(known & (name in self.annotated), torch.nan))
        return torch.stack(columns, 1)


def _cells_of(encoder: Encoder, crops: Sequence[_Crop]) -> tuple[Tensor, Tensor]:
    """Features (cells, channels) and shares (cells, structures) of some crops."""
    features, shares = [], []
    for crop in crops:
        maps = encoder(crop.image)
        grid = maps[_LEVEL].shape[2:]
        features.append(_features(maps, grid))
        shares.append(crop.cells(grid))
    return torch.cat(features), torch.cat(shares)


def _features(maps: Sequence[Tensor], grid: Sequence[int]) -> Tensor:
    """(cells, channels of all stages), each stage brought to one grid."""
    levels = [F.interpolate(values.float(), size=list(grid), mode="trilinear") for values in maps]
    return torch.cat(levels, 1)[0].flatten(1).T


def _with_bias(features: Tensor) -> Tensor:
    return torch.cat([features, features.new_ones(len(features), 1)], 1)


def _ridge(features: Tensor, shares: Tensor) -> Tensor:
    """Weights (channels + 1, structures), each column from the cells of which it is known; 0 where none is."""
    x, is_known = _with_bias(features).double(), ~shares.isnan()
    weights = x.new_zeros(x.shape[1], shares.shape[1])
    masks, kind = is_known.unique(dim=1, return_inverse=True)  # mostly one: a system is solved once for all its columns
    for number, known in enumerate(masks.T):
        if bool(known.any()):
            columns = (kind == number).nonzero().flatten()
            gram = x[known].T @ x[known]
            penalty = _RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
            weights[:, columns] = torch.linalg.solve(gram + penalty, x[known].T @ shares[known][:, columns].double())
    return weights.float()


def _dice(learned: Tensor, known: Tensor, guessed: Tensor, truths: Tensor) -> Tensor:
    """Dice of one structure in the second half; NaN where either half has nothing of it.

    Args:
        learned: (n,) scores of the first half's cells.
        known: (n,) its shares, NaN where unknown.
        guessed: (m,) scores of the second half's cells.
        truths: (m,) its shares.
    """
    count, truth = int((known > 0.5).sum()), truths[~truths.isnan()] > 0.5
    if not count or not bool(truth.any()):
        return learned.new_tensor(torch.nan)
    threshold = learned[~known.isnan()].topk(count).values[-1]
    guess = guessed[~truths.isnan()] >= threshold
    return 2 * (guess & truth).sum() / (guess.sum() + truth.sum())
