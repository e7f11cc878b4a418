"""From label values of data sets to channels of a network, and which channels a case can judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSegTrainingLib.finetuning.losses import IGNORE

_DRAWN_APART = {"LSPV": "LA", "LIPV": "LA", "RSPV": "LA", "RIPV": "LA", "LAA": "LA"}
"""Structures that some data sets draw and others count as the structure named here: where the network has no channel
for them, their voxels say nothing. Caval veins and walls are background there: nobody counts them as a cavity."""


@dataclass(frozen=True)
class Channels:
    """Structures of a network.

    Attributes:
        structures: Ids in the order of the channels; channel 0 is background and not among them.

    Raises:
        UsageError: A structure does not exist or occurs twice, or there is none.
    """

    structures: tuple[str, ...]

    def __post_init__(self) -> None:
        unknown = [name for name in self.structures if name not in BY_ID]
        if unknown or not self.structures or len(set(self.structures)) < len(self.structures):
            what = f"names {', '.join(unknown)}, which do not exist" if unknown else "names a structure twice or none"
            raise UsageError(f"'structures' {what}.", f"Use ids of {', '.join(BY_ID)}, each once.")

    @classmethod
    def of(cls, structures: Sequence[str], classes: int) -> Channels:
        """The structures of a job: those it names, or the whole heart's for a network of 8 classes.

        Raises:
            UsageError: Their number does not fit the network.
        """
        named = tuple(structures) or tuple(STRUCTURES[value].id for value in WHOLE_HEART)
        if len(named) + 1 != classes:
            raise UsageError(f"The network has {classes} classes, and {len(named)} structures need {len(named) + 1} "
                             "with the background.",
                             f"Set classes = {len(named) + 1} in [network], or other 'structures' in [data.index].")
        return cls(named)

    @property
    def values(self) -> tuple[int, ...]:
        """Label value of each channel, background 0 first: what the model's card says."""
        return (0, *(BY_ID[name].value for name in self.structures))

    def labelled(self, annotated: Sequence[str]) -> np.ndarray:
        """Which channels a case labels, (C,) bool; background is always true.

        Args:
            annotated: Ids of the structures that were annotated in the case.
        """
        return np.array([True, *(name in annotated for name in self.structures)])

    def of_labels(self, labels: np.ndarray, annotated: Sequence[str], case: str) -> np.ndarray:
        """Channel indices of canonical label values, IGNORE where a voxel says nothing.

        A structure that the case does not count as annotated says nothing where it is drawn: it may follow another
        convention, or be the guess of a model that nobody corrected.

        Args:
            labels: Canonical values and IGNORE, any shape, uint8.
            annotated: Ids of the structures that were annotated in the case.
            case: Id of the case, for the message.

        Raises:
            InputError: A value belongs to no structure.
        """
        table = self._table(annotated)
        channels = table[labels]
        if (channels < 0).any():
            unknown = sorted({int(value) for value in np.unique(labels) if table[value] < 0})
            raise InputError(f"The label map of {case} holds {', '.join(map(str, unknown))}, which is no structure.",
                             "Build the index again: it stops at values without a meaning.")
        return channels.astype(np.uint8)

    def _table(self, annotated: Sequence[str]) -> np.ndarray:
        table = np.full(256, -1, np.int16)
        table[0], table[IGNORE] = 0, IGNORE
        for name, structure in BY_ID.items():
            if name in self.structures:
                table[structure.value] = self.structures.index(name) + 1 if name in annotated else IGNORE
            else:
                table[structure.value] = IGNORE if _DRAWN_APART.get(name) in self.structures else 0
        return table
