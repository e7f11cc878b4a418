"""The index: one JSON line about the data sets, then one JSON line a case."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.imaging import replacing

from .entry import Entry

FORMAT = "heartseg-index"
VERSION = 1


@dataclass(frozen=True)
class DatasetRecord:
    """What all cases of a data set share.

    Attributes:
        name: Short name, the first part of each case's id.
        root: Folder that the paths of its cases start from; relative ones start from the index's folder.
        title: Name shown to people.
        licence: Licence as its publisher states it, "unknown" where none was found.
        commercial: False where the licence forbids commercial use; None where that is not known.
        values: Label value in its files to the id of a structure, "background" or "ignore".
        merged: Ids of lesions whose voxels also belong to the myocardium.
        verified: False where the layout was not read from a source, only remembered.
        source: Where the layout was read.
        overlaps: Data sets that share people with this one.
        scheme: "masks" where the labels are a folder of masks, else empty.
    """

    name: str
    root: str
    title: str = ""
    licence: str = "unknown"
    commercial: bool | None = None
    values: Mapping[int, str] = field(default_factory=dict)
    merged: tuple[str, ...] = ()
    verified: bool = True
    source: str = ""
    overlaps: tuple[str, ...] = ()
    scheme: str = ""

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON table."""
        table = {**asdict(self), "values": {str(value): id_ for value, id_ in self.values.items()}}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in table.items()}

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> DatasetRecord:
        """Takes a JSON table.

        Raises:
            InputError: It is not such a table.
        """
        try:
            known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value
                                     for name, value in table.items()}
            known["values"] = {int(value): str(id_) for value, id_ in table.get("values", {}).items()}
            return cls(**known)
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError("The index describes a data set in a way that this version does not understand.",
                             f"Build it again; known entries are {', '.join(one.name for one in fields(cls))}."
                             ) from error


@dataclass
class Index:
    """Cases and the data sets that they come from.

    Attributes:
        entries: Cases in the order of the file.
        datasets: Records by name.
        path: File that it was read from, None for one that was just made.
        note: How the folds were made, empty before.
    """

    entries: list[Entry]
    datasets: dict[str, DatasetRecord]
    path: Path | None = None
    note: str = ""

    def root(self, dataset: str) -> Path:
        """Folder that the paths of a data set's cases start from."""
        folder = Path(self.datasets[dataset].root)
        return folder if folder.is_absolute() or self.path is None else self.path.parent / folder

    def image(self, entry: Entry) -> Path:
        """The image file or DICOM folder of a case."""
        return self.root(entry.dataset) / entry.path

    def labels(self, entry: Entry) -> Path | None:
        """The label map or folder of masks of a case, None where it has none."""
        return self.root(entry.dataset) / entry.labels if entry.labels else None

    def with_entries(self, entries: Iterable[Entry]) -> Index:
        """The same data sets with other cases."""
        return Index(list(entries), self.datasets, self.path, self.note)

    def write(self, path: Path) -> None:
        """Writes the file in one step; an older one stays as it was when anything fails.

        Raises:
            UsageError: The file system refuses the file.
            InputError: Two cases have one id.
        """
        _refuse_doubles(self.entries)
        head = {"format": FORMAT, "version": VERSION, "note": self.note,
                "datasets": [_at(record, self, path).to_json() for record in self.datasets.values()]}
        with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
            file.write(json.dumps(head, ensure_ascii=False) + "\n")
            for entry in self.entries:
                file.write(json.dumps(entry.to_json(), ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, path: Path) -> Index:
        """Reads and checks every line.

        Raises:
            InputError: The file is missing, no index, of a newer version, or a line is wrong; the message has its
                number.
        """
        if not path.is_file():
            raise InputError(f"There is no index at {path}.", "Make one with `heartseg index build`.")
        with open(path, encoding="utf-8") as file:
            head = _head(path, file.readline())
            datasets = {record.name: record for record in map(DatasetRecord.from_json, head["datasets"])}
            entries = [_entry(path, number, line, datasets)
                       for number, line in enumerate(file, start=2) if line.strip()]
        _refuse_doubles(entries)
        return cls(entries, datasets, path, str(head.get("note", "")))


def merged(indexes: Sequence[Index]) -> Index:
    """One index of several; a data set that occurs in two must be the same in both.

    Raises:
        UsageError: Two indexes describe a data set differently.
        InputError: Two different cases have one id.
    """
    datasets: dict[str, DatasetRecord] = {}
    entries: dict[str, Entry] = {}
    for index in indexes:
        for record in index.datasets.values():
            placed = replace(record, root=index.root(record.name).absolute().as_posix())
            if datasets.setdefault(record.name, placed) != placed:
                raise UsageError(f"Two indexes describe the data set {record.name} differently (folder or labels).",
                                 "Build it once, and merge that index with those of the other data sets.")
        for entry in index.entries:
            if entries.setdefault(entry.id, entry) != entry:
                raise InputError(f"Two indexes say different things about the case {entry.id}.",
                                 "Build this data set once, and leave the older index out.")
    return Index(list(entries.values()), datasets)


def _at(record: DatasetRecord, index: Index, path: Path) -> DatasetRecord:
    """The record for a file at another place: a root that was relative to the old one becomes absolute."""
    if index.path is None or Path(record.root).is_absolute() or index.path.parent == path.parent:
        return record
    return replace(record, root=index.root(record.name).absolute().as_posix())


def _head(path: Path, line: str) -> dict[str, Any]:
    try:
        head = json.loads(line)
    except ValueError:
        head = None
    if not isinstance(head, dict) or head.get("format") != FORMAT or not isinstance(head.get("datasets"), list):
        raise InputError(f"{path.name} is not an index of HeartSeg.", "Make one with `heartseg index build`.")
    if head.get("version") != VERSION:
        raise InputError(f"{path.name} was written in version {head.get('version')} of the format; "
                         f"this HeartSeg reads version {VERSION}.", "Update HeartSeg, or build the index again.")
    return head


def _entry(path: Path, number: int, line: str, datasets: Mapping[str, DatasetRecord]) -> Entry:
    try:
        entry = Entry.from_json(json.loads(line))
    except ValueError as error:
        raise InputError(f"Line {number} of {path.name} is no JSON; the file was cut off or edited.",
                         "Build the index again.") from error
    except InputError as error:
        raise InputError(f"Line {number} of {path.name}: {error.message}", error.remedy) from error
    if entry.dataset not in datasets:
        raise InputError(f"Line {number} of {path.name} names the data set '{entry.dataset}', which its first line "
                         "does not describe.", "Build the index again.")
    return entry


def _refuse_doubles(entries: Sequence[Entry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise InputError(f"The case {entry.id} occurs twice.", "Remove one of its lines from the index.")
        seen.add(entry.id)
