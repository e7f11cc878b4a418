"""nnU-Net v2's raw folder: imagesTr/case_0000.nii.gz, labelsTr/case.nii.gz, imagesTs, dataset.json.

Format: MIC-DKFZ/nnUNet, documentation/dataset_format.md. Folds are in splits_final.json, which nnU-Net looks for in its
folder of preprocessed data.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import InputError

from ..building import Built, Progress, completed
from ..entry import Entry
from ..index import DatasetRecord, Index
from ..layout import annotated, not_annotated
from .named_values import modality_of, read_json, record_of, values_by_name
from .written_cases import CASES_FILE, Export, chosen, file_name, new_folder, written_table, written_volumes

SPLITS_FILE = "splits_final.json"


def import_nnunet(folder: Path, *, values: Path | None = None, quick: bool = False,
                  progress: Progress = lambda fraction, stage: None) -> Built:
    """Indexes a raw data set of nnU-Net v2; the arguments are those of `build_index`.

    Raises:
        InputError: dataset.json is missing or unclear, or there are no images.
    """
    described = read_json(folder / "dataset.json")
    ending = str(described.get("file_ending", ".nii.gz"))
    channels = described.get("channel_names") or described.get("modality") or {"0": "MRI"}
    record = record_of(folder.resolve().name, folder, str(described.get("name", folder.name)),
                       str(described.get("licence", "")), values_by_name(described.get("labels", {}), values))
    found = _case_files(folder, ending)
    folds = _folds(folder / SPLITS_FILE)
    facts = read_json(folder / CASES_FILE) if (folder / CASES_FILE).is_file() else {}
    modality = modality_of(str(next(iter(channels.values()))))
    cases = [_case(record, folder, case, paths, ending, modality, folds, facts.get(case, {}))
             for case, paths in found.items()]
    return completed(cases, record, quick=quick, progress=progress)


def export_nnunet(index: Index, folder: Path, *, structures: tuple[str, ...] = (), modality: str = "",
                  progress: Progress = lambda fraction, stage: None) -> Export:
    """Writes a raw data set of nnU-Net v2; its folder should be called Dataset and a number, such as Dataset101_Heart.

    Raises:
        UsageError: See `chosen`, or the folder exists.
    """
    export = chosen(index, structures, modality)
    with new_folder(folder) as out:
        written_volumes(index, export, out, "_0000.nii.gz", progress)
        written_table(out / "dataset.json", {
            "channel_names": {"0": "CT" if export.modality == "ct" else "MRI"}, "labels": export.values,
            "numTraining": len(export.training), "file_ending": ".nii.gz", "name": folder.name,
            "licence": export.licences})
        if splits := _splits(export.training):
            written_table(out / SPLITS_FILE, splits)
    return export


def _case_files(folder: Path, ending: str) -> dict[str, list[Path]]:
    """Case to its channels in order, training before testing."""
    found: dict[str, list[Path]] = defaultdict(list)
    pattern = re.compile(rf"(.+)_\d{{4}}{re.escape(ending)}")
    for place in ("imagesTr", "imagesTs"):
        for path in sorted((folder / place).glob(f"*{ending}")) if (folder / place).is_dir() else []:
            if match := pattern.fullmatch(path.name):
                found[match[1]].append(path)
    if not found:
        raise InputError(f"There are no images such as imagesTr/case_0000{ending} in {folder}.",
                         "Give the raw folder of an nnU-Net v2 data set.")
    return found


def _case(record: DatasetRecord, folder: Path, case: str, paths: list[Path], ending: str, modality: str,
          folds: Mapping[str, int], facts: Mapping[str, Any]) -> Entry:
    first, *more = (path.relative_to(folder).as_posix() for path in paths)
    labels = next((f"{place}/{case}{ending}" for place in ("labelsTr", "labelsTs")
                   if (folder / place / f"{case}{ending}").is_file()), "")
    present = annotated(record.values) if labels else ()
    entry = Entry(id=f"{record.name}/{case}", dataset=record.name, subject=str(facts.get("subject", case)), path=first,
                  modality=modality, sequence=str(facts.get("sequence", modality)), more_channels=tuple(more),
                  labels=labels, present=present, absent=not_annotated(present, ()), site=str(facts.get("site", "")),
                  licence=str(facts.get("licence", record.licence)),
                  split="test" if first.startswith("imagesTs") else "train")
    return replace(entry, fold=folds.get(case)) if entry.split == "train" else entry


def _folds(path: Path) -> dict[str, int]:
    if not path.is_file():
        return {}
    try:
        splits = json.loads(path.read_text(encoding="utf-8"))
        return {str(case): fold for fold, split in enumerate(splits) for case in split["val"]}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path.name} does not list train and val of each fold.",
                         "Remove it, or repair it.") from error


def _splits(entries: tuple[Entry, ...]) -> list[dict[str, list[str]]]:
    folds = sorted({entry.fold for entry in entries if entry.fold is not None})
    return [{"train": [file_name(entry) for entry in entries if entry.fold != fold],
             "val": [file_name(entry) for entry in entries if entry.fold == fold]} for fold in folds]
