"""Images and label maps written out for another program, in values that it counts without gaps."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.imaging import refuse_file_in_the_way, write_image

from ..building import Progress
from ..entry import Entry
from ..index import Index
from ..label_maps import IGNORED_VOXEL, read_case_labels
from ..layout import IGNORE, in_order
from ..probing import read_frame

CASES_FILE = "heartseg_cases.json"
"""Beside the other program's files: what it does not ask for and an index needs, by case."""

_LESIONS = ("SCAR", "MVO", "OEDEMA")


@dataclass(frozen=True)
class Export:
    """What is written.

    Attributes:
        training: Cases with labels.
        testing: Cases for testing, and those without labels that the format keeps there.
        structures: Ids in the order of their new values, 1 and on.
        ignore: Whether one value more says that a voxel counts for nothing.
        modality: "ct" or "mr".
    """

    training: tuple[Entry, ...]
    testing: tuple[Entry, ...]
    structures: tuple[str, ...]
    ignore: bool
    modality: str

    @property
    def licences(self) -> str:
        """Licences of the cases with labels."""
        return "; ".join(sorted({entry.licence or "unknown" for entry in self.training}))

    @property
    def values(self) -> dict[str, int]:
        """Name to new value, background and ignore included."""
        table = {"background": 0, **{id_: number for number, id_ in enumerate(self.structures, start=1)}}
        return {**table, IGNORE: len(table)} if self.ignore else table


def chosen(index: Index, structures: tuple[str, ...] = (), modality: str = "") -> Export:
    """Cases that can be exported, and the structures that all of their label maps are complete for.

    Raises:
        UsageError: No labelled case, no common structure, CT and MR together, or a case misses a wanted structure.
    """
    usable = [entry for entry in index.entries if entry.usable and (not modality or entry.modality == modality)]
    training = tuple(entry for entry in usable if entry.present and entry.split != "test")
    if not training:
        raise UsageError("There is no labelled case to export.", "Look at the index with `heartseg index check`.")
    kinds = sorted({entry.modality for entry in usable})
    if len(kinds) > 1:
        raise UsageError("The index holds CT and MR, and such a data set has one kind.",
                         "Choose with --modality ct or mr.")
    common = set.intersection(*(set(entry.present) for entry in training))
    wanted = structures or in_order(common - set(_LESIONS))
    lacking = sorted(set(wanted) - common)
    if lacking or not wanted:
        example = next((entry.id for entry in training if set(lacking) - set(entry.present)), training[0].id)
        raise UsageError(f"Not every case was annotated for {', '.join(lacking) or 'a common structure'} "
                         f"(for example {example}).", "Export one data set at a time, or name what all share with "
                         "--structures.")
    testing = tuple(entry for entry in usable if entry.split == "test" or not entry.present)
    return Export(training, testing, in_order(set(wanted)), any(entry.ignored for entry in training), kinds[0])


def file_name(entry: Entry) -> str:
    """Name of a case's files: its id, which no other program likes a / in."""
    return entry.id.replace("/", "-")


def written_image(index: Index, entry: Entry, path: Path) -> None:
    """Writes one volume of a case as it is stored.

    Raises:
        InputError, UsageError: It cannot be read or written.
    """
    write_image(path, read_frame(index.image(entry), entry.series, entry.frame))


def written_labels(index: Index, entry: Entry, export: Export, path: Path) -> None:
    """Writes a case's label map in the new values; lesions that are not asked for belong to the myocardium.

    Raises:
        InputError, UsageError: It cannot be read or written.
    """
    source = index.labels(entry)
    assert source is not None
    record = index.datasets[entry.dataset]
    table = {BY_ID[id_].value: 0 for id_ in BY_ID}
    table |= {BY_ID[id_].value: export.values.get("MYO", 0) for id_ in record.merged}
    table |= {BY_ID[id_].value: value for id_, value in export.values.items() if id_ in BY_ID}
    table[IGNORED_VOXEL] = export.values.get(IGNORE, 0)
    write_image(path, sitk.ChangeLabel(read_case_labels(entry, record, source),
                                       {old: new for old, new in table.items() if old != new}))


def written_volumes(index: Index, export: Export, folder: Path, ending: str, progress: Progress) -> None:
    """Writes imagesTr, labelsTr and imagesTs, and beside them what an import needs.

    Args:
        index: Where the cases are.
        export: Which cases.
        folder: Existing folder of the data set.
        ending: End of the names of images; label maps end in .nii.gz.
        progress: Told before each case.

    Raises:
        InputError, UsageError: A case cannot be read or written.
    """
    total = len(export.training) + len(export.testing)
    for name in ("imagesTr", "labelsTr", "imagesTs"):
        (folder / name).mkdir()
    for entry in counted(export.training, 0, total, progress):
        written_image(index, entry, folder / "imagesTr" / f"{file_name(entry)}{ending}")
        written_labels(index, entry, export, folder / "labelsTr" / f"{file_name(entry)}.nii.gz")
    for entry in counted(export.testing, len(export.training), total, progress):
        written_image(index, entry, folder / "imagesTs" / f"{file_name(entry)}{ending}")
    written_table(folder / CASES_FILE, {file_name(entry): case_facts(entry)
                                        for entry in (*export.training, *export.testing)})


def case_facts(entry: Entry) -> dict[str, Any]:
    """What an import needs beside the other program's own description."""
    return {"id": entry.id, "subject": f"{entry.dataset}/{entry.subject}", "site": entry.site,
            "sequence": entry.sequence, "licence": entry.licence, "fold": entry.fold}


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Gives a temporary folder that gets its name when all of it is written, and is removed when that fails.

    Raises:
        UsageError: The folder exists already, or cannot be made.
    """
    refuse_file_in_the_way(folder)
    if folder.exists():
        raise UsageError(f"The output {folder} exists already.", "Choose another name, or remove it first.")
    temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}.partial")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        os.replace(temporary, folder)
    except OSError as error:
        raise UsageError(f"{folder} could not be written.", "Check the free space and your rights there.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def written_table(path: Path, table: Any) -> None:
    """Writes JSON that a person can read."""
    path.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def counted(entries: tuple[Entry, ...], before: int, total: int, progress: Progress) -> Iterator[Entry]:
    """The entries, with progress told before each."""
    for number, entry in enumerate(entries, start=before):
        progress(number / total, f"Case {number + 1} of {total}")
        yield entry
