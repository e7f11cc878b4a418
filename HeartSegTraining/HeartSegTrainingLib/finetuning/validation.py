"""How well a network segments cases that it does not learn from: Dice and HD95 in a box around each heart."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES, normalize
from HeartSeg3DLib.segmentation.runner import Runner
from HeartSegTrainingLib.datasets import IGNORED_VOXEL, CropSource, Entry, StoredCase
from HeartSegTrainingLib.datasets.array_files import read_part
from HeartSegTrainingLib.datasets.store import LABELS_FILE, Store
from HeartSegTrainingLib.evaluation.hausdorff import hd95
from HeartSegTrainingLib.evaluation.overlap import dice
from HeartSegTrainingLib.finetuning.channels import Channels
from HeartSegTrainingLib.finetuning.losses import IGNORE
from HeartSegTrainingLib.finetuning.real_data import in_view

_MARGIN_MM = 20.0
"""Around everything labelled: about what the locator leaves around a heart at inference."""


@dataclass(frozen=True)
class CaseScore:
    """Scores of one case.

    Attributes:
        case: Its id.
        dice: Channel to Dice, for the structures that the case labels and that either side holds.
        hd95_mm: Channel to HD95; the diagonal of the box where only one side holds the structure.
    """

    case: str
    dice: dict[int, float]
    hd95_mm: dict[int, float]


class Validator:
    """Scores a network on a few prepared cases.

    What is seen is a box around the labels: how well the heart is found in a whole scan is the locator's matter.
    Structures that a case does not label count as background on both sides, and voxels that say nothing on none.

    Args:
        store: Folder of the store.
        entries: Cases that may validate.
        channels: Structures of the network.
        window: Side of the network's window in voxels; larger boxes are tiled as at inference.
        most: Largest number of cases; they are spread evenly over those that are given.
    """

    def __init__(self, store: Path, entries: Sequence[Entry], channels: Channels, window: int, most: int) -> None:
        ordered = sorted(entries, key=lambda entry: entry.id)
        places = np.unique(np.linspace(0, len(ordered) - 1, min(most, len(ordered))).round().astype(int))
        self.entries = [ordered[place] for place in places.tolist()]
        self._store, self._channels, self._window = Store(store), channels, window
        self._source = CropSource(store, self.entries, (window,) * 3)

    def score(self, network: nn.Module, device: torch.device, share: tuple[int, int] = (0, 1)) -> list[CaseScore]:
        """Score every n-th case.

        Args:
            network: Maps (1, 1, D, H, W) to logits on cells of its stem stride; put into evaluation mode.
            device: Where it runs.
            share: (k, n): the k-th of n shares, for n processes.

        Raises:
            InputError: A file of the store is missing or damaged.
        """
        runner = Runner(network, device)
        return [self._score(runner, self._case(entry)) for entry in self.entries[share[0]::share[1]]]

    def _case(self, entry: Entry) -> StoredCase:
        case = self._store.case(entry.id)
        if case is None:
            raise _damaged(entry.id)
        return case

    def _score(self, runner: Runner, case: StoredCase) -> CaseScore:
        try:
            drawn = read_part(self._store.folder(case.id) / LABELS_FILE, (slice(0, 1),))[0]
        except (OSError, RuntimeError, ValueError) as error:
            raise _damaged(case.id) from error
        start, sides = _box(drawn, _MARGIN_MM / np.array(case.spacing), self._window)
        source = copy.copy(self._source)
        source.window = sides
        crop = source.cut(case, start)
        labels = self._channels.of_labels(crop.labels, case.present, case.id)
        inside = torch.from_numpy(in_view(crop.image[0], crop.labels, case.lowest))
        seen = normalize(crop.image[0], DEFAULT_RULES[case.modality], inside)
        labelled = self._channels.labelled(case.present)
        found = _labels_of(runner.predict(seen, self._window), labels.shape, runner.stride, labelled)
        return scored(case.id, found, labels, labelled, case.spacing)


def scored(case: str, found: np.ndarray, labels: np.ndarray, labelled: np.ndarray,
           spacing: tuple[float, float, float]) -> CaseScore:
    """Compare channel indices with labels, leaving out voxels that say nothing.

    Args:
        case: Id of the case.
        found: (z, y, x) channel indices.
        labels: (z, y, x) channel indices or IGNORE.
        labelled: (C,) bool, which channels the case labels.
        spacing: mm along z, y, x.
    """
    known = labels != IGNORE
    overlaps, distances = {}, {}
    for channel in np.flatnonzero(labelled).tolist():
        if channel == 0:
            continue
        one, other = (found == channel) & known, labels == channel
        overlap, distance = dice(one, other), hd95(one, other, spacing)
        if overlap is not None and distance is not None:
            overlaps[channel], distances[channel] = overlap, distance
    return CaseScore(case, overlaps, distances)


def sums_of(scores: Sequence[CaseScore], classes: int) -> Tensor:
    """Sums and counts of Dice and HD95 by channel, (4, C) float64: what several processes add up."""
    table = torch.zeros((4, classes), dtype=torch.float64)
    for score in scores:
        for channel, value in score.dice.items():
            table[:, channel] += torch.tensor([value, 1.0, score.hd95_mm[channel], 1.0], dtype=torch.float64)
    return table


def figures_of(table: Tensor) -> dict[str, float]:
    """Means from `sums_of`: `val_dice_N` and `val_hd95_N` by channel, `val_dice` and `val_hd95` over the channels.

    NaN where no case says anything.
    """
    overlaps, distances = table[0] / table[1], table[2] / table[3]  # 0 / 0 is NaN
    figures = {"val_dice": float(overlaps[1:].nanmean()), "val_hd95": float(distances[1:].nanmean())}
    for channel in range(1, table.shape[1]):
        figures |= {f"val_dice_{channel}": float(overlaps[channel]), f"val_hd95_{channel}": float(distances[channel])}
    return {name: value if math.isnan(value) else round(value, 5) for name, value in figures.items()}


def _damaged(case: str) -> InputError:
    return InputError(f"The prepared files of {case} are missing or damaged.",
                      "Remove its folder from the store and run `heartseg index preprocess` again.")


def _box(drawn: np.ndarray, margin: np.ndarray, least: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Start and sides (z, y, x) of the box around all labels; inside the case, but at least a window wide."""
    where = np.argwhere((drawn != 0) & (drawn != IGNORED_VOXEL))
    low, high = (where.min(0), where.max(0) + 1) if len(where) else (np.zeros(3), np.array(drawn.shape))
    middle = 0.5 * (low + high)
    wanted = np.minimum(np.ceil(high - low + 2 * margin), drawn.shape)
    sides = np.maximum(wanted, least).astype(int)
    start = np.rint(middle - 0.5 * sides).astype(int)
    room = np.array(drawn.shape) - sides
    start = np.where(room > 0, np.clip(start, 0, np.maximum(room, 0)), start)
    z, y, x = start.tolist()
    depth, height, width = sides.tolist()
    return (z, y, x), (depth, height, width)


def _labels_of(log_probabilities: Tensor, shape: Sequence[int], stride: int, labelled: np.ndarray) -> np.ndarray:
    """Channel of each voxel from the cells of the network, unlabelled structures counting as background."""
    values = log_probabilities.clone()
    for channel in np.flatnonzero(~labelled).tolist():
        values[0] = torch.logaddexp(values[0], values[channel])
        values[channel] = -math.inf
    if stride > 1:  # cell i stands for voxels s * i to s * i + s - 1, which is what align_corners=False assumes
        finite = values.clamp(min=-1e4)
        values = F.interpolate(finite[None], scale_factor=stride, mode="trilinear", align_corners=False)[0]
    depth, height, width = shape
    found: np.ndarray = values[:, :depth, :height, :width].argmax(0).cpu().numpy().astype(np.uint8)
    return found
