"""Which cases an encoder has looked at: it travels with the weights, so that nobody is validated on them unawares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

_NAME = "seen.cases"


@dataclass(frozen=True)
class Seen:
    """Cases that were learned from, over all stages.

    Attributes:
        cases: Ids of the index, sorted; None where an earlier stage did not note them.
        fold: Fold whose validating people were left out of every stage that learned from cases; None for none.
        licences: Of what was learned from beside cases of an index: generated hearts; None where an earlier stage did
            not note them.

    Example:
        >>> Seen(("a/1", "a/2"), 0).joined(Seen(("a/2", "b/1"), 0))
        Seen(cases=('a/1', 'a/2', 'b/1'), fold=0, licences=())
    """

    cases: tuple[str, ...] | None = ()
    fold: int | None = None
    licences: tuple[str, ...] | None = ()

    def joined(self, other: Seen) -> Seen:
        """What two stages, or two sources, have looked at together."""
        licences = (None if self.licences is None or other.licences is None
                    else tuple(sorted({*self.licences, *other.licences})))
        if self.cases is None or other.cases is None:
            return Seen(None, None, licences)
        folds = {one.fold for one in (self, other) if one.cases}  # generated hearts belong to no fold
        return Seen(tuple(sorted({*self.cases, *other.cases})), folds.pop() if len(folds) == 1 else None,
                    licences)

    @property
    def datasets(self) -> list[str] | None:
        """Names of their data sets, with which ids begin."""
        return None if self.cases is None else sorted({case.partition("/")[0] for case in self.cases})

    def tensors(self, device: torch.device) -> dict[str, Tensor]:
        """For a checkpoint, which holds tensors: the bytes of a JSON text."""
        text = json.dumps({"cases": self.cases, "fold": self.fold, "licences": self.licences}).encode()
        return {_NAME: torch.frombuffer(bytearray(text), dtype=torch.uint8).to(device)}

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor]) -> Seen:
        """From a checkpoint; unknown where it does not say."""
        if _NAME not in tensors:
            return cls(None, None, None)
        said = json.loads(bytes(tensors[_NAME].cpu().tolist()))
        cases, licences = (None if said.get(name) is None else tuple(said[name]) for name in ("cases", "licences"))
        return cls(cases, said["fold"], licences)
