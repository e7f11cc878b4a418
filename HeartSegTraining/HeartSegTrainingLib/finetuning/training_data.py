"""From the [data] table of a job file to samples: real cases of an index, generated hearts, or both."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from HeartSeg3DLib.anatomy import BY_ID, WHOLE_HEART
from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.datasets import Index, StoredCase
from HeartSegTrainingLib.engine.fields import check_entries
from HeartSegTrainingLib.finetuning.channels import Channels
from HeartSegTrainingLib.finetuning.fold_cases import FoldCases, fingerprint_of, fold_cases, stored_cases
from HeartSegTrainingLib.finetuning.real_data import LabelledSample, RealSampler
from HeartSegTrainingLib.generator import training_data as generator_data
from HeartSegTrainingLib.generator.training_data import GeneratedData

ALL_FOLDS = "all"
_WHOLE_HEART_IDS = tuple(id_ for id_, structure in BY_ID.items() if structure.value in WHOLE_HEART)

SamplerFactory = Callable[[], Callable[[np.random.Generator], tuple[Tensor, ...]]]


@dataclass(frozen=True)
class IndexedData:
    """The [data.index] table: real cases.

    Attributes:
        index: File of a split index.
        store: Folder of its prepared cases.
        fold: Fold that validates; "all" or a list such as "0-2,4" for one run after the other, each with its own;
            without it every fold is learned from and nobody validates.
        temperature: 1 draws every case equally often; larger values give small data sets more weight.
        structure_share: Share of crops that are aimed at a random structure; at inference a window lies around the
            heart, so that crops elsewhere teach little.
        structures: Ids of the network's structures in the order of its channels; the whole heart's seven by default.
    """

    index: str
    store: str
    fold: int | str | None = None
    temperature: float = 2.0
    structure_share: float = 0.9
    structures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.fold, str) and self.fold != ALL_FOLDS:
            numbers(self.fold)
        if self.temperature <= 0 or not 0 <= self.structure_share <= 1:
            raise UsageError(f"'temperature' is {self.temperature}, 'structure_share' {self.structure_share}.",
                             "Give a temperature above 0 and a share from 0 to 1.")

    @classmethod
    def from_table(cls, table: Any) -> IndexedData:
        """Read the table.

        Raises:
            UsageError: An entry is unknown, missing or wrong.
        """
        if not isinstance(table, Mapping):
            raise UsageError("'index' in [data] is no table.", "Write a table [data.index] with index and store.")
        check_entries(cls, dict(table))
        missing = [name for name in ("index", "store") if not table.get(name)]
        if missing:
            raise UsageError(f"The [data.index] table names no {' and no '.join(missing)}.",
                             "Give 'index' (a file) and 'store' (a folder).")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})


@dataclass(frozen=True)
class TrainingData:
    """What a run learns from.

    Attributes:
        channels: Structures of the network; None without real cases: the generator has its own labels.
        window: Side of a sample in voxels.
        spacing_mm: Size of its voxels.
        real: Real cases, None without.
        generated: The generator's part of the [data] table, empty without.
        generated_share: Share of samples that show a generated heart.
    """

    channels: Channels | None
    window: int
    spacing_mm: float
    real: IndexedData | None
    generated: dict[str, Any] = field(default_factory=dict)
    generated_share: float = 1.0

    @classmethod
    def from_table(cls, table: Mapping[str, Any], window: int, classes: int) -> TrainingData:
        """Read the [data] table; nothing is prepared or drawn yet.

        Raises:
            UsageError: An entry is unknown, missing or wrong, or two contradict each other.
        """
        values = dict(table)
        _refuse_unknown(values)
        real = IndexedData.from_table(values.pop("index")) if "index" in values else None
        share = values.pop("generated_share", None)
        if real is None:
            return cls._of_generated(values, window, classes, share)
        only_real = not set(values) - {"spacing"}
        share = _checked_share((0.0 if only_real else 0.2) if share is None else share)
        if only_real and share:
            raise UsageError(f"'generated_share' is {share}, and [data] names no scenes.",
                             "Give 'scenes' and 'count' beside [data.index], or leave generated_share out.")
        spacing = spacing_of(values)
        if not only_real and GeneratedData.from_table(values).binary:
            raise UsageError("A locator (binary = true) cannot learn from an index: cases that do not label the whole "
                             "heart would teach it that the rest is none.", "Leave [data.index] out, or binary.")
        return cls(Channels.of(real.structures, classes), window, spacing, real, {} if only_real else values, share)

    @classmethod
    def _of_generated(cls, values: dict[str, Any], window: int, classes: int, share: Any) -> TrainingData:
        if share not in (None, 1, 1.0):
            raise UsageError(f"'generated_share' is {share}, and there are no real cases.",
                             "Add a table [data.index], or leave generated_share out.")
        return cls(None, window, GeneratedData.from_table(values).spacing, None, values)

    @cached_property
    def index(self) -> Index | None:
        """The index, None without real cases.

        Raises:
            InputError: It is missing or damaged.
        """
        return Index.read(Path(self.real.index)) if self.real is not None else None

    @cached_property
    def cases(self) -> FoldCases:
        """Cases of the run, none without an index.

        Raises:
            InputError, UsageError: See `fold_cases`; or the job asks for all folds at once.
        """
        if self.real is None or self.index is None:
            return FoldCases([], [])
        if isinstance(self.real.fold, str):
            raise UsageError("One run has one fold, and this job asks for several.",
                             "Start it with `heartseg train finetune`, which makes a run of each.")
        return fold_cases(self.index, self.real.fold)

    @cached_property
    def stored(self) -> dict[str, StoredCase]:
        """Prepared cases of the run by id, see `stored_cases`."""
        if self.real is None:
            return {}
        return stored_cases(Path(self.real.store), [*self.cases.train, *self.cases.validate], self.spacing_mm)

    def fingerprint(self) -> str:
        """SHA-256 of all that samples depend on beside the run's seed and window: real cases, hearts, and their mix.

        Folders are left out: a set that was moved is the same.
        """
        said: dict[str, Any] = {"generated": GeneratedData.from_table(self.generated).settings()
                                if self.generated else {}, "spacing": self.spacing_mm}
        if self.real is not None and self.channels is not None:
            said |= {"cases": fingerprint_of(self.cases, self.stored, self.channels.structures),
                     "generated_share": self.generated_share, "temperature": self.real.temperature,
                     "structure_share": self.real.structure_share}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def sampler_factory(self) -> SamplerFactory:
        """Check everything, prepare scenes that are missing, and return what makes the sampler in each worker.

        Raises:
            InputError, UsageError: Index, store, scenes and job do not fit each other.
        """
        generated = generator_data.sampler_factory(self.generated, self.window) if self.generated else None
        if self.real is None or self.channels is None:
            assert generated is not None
            return generated
        assert self.stored
        real = partial(RealSampler, Path(self.real.store), self.cases.train, self.channels, self.window,
                       temperature=self.real.temperature, structure_share=self.real.structure_share)
        return partial(_made, real, generated, self.generated_share, self.channels)


class MixedSampler:
    """Draws a generated heart with a given probability, else a real crop.

    Args:
        real: Draws real crops.
        generated: Draws (image, labels) of generated hearts.
        share: Probability of these.
        channels: Structures of the network.
    """

    def __init__(self, real: RealSampler, generated: Callable[[np.random.Generator], tuple[Tensor, Tensor]],
                 share: float, channels: Channels) -> None:
        self._real, self._generated, self._share, self._channels = real, generated, share, channels
        self._labelled = torch.from_numpy(channels.labelled(_WHOLE_HEART_IDS))

    def __call__(self, rng: np.random.Generator) -> LabelledSample:
        """Draw one sample; the same state of the generator gives the same one."""
        if rng.random() >= self._share:
            return self._real(rng)
        image, labels = self._generated(rng)
        drawn = self._channels.of_labels(labels.numpy(), _WHOLE_HEART_IDS, "a generated heart")
        return image, torch.from_numpy(drawn), self._labelled


def _made(real: Callable[[], RealSampler], generated: SamplerFactory | None, share: float,
          channels: Channels) -> RealSampler | MixedSampler:
    if generated is None or not share:
        return real()
    return MixedSampler(real(), cast(Any, generated()), share, channels)


def _refuse_unknown(table: Mapping[str, Any]) -> None:
    known = ["index", "generated_share", *(entry.name for entry in fields(GeneratedData))]
    for name in sorted(set(table) - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        raise UsageError(f"The [data] table has an unknown entry '{name}'.",
                         f"Did you mean '{near[0]}'?" if near else f"Known entries: {', '.join(sorted(known))}.")


def _checked_share(share: Any) -> float:
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share < 1:
        raise UsageError(f"'generated_share' is {share!r}.", "Give a number from 0 to below 1.")
    return float(share)


def label_values(table: Mapping[str, Any], classes: int) -> tuple[int, ...]:
    """Label value of each channel of a network that learned from a [data] table, background 0 first."""
    if "index" not in table:
        return tuple(range(classes))
    return Channels.of(IndexedData.from_table(table["index"]).structures, classes).values


def spacing_of(table: Mapping[str, Any]) -> float:
    """Voxel size in mm that a [data] table asks for."""
    return float(table.get("spacing", GeneratedData.spacing))


def numbers(text: str) -> list[int]:
    """Numbers of folds from a list such as "0-2,4".

    Raises:
        UsageError: It cannot be read.

    >>> numbers("0-2,4")
    [0, 1, 2, 4]
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if match is None or (match[2] and int(match[2]) < int(match[1])):
            raise UsageError(f"'{text}' is no list of folds.", f'Write it as 0-4 or 0,2,3, or "{ALL_FOLDS}".')
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return list(dict.fromkeys(found))


def with_fold(table: Mapping[str, Any], fold: int) -> dict[str, Any]:
    """The [data] table of one fold's run."""
    return {**table, "index": {**table["index"], "fold": fold}}
