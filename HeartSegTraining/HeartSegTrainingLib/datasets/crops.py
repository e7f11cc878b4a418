"""Random crops of prepared cases: crop i is the same in every process and after every restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import InputError, UsageError

from .array_files import read_part
from .entry import Entry
from .label_maps import IGNORED_VOXEL
from .store import IMAGE_FILE, LABELS_FILE, Store, StoredCase

_LESIONS = tuple(BY_ID[id_].value for id_ in ("SCAR", "MVO", "OEDEMA"))


@dataclass(frozen=True)
class Crop:
    """A box of voxels.

    Attributes:
        image: (C, z, y, x) float32, values as stored: CT numbers or MR units, not scaled.
        labels: (z, y, x) uint8, canonical values; IGNORED_VOXEL where nothing is known, everywhere without labels.
        case: What it was cut from.
        start: Index (z, y, x) of its first voxel in the case; negative where it begins before the border.
        frame: Frame of a cine, 0 else.
    """

    image: np.ndarray
    labels: np.ndarray
    case: StoredCase
    start: tuple[int, int, int]
    frame: int


class CropSource:
    """Draws crops from a store; it holds no open files and may be copied to other processes.

    Args:
        store: Folder of the store.
        entries: Cases to draw from, such as `pretraining_cases(index)`, or those of some folds. There is no default:
            whoever trains says whom he learns from.
        window: Voxels along z, y, x.
        seed: Seed of the run.
        temperature: 1 draws every case equally often, so that large data sets dominate; larger values flatten that
            (a data set of n cases is drawn with a weight of n^(1 / temperature)).
        structure_share: Share of crops of labelled cases that are aimed at a voxel of a random structure.
        merge_lesions: Count scar, microvascular obstruction and oedema as myocardium.

    Raises:
        InputError: There is no such store.
        UsageError: A case is not in the store, there is none, or a number cannot be.
    """

    def __init__(self, store: Path, entries: Sequence[Entry], window: tuple[int, int, int], *, seed: int = 0,
                 temperature: float = 1.0, structure_share: float = 0.0, merge_lesions: bool = True) -> None:
        if min(window) < 1 or temperature <= 0 or not 0 <= structure_share <= 1:
            raise UsageError("A crop's window, temperature or share of aimed crops cannot be.",
                             "Use a window of 1 or more, a temperature above 0 and a share from 0 to 1.")
        self._store = Store(store)
        known = self._store.cases()
        missing = [entry.id for entry in entries if entry.id not in known]
        if missing or not entries:
            raise UsageError(f"{len(missing)} of {len(entries)} cases are not in the store {store}"
                             f"{f' (the first is {missing[0]})' if missing else ''}.",
                             "Prepare them with `heartseg index preprocess`, or leave them out.")
        self.window, self.seed = window, seed
        self._structure_share, self._merge_lesions = structure_share, merge_lesions
        by_dataset: dict[str, list[StoredCase]] = {}
        for entry in entries:
            by_dataset.setdefault(entry.dataset, []).append(known[entry.id])
        self._groups = [by_dataset[name] for name in sorted(by_dataset)]
        weights = np.array([len(group) for group in self._groups], float) ** (1.0 / temperature)
        self._bounds = np.cumsum(weights / weights.sum())

    def __getitem__(self, index: int) -> Crop:
        """Crop number `index`, from 0 and without end: a pure function of seed and index.

        Raises:
            InputError: A file of the store is missing or damaged.
        """
        rng = np.random.default_rng((self.seed, index))
        group = self._groups[min(int(np.searchsorted(self._bounds, rng.random(), side="right")), len(self._groups) - 1)]
        case = group[int(rng.integers(len(group)))]
        frame = int(rng.integers(case.shape[0])) if case.axis == "frames" else 0
        return self.cut(case, self._start(case, rng), frame)

    def cut(self, case: StoredCase, start: tuple[int, int, int], frame: int = 0) -> Crop:
        """The crop of a case that starts at a voxel; beyond the border lies the lowest value, and no label.

        Raises:
            InputError: A file of the store is missing or damaged.
        """
        channels = slice(None) if case.axis == "channels" else slice(frame, frame + 1)
        count = case.shape[0] if case.axis == "channels" else 1
        image = np.full((count, *self.window), case.lowest, np.float32)
        labels = np.full((1, *self.window), IGNORED_VOXEL, np.uint8)
        stored, inside = _overlap(case.shape[1:], start, self.window)
        folder = self._store.folder(case.id)
        try:
            if all(part.stop > part.start for part in stored):
                image[(slice(None), *inside)] = read_part(folder / IMAGE_FILE, (channels, *stored))
                if case.labelled:
                    labels[(slice(None), *inside)] = read_part(folder / LABELS_FILE, (slice(0, 1), *stored))
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f"The prepared files of {case.id} are missing or damaged.",
                             "Remove its folder from the store and run `heartseg index preprocess` again.") from error
        if self._merge_lesions:
            labels[np.isin(labels, _LESIONS)] = BY_ID["MYO"].value
        return Crop(image, labels[0], case, start, frame)

    def _start(self, case: StoredCase, rng: np.random.Generator) -> tuple[int, int, int]:
        """A random place where the window lies inside, centered along an axis that is shorter than the window."""
        sides, window = np.array(case.shape[1:]), np.array(self.window)
        room = np.maximum(sides - window, 0)
        if len(case.points) and rng.random() < self._structure_share:
            values = np.unique(case.points[:, 0])
            rows = case.points[case.points[:, 0] == values[int(rng.integers(len(values)))]]
            target = rows[int(rng.integers(len(rows))), 1:].astype(int)
            start = np.clip(target - rng.integers(window // 4, window - window // 4), 0, room)
        else:
            start = rng.integers(0, room + 1)
        short = -((window - sides) // 2)
        z, y, x = np.where(sides < window, short, start).tolist()
        return z, y, x


def _overlap(
    sides: Sequence[int], start: Sequence[int], window: Sequence[int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Part of the stored array that a window touches, and where that lies in the window."""
    first = [max(begin, 0) for begin in start]
    last = [min(begin + width, side) for begin, width, side in zip(start, window, sides, strict=True)]
    return (tuple(slice(a, b) for a, b in zip(first, last, strict=True)),
            tuple(slice(a - begin, b - begin) for a, b, begin in zip(first, last, start, strict=True)))
