"""The [data.store] table: prepared scans of an index, and who of it may be learned from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.datasets import Entry, Index, pretraining_cases

from .tables import check_table

_MODALITIES = ("ct", "mr")


@dataclass(frozen=True)
class StoreData:
    """The [data.store] table.

    Attributes:
        index: Index file, split, so that nobody who is tested is learned from.
        store: Folder of prepared images, all at one spacing.
        fold: Leave out who validates in this fold, too, with every copy of their images and the data sets that share
            people with theirs; None for nobody.
        modalities: "ct", "mr" or both.
        temperature: 1 draws every case equally often; larger values keep large data sets from dominating.
    """

    index: str
    store: str
    fold: int | None = None
    modalities: tuple[str, ...] = _MODALITIES
    temperature: float = 2.0

    def __post_init__(self) -> None:
        if not self.modalities or set(self.modalities) - set(_MODALITIES):
            raise UsageError(f"'modalities' of [data.store] is {list(self.modalities)}.",
                             'Use ["ct"], ["mr"] or ["ct", "mr"].')
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise UsageError(f"'temperature' of [data.store] is {self.temperature}.", "Give a positive number.")

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> StoreData:
        """Read the table.

        Raises:
            UsageError: An entry is unknown, missing, of another type, or cannot be.
        """
        values = check_table(cls, table, "data.store")
        if missing := [name for name in ("index", "store") if name not in values]:
            raise UsageError(f"The [data.store] table names no {' and no '.join(missing)}.", "Give both.")
        return cls(**values)

    def cases(self) -> list[Entry]:
        """Who may be learned from without labels, of the chosen modalities.

        Raises:
            UsageError: The index is not split, has no such fold, or nobody is left.
            InputError: It cannot be read.
        """
        allowed = pretraining_cases(Index.read(Path(self.index)), self.fold)
        found = [entry for entry in allowed if entry.modality in self.modalities]
        if not found:
            kinds = " or ".join(name.upper() for name in self.modalities)
            outside = "" if self.fold is None else f" outside fold {self.fold}"
            raise UsageError(f"The index {self.index} has no case of {kinds}{outside} to learn from.",
                             "Choose other modalities or another fold, or add data sets.")
        return found
