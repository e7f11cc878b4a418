"""One line of the index: an image, what is known about it, and what it may be used for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import InputError

SPLITS = ("", "train", "val", "test")
"""Empty until the case is assigned; "test" is never learned from, not even without labels."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One case of the index.

    Attributes:
        id: Unique name, "dataset/case".
        dataset: Name of the data set, a key of the index's table of data sets.
        subject: Person, unique within the data set; all images of one person share it.
        path: Image file or DICOM folder, relative to the data set's root.
        modality: "ct" or "mr".
        sequence: What was acquired: "cta", "ct", "cine", "cine-lax", "lge", "t2", "bssfp", "whole-heart".
        more_channels: Further images on the same grid, relative to the root.
        labels: Label map, or folder of masks, relative to the root; empty where there is none.
        frame: Frame of a 4-D image that this case is, from 0; None for a 3-D image or a whole cine.
        series: Series Instance UID within a DICOM folder, empty for files.
        frames: Frames of the image, 1 for 3-D.
        shape: Voxels along x, y, z; empty where the header has not been read.
        spacing: mm along x, y, z.
        orientation: Anatomical directions that x, y, z point to, such as "LPS"; empty where the header is silent.
        present: Ids of the structures that were annotated: where they are not drawn, they are not.
        absent: Ids of the structures that nobody annotated: a loss must not punish them.
        ignored: Ids of the structures whose drawn extent follows another convention: their voxels say nothing.
        site: Hospital or scanner, empty where unknown.
        split: One of SPLITS.
        fold: Fold in which the case validates, None where there is none.
        kept_from_pretraining: Why it must not be learned from without labels, empty where it may.
        licence: Licence of the data set.
        checksum: SHA-256 of the image, empty where it was not computed.
        labels_checksum: SHA-256 of the label map.
        problem: Why it cannot be used as distributed, and what to do; empty where it can.
    """

    id: str
    dataset: str
    subject: str
    path: str
    modality: str
    sequence: str
    more_channels: tuple[str, ...] = ()
    labels: str = ""
    frame: int | None = None
    series: str = ""
    frames: int = 1
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    orientation: str = ""
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    site: str = ""
    split: str = ""
    fold: int | None = None
    kept_from_pretraining: str = ""
    licence: str = ""
    checksum: str = ""
    labels_checksum: str = ""
    problem: str = ""

    def __post_init__(self) -> None:
        for complaint in _complaints(self):
            raise InputError(f"The case {self.id or '(without an id)'} {complaint}.",
                             "Build the index again, or correct this line of it.")

    @property
    def usable(self) -> bool:
        """Whether its image can be read as distributed."""
        return not self.problem

    @property
    def person(self) -> tuple[str, str]:
        """Data set and subject: what must not be torn apart."""
        return self.dataset, self.subject

    def to_json(self) -> dict[str, Any]:
        """Fields that say something, for one line of the file."""
        said = {name: getattr(self, name) for name in _ORDER}
        return {name: list(value) if isinstance(value, tuple) else value
                for name, value in said.items() if name in _REQUIRED or value != _DEFAULTS[name]}

    @classmethod
    def from_json(cls, line: Any) -> Entry:
        """Takes one line of the file.

        Raises:
            InputError: A field is missing, unknown, or has a value that cannot be.
        """
        if not isinstance(line, Mapping):
            raise InputError("The line is not a table.", "Build the index again.")
        unknown, missing = line.keys() - _NAMES, _REQUIRED - line.keys()
        if unknown or missing:
            what = f"unknown fields ({', '.join(sorted(unknown))})" if unknown else (
                f"no {', '.join(sorted(missing))}")
            raise InputError(f"The case {line.get('id', '(without an id)')} has {what}.",
                             "Build the index again with this version of HeartSeg.")
        said: dict[str, Any] = {name: _frozen(value) for name, value in line.items()}
        return cls(**said)


_ORDER = tuple(field.name for field in fields(Entry))
_NAMES = frozenset(_ORDER)
_DEFAULTS = {field.name: field.default for field in fields(Entry) if field.default is not MISSING}
_REQUIRED = _NAMES - _DEFAULTS.keys()
_TEXTS = ("id", "dataset", "subject", "path", "modality", "sequence", "labels", "series", "orientation", "site",
          "split", "kept_from_pretraining", "licence", "checksum", "labels_checksum", "problem")
_NEEDED_TEXTS = ("id", "dataset", "subject", "path", "sequence")
_STRUCTURES = frozenset(BY_ID)


def _complaints(entry: Entry) -> list[str]:
    """What is wrong with an entry, the first complaint first."""
    found = [f"has a {name} that is no text" for name in _TEXTS if not isinstance(getattr(entry, name), str)]
    if found:
        return found
    found += [f"has no {name}" for name in _NEEDED_TEXTS if not getattr(entry, name)]
    if entry.modality not in ("ct", "mr"):
        found.append(f"has the modality '{entry.modality}', which is neither ct nor mr")
    if entry.split not in SPLITS:
        found.append(f"has the split '{entry.split}', which is none of train, val and test")
    if entry.fold is not None and not _whole(entry.fold, 0):
        found.append("has a fold that is no number from 0")
    if not _whole(entry.frames, 1) or (entry.frame is not None and not _whole(entry.frame, 0)):
        found.append("has frames that cannot be")
    elif entry.frame is not None and entry.frame >= entry.frames:
        found.append(f"is frame {entry.frame} of an image with {entry.frames}")
    if entry.shape and not (len(entry.shape) == 3 and all(_whole(one, 1) for one in entry.shape)):
        found.append(f"has the shape {list(entry.shape)}, which is none of a volume")
    if entry.spacing and not (len(entry.spacing) == 3 and all(_positive(one) for one in entry.spacing)):
        found.append(f"has the spacing {list(entry.spacing)}, which is none")
    return found + _structure_complaints(entry)


def _structure_complaints(entry: Entry) -> list[str]:
    groups = (entry.present, entry.absent, entry.ignored)
    named = [name for group in groups for name in group]
    unknown = sorted({str(name) for name in named} - _STRUCTURES)
    if unknown:
        return [f"names structures that do not exist ({', '.join(unknown)})"]
    if len(named) != len(set(named)):
        return ["names a structure as two of present, absent and ignored"]
    return ["has annotated structures but no label map"] if entry.present and not entry.labels else []


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _whole(value: Any, least: int) -> bool:
    return type(value) is int and value >= least


def _positive(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value > 0
