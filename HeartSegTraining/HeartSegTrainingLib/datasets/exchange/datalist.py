"""MONAI's data lists: {"training": [{"image", "label", "fold"}], "validation": [...], "testing": [...]}.

Format: monai.data.load_decathlon_datalist and Auto3DSeg's folds. Such a list names files and says nothing of the
meaning of label values, so exports add a table "labels", and imports without one need --values.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.imaging import replacing

from ..building import Built, Progress, completed
from ..entry import Entry
from ..index import DatasetRecord, Index
from ..layout import annotated, not_annotated
from .named_values import modality_of, read_json, record_of, values_by_name
from .written_cases import Export, case_facts, chosen, written_table

_PLACES = {"training": "train", "validation": "val", "testing": "test", "test": "test"}


def import_datalist(file: Path, *, values: Path | None = None, quick: bool = False,
                    progress: Progress = lambda fraction, stage: None) -> Built:
    """Indexes the files of a data list; paths start from its folder; the arguments are those of `build_index`.

    Raises:
        InputError: The list is missing or unclear.
    """
    listed = read_json(file)
    name = str(listed.get("name") or file.stem)
    record = record_of(name, file.parent, name, str(listed.get("licence", "")),
                       values_by_name(listed.get("labels", {}), values))
    kinds = listed.get("modality", "MRI")
    modality = modality_of(str(next(iter(kinds.values())) if isinstance(kinds, Mapping) else kinds))
    cases = [_case(record, item, split, str(item.get("modality", modality)) if isinstance(item, Mapping) else modality)
             for place, split in _PLACES.items() for item in listed.get(place, ())]
    if not cases:
        raise InputError(f"{file.name} lists no images.", "Give a MONAI data list with training or testing.")
    return completed(cases, record, quick=quick, progress=progress)


def export_datalist(index: Index, file: Path, *, structures: tuple[str, ...] = (), modality: str = "",
                    progress: Progress = lambda fraction, stage: None) -> Export:
    """Writes a data list that names the files where they lie; label values stay those of the data set.

    Raises:
        UsageError: Several data sets, or cases that are no plain 3-D files; see `chosen`, too.
    """
    if structures:
        raise UsageError("A data list names label maps as they are, so structures cannot be chosen.",
                         "Leave --structures out, or export for nnunet or msd.")
    export = chosen(index, modality=modality)
    entries = (*export.training, *export.testing)
    names = sorted({entry.dataset for entry in entries})
    if len(names) > 1:
        raise UsageError(f"The index holds {len(names)} data sets with label values of their own.",
                         "Export for nnunet or msd, which translates them, or one data set at a time.")
    record = index.datasets[names[0]]
    special = next((entry.id for entry in entries if entry.frame is not None or entry.series or record.scheme), "")
    if special:
        raise UsageError(f"{special} is a frame, a DICOM series or a folder of masks, which a data list cannot name.",
                         "Export for nnunet or msd, which writes 3-D files.")
    progress(0.0, "Writing the list")
    with replacing(file) as temporary:
        written_table(temporary, {
            "name": record.name, "licence": record.licence, "modality": export.modality.upper(),
            "labels": {str(value): id_ for value, id_ in sorted(record.values.items())},
            "training": [_item(index, entry, file) for entry in export.training],
            "testing": [_item(index, entry, file) for entry in export.testing]})
    return export


def _item(index: Index, entry: Entry, file: Path) -> dict[str, Any]:
    labels = index.labels(entry)
    item = {"image": _from(file, index.image(entry)), **({"label": _from(file, labels)} if labels else {})}
    return {**item, **{name: value for name, value in case_facts(entry).items() if value not in (None, "")}}


def _from(file: Path, path: Path) -> str:
    return Path(os.path.relpath(path.absolute(), file.absolute().parent)).as_posix()


def _case(record: DatasetRecord, item: Any, split: str, modality: str) -> Entry:
    if isinstance(item, str):
        item = {"image": item}
    if not isinstance(item, Mapping) or not isinstance(item.get("image"), str):
        raise InputError("An item of the list names no single image.", "Repair it; several images a case are not read.")
    path = item["image"].removeprefix("./")
    case = str(item.get("id") or Path(path).name.split(".nii")[0].split(".nrrd")[0])
    labels = str(item.get("label") or "").removeprefix("./")
    present = annotated(record.values) if labels else ()
    return Entry(id=f"{record.name}/{case.rpartition('/')[2]}", dataset=record.name, path=path,
                 subject=str(item.get("subject", case)), modality=modality,
                 sequence=str(item.get("sequence", modality)), labels=labels, present=present,
                 absent=not_annotated(present, ()), site=str(item.get("site", "")), split=split,
                 fold=item.get("fold") if split == "train" else None,
                 licence=str(item.get("licence", record.licence)))
