"""Where views are cut from: prepared scans through an index, generated hearts, or both."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.augmentation import Volume, volume
from HeartSegTrainingLib.datasets import Crop, CropSource, Entry, Index, Store, pretraining_cases
from HeartSegTrainingLib.generator import Sampler
from HeartSegTrainingLib.generator.training_data import GeneratedData

Pair = tuple[Volume, Volume]
"""What the two views of a sample look at: twice the same, or two phases of one beat, on one grid."""


class Source(Protocol):
    """Gives what views are cut from."""

    def pair(self, index: int, rng: np.random.Generator) -> Pair:
        """Pair number `index`; it depends on the seed, the index and the generator's state alone."""

    def labelled(self, index: int) -> Volume:
        """A labelled volume for the probe, by number; a pure function of it."""

    def fingerprint(self) -> str:
        """Hash of all that the pairs depend on beside the seed."""


class GeneratedSource:
    """Generated hearts.

    Args:
        data: The [data.generated] table.
        side: Voxels along each side.
    """

    def __init__(self, data: GeneratedData, side: int) -> None:
        self._data, self._side = data, side
        data.prepare()
        self._sampler: Sampler | None = None

    def pair(self, index: int, rng: np.random.Generator) -> Pair:
        """A scan, twice."""
        drawn = self._scan(rng)
        return drawn, drawn

    def labelled(self, index: int) -> Volume:
        """A scan that no sample shows."""
        return self._scan(np.random.default_rng((self._data.seed, index, 1)))

    def fingerprint(self) -> str:
        """Of the table without its folders."""
        said = {field.name: getattr(self._data, field.name) for field in fields(self._data)
                if field.name not in ("scenes", "priors")}
        return _hash(said, self._side)

    def _scan(self, rng: np.random.Generator) -> Volume:
        if self._sampler is None:  # in the process that makes samples: scenes are large
            self._sampler = self._data.sampler(self._side)
        scan = self._sampler.scan(rng)
        return volume(scan.image[None], scan.labels, (self._data.spacing,) * 3, scan.modality, scan.inside)


@dataclass(frozen=True)
class StoreData:
    """The [data.store] table.

    Attributes:
        index: Index file, split, so that nobody who is tested is learned from.
        store: Folder of prepared images, all at one spacing.
        fold: Leave out who validates in this fold, too; None for nobody.
        modalities: "ct", "mr" or both.
        temperature: 1 draws every case equally often; larger values keep large data sets from dominating.
    """

    index: str
    store: str
    fold: int | None = None
    modalities: tuple[str, ...] = ("ct", "mr")
    temperature: float = 2.0

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> StoreData:
        """Read the table.

        Raises:
            UsageError: An entry is unknown or missing.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(table) - set(known)):
            raise UsageError(f"The [data.store] table has unknown entries: {', '.join(unknown)}.",
                             f"Known entries: {', '.join(known)}.")
        try:
            values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value
                                      for name, value in table.items()}
            return cls(**values)
        except TypeError as error:
            raise UsageError("The [data.store] table names no index or no store.", "Give both.") from error

    def cases(self) -> list[Entry]:
        """Who may be learned from without labels, of the chosen modalities.

        Raises:
            UsageError: The index is not split, or nobody is left.
            InputError: It cannot be read.
        """
        found = [entry for entry in pretraining_cases(Index.read(Path(self.index)), self.fold)
                 if entry.modality in self.modalities]
        if not found:
            raise UsageError(f"The index {self.index} has no case of {' or '.join(self.modalities)} to learn from.",
                             "Choose other modalities, or add data sets.")
        return found


class StoreSource:
    """Crops of prepared scans.

    Args:
        data: The [data.store] table.
        side_mm: Side of a crop.
        seed: Seed of the run.
        two_phases: Take two frames of one cine.

    Raises:
        UsageError: The store keeps each image's own spacing, or there is no case.
    """

    def __init__(self, data: StoreData, side_mm: float, *, seed: int, two_phases: bool) -> None:
        spacing = Store(Path(data.store)).settings().spacing
        if spacing <= 0:
            raise UsageError(f"The images in {data.store} have a spacing each of their own.",
                             "Prepare them at one, with `heartseg index preprocess --spacing 1.5`.")
        self.cases = data.cases()
        side = math.ceil(side_mm / spacing)
        self._crops = CropSource(Path(data.store), self.cases, (side,) * 3, seed=seed, temperature=data.temperature)
        known = Store(Path(data.store)).cases()
        labelled = [entry for entry in self.cases if known[entry.id].labelled]
        self._labelled = CropSource(Path(data.store), labelled, (side,) * 3, seed=seed + 1, structure_share=1.0,
                                    temperature=data.temperature) if labelled else None
        self._two_phases = two_phases
        self._said = (data.modalities, data.temperature, spacing, side, two_phases)

    def pair(self, index: int, rng: np.random.Generator) -> Pair:
        """A crop, twice, or two frames of it; of several channels one is drawn."""
        crop = self._crops[index]
        channel = int(rng.integers(len(crop.image)))
        first = _as_volume(crop, channel)
        frames = crop.case.shape[0] if crop.case.axis == "frames" else 1
        if not self._two_phases or frames < 2:
            return first, first
        other = (crop.frame + int(rng.integers(1, frames))) % frames
        return first, _as_volume(self._crops.cut(crop.case, crop.start, other), channel)

    def labelled(self, index: int) -> Volume:
        """A crop aimed at a structure.

        Raises:
            UsageError: No case has labels.
        """
        if self._labelled is None:
            raise UsageError("The probe needs labelled cases, and the store has none.", "Set probe_every = 0.")
        return _as_volume(self._labelled[index], 0)

    def fingerprint(self) -> str:
        """Of the cases and how they are drawn."""
        return _hash(*self._said, [[entry.id, entry.checksum] for entry in self.cases])


class MixedSource:
    """Generated hearts among scans.

    Args:
        scans: Prepared scans.
        generated: Generated hearts.
        share: Of generated ones, 0 to 1.
    """

    def __init__(self, scans: Source, generated: Source, share: float) -> None:
        self._scans, self._generated, self._share = scans, generated, share

    def pair(self, index: int, rng: np.random.Generator) -> Pair:
        """From one of the two."""
        return (self._generated if rng.random() < self._share else self._scans).pair(index, rng)

    def labelled(self, index: int) -> Volume:
        """A scan."""
        return self._scans.labelled(index)

    def fingerprint(self) -> str:
        """Of both."""
        return _hash(self._scans.fingerprint(), self._generated.fingerprint(), self._share)


def make_source(table: Mapping[str, Any], *, window: int, spacing: float, field: float, seed: int, two_phases: bool,
                needs_both: bool) -> Source:
    """From the [data] table to a source.

    Args:
        table: `generated` and `store` tables, one or both, and `generated_share` where both are there.
        window: Voxels of a view.
        spacing: Of a view, mm.
        field: Side of what views are cut from, in windows.
        seed: Seed of the run.
        two_phases: Take two frames of one cine.
        needs_both: Refuse data of CT or of MR alone.

    Raises:
        UsageError: The table is wrong, or the data are not what the stage needs.
    """
    if unknown := sorted(set(table) - {"generated", "store", "generated_share"}):
        raise UsageError(f"The [data] table has unknown entries: {', '.join(unknown)}.",
                         "Known are the tables [data.generated] and [data.store], and generated_share.")
    if not {"generated", "store"} & set(table):
        raise UsageError("The [data] table names nothing to learn from.",
                         "Add a table [data.store] with index and store, or [data.generated] with scenes and count.")
    side_mm = window * spacing * field
    generated: Source | None = None
    if "generated" in table:
        data = GeneratedData.from_table(table["generated"])
        generated = GeneratedSource(data, math.ceil(side_mm / data.spacing))
    if "store" not in table:
        assert generated is not None
        return generated
    scans = StoreSource(StoreData.from_table(table["store"]), side_mm, seed=seed, two_phases=two_phases)
    if needs_both and generated is None:
        _need_both({entry.modality for entry in scans.cases})
    share = table.get("generated_share", 0.2)
    if not isinstance(share, (int, float)) or not 0 <= share <= 1:
        raise UsageError(f"generated_share is {share!r}.", "Give a number from 0 to 1.")
    return scans if generated is None else MixedSource(scans, generated, float(share))


def _need_both(modalities: set[str]) -> None:
    if len(modalities) < 2:
        raise UsageError(f"The second stage learns from CT and MR, and there is only {modalities.pop().upper()}.",
                         'Add data sets of the other kind, or use stage = "ssl" with init_from.')


def _as_volume(crop: Crop, channel: int) -> Volume:
    """One channel of a crop; its field of view is what lies inside the scan."""
    inside = torch.zeros(crop.labels.shape, dtype=torch.bool)
    inside[tuple(slice(max(-start, 0), max(side - start, 0))
                 for start, side in zip(crop.start, crop.case.shape[1:], strict=True))] = True
    return volume(crop.image[channel:channel + 1], crop.labels, crop.case.spacing, crop.case.modality, inside)


def _hash(*said: object) -> str:
    text = json.dumps(said, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> Sequence[Any]:
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no place in a fingerprint")
