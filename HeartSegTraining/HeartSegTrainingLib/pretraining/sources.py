"""Where views are cut from: prepared scans through an index, generated hearts, or both."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.augmentation import Volume, volume
from HeartSegTrainingLib.datasets import Crop, CropSource, Store
from HeartSegTrainingLib.datasets.people import grouped
from HeartSegTrainingLib.finetuning.learned_from import of_generated
from HeartSegTrainingLib.finetuning.real_data import in_view
from HeartSegTrainingLib.generator import Sampler
from HeartSegTrainingLib.generator.appearance import MODES
from HeartSegTrainingLib.generator.training_data import GeneratedData

from .seen import Seen
from .store_data import StoreData
from .tables import check_table

__all__ = ["GeneratedSource", "Labelled", "MixedSource", "Pair", "Source", "StoreData", "StoreSource", "make_source"]

Pair = tuple[Volume, Volume]
"""What the two views of a sample look at: twice the same, or two phases of one beat, on one grid."""

_MODALITIES: dict[str, set[str]] = {
    "ct_contrast": {"ct"}, "ct_plain": {"ct"}, "mr_bright": {"mr"}, "mr_dark": {"mr"}, "random": set()}
"""What a mode of generated hearts stands for; random contrast for neither."""


class Labelled(NamedTuple):
    """What the probe learns from or is scored on.

    Attributes:
        volume: A labelled volume.
        annotated: Ids of the structures that somebody looked for in it; where another lies nothing is said.
    """

    volume: Volume
    annotated: frozenset[str]


class Source(Protocol):
    """Gives what views are cut from."""

    def pair(self, index: int, rng: np.random.Generator) -> Pair:
        """Pair number `index`; it depends on the seed, the index and the generator's state alone."""

    def labelled(self, index: int, half: int) -> Labelled:
        """A labelled volume for the probe, by number; a pure function of the two.

        Args:
            index: Its number.
            half: 0 to learn from, 1 to be scored on; no person and no scene is in both.
        """

    def seen(self) -> Seen:
        """The cases that pairs are cut from."""

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
        self._scenes = len(data.prepare())
        self._sampler: Sampler | None = None

    def pair(self, index: int, rng: np.random.Generator) -> Pair:
        """A scan, twice."""
        drawn = self._scan(rng)
        return drawn, drawn

    def labelled(self, index: int, half: int) -> Labelled:
        """A scan that no sample shows, of every other scene.

        Raises:
            UsageError: There is one scene, or labels do not tell structures apart.
        """
        if self._scenes < 2 or self._data.binary:
            raise UsageError("The probe needs two scenes or more with their structures.",
                             "Set count to 2 or more and binary = false, or probe_every = 0.")
        scene = 2 * (index % ((self._scenes + 1 - half) // 2)) + half
        drawn = self._scan(np.random.default_rng((self._data.seed, index, 1 + half)), scene)
        return Labelled(drawn, frozenset(one.id for one in STRUCTURES.values()))

    def seen(self) -> Seen:
        """Nobody; the hearts have a licence of their own."""
        return Seen(licences=(of_generated(asdict(self._data)).licence,))

    def fingerprint(self) -> str:
        """Of the table without its folders and their licence."""
        return _hash(self._data.settings(), self._side)

    def _scan(self, rng: np.random.Generator, scene: int | None = None) -> Volume:
        if self._sampler is None:  # in the process that makes samples: scenes are large
            self._sampler = self._data.sampler(self._side)
        scan = self._sampler.scan(rng, scene=scene)
        return volume(scan.image[None], scan.labels, (self._data.spacing,) * 3, scan.modality, scan.inside)


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
        people = grouped(entry for entry in self.cases if known[entry.id].labelled)
        halves = [[entry for group in people[half::2] for entry in group.entries] for half in (0, 1)]
        self._labelled = [CropSource(Path(data.store), half, (side,) * 3, seed=seed + 1, structure_share=1.0,
                                     temperature=data.temperature) for half in halves] if all(halves) else None
        self._fold, self._two_phases = data.fold, two_phases
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

    def labelled(self, index: int, half: int) -> Labelled:
        """A crop aimed at a structure, of every other person.

        Raises:
            UsageError: No two people have labels.
        """
        if self._labelled is None:
            raise UsageError("The probe needs labelled cases of two people or more, and the store has none.",
                             "Set probe_every = 0.")
        crop = self._labelled[half][index]
        return Labelled(_as_volume(crop, 0), frozenset(crop.case.present))

    def seen(self) -> Seen:
        """The cases, and the fold that was left out."""
        return Seen(tuple(sorted(entry.id for entry in self.cases)), self._fold)

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

    def labelled(self, index: int, half: int) -> Labelled:
        """A scan."""
        return self._scans.labelled(index, half)

    def seen(self) -> Seen:
        """The cases of both."""
        return self._scans.seen().joined(self._generated.seen())

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
    share, drawn = _share(table), _generated_data(table)
    stored = StoreData.from_table(table["store"]) if "store" in table else None
    side_mm = window * spacing * field
    scans = None if stored is None else StoreSource(stored, side_mm, seed=seed, two_phases=two_phases)
    if needs_both:
        of_scans = {entry.modality for entry in scans.cases} if scans is not None and share < 1 else set()
        of_generated = _modalities(drawn) if drawn is not None and share > 0 else set()
        _need_both(of_scans | of_generated)
    generated = None if drawn is None else GeneratedSource(drawn, math.ceil(side_mm / drawn.spacing))
    if scans is None or generated is None:
        found: Source | None = scans or generated
        assert found is not None
        return found
    return MixedSource(scans, generated, share)


def _share(table: Mapping[str, Any]) -> float:
    """Of generated hearts: all or none where only one of the two tables is there."""
    if not {"generated", "store"} <= set(table):
        return float("generated" in table)
    share = table.get("generated_share", 0.2)
    if not isinstance(share, (int, float)) or isinstance(share, bool) or not 0 <= share <= 1:
        raise UsageError(f"generated_share is {share!r}.", "Give a number from 0 to 1.")
    return float(share)


def _generated_data(table: Mapping[str, Any]) -> GeneratedData | None:
    if "generated" not in table:
        return None
    return GeneratedData.from_table(check_table(GeneratedData, table["generated"], "data.generated"))


def _modalities(data: GeneratedData) -> set[str]:
    """Modalities of hearts that are drawn at all."""
    return set().union(*(_MODALITIES[mode] for mode, share in zip(MODES, data.mix, strict=True) if share > 0))


def _need_both(modalities: set[str]) -> None:
    if len(modalities) < 2:
        found = f"only {modalities.pop().upper()}" if modalities else "neither"
        raise UsageError(f"The second stage learns from CT and MR, and there is {found}.",
                         'Add data of the other kind, or use stage = "ssl" with init_from.')


def _as_volume(crop: Crop, channel: int) -> Volume:
    """One channel of a crop, with the field of view that fine-tuning sees, so that values are scaled alike."""
    inside = in_view(crop.image[channel], crop.labels, crop.case.lowest)
    return volume(crop.image[channel:channel + 1], crop.labels, crop.case.spacing, crop.case.modality, inside)


def _hash(*said: object) -> str:
    text = json.dumps(said, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> Sequence[Any]:
    if isinstance(value, (set, frozenset, tuple)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no place in a fingerprint")
