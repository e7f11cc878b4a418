"""The Medical Segmentation Decathlon's dataset.json: names of labels, training pairs, test images.

Format: medicaldecathlon.com; {"labels": {"0": "background", "1": "LV"}, "training": [{"image": "./imagesTr/a.nii.gz",
"label": "./labelsTr/a.nii.gz"}], "test": ["./imagesTs/b.nii.gz"]}.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import InputError

from ..building import Built, Progress, completed
from ..entry import Entry
from ..index import DatasetRecord, Index
from ..layout import annotated, not_annotated
from .named_values import modality_of, read_json, record_of, values_by_name
from .written_cases import CASES_FILE, Export, chosen, file_name, new_folder, written_table, written_volumes


def import_decathlon(folder: Path, *, values: Path | None = None, quick: bool = False,
                     progress: Progress = lambda fraction, stage: None) -> Built:
    """Indexes a data set that dataset.json describes; the arguments are those of `build_index`.

    Raises:
        InputError: dataset.json is missing or unclear.
    """
    file = folder if folder.is_file() else folder / "dataset.json"
    described = read_json(file)
    modality = modality_of(str(next(iter(dict(described.get("modality", {"0": "MRI"})).values()))))
    root = file.parent
    name = str(described.get("name") or root.resolve().name)
    record = record_of(name, root, name, str(described.get("licence", "")),
                       values_by_name(described.get("labels", {}), values))
    facts = read_json(root / CASES_FILE) if (root / CASES_FILE).is_file() else {}
    pairs = [(_pair(item), "train") for item in described.get("training", ())]
    pairs += [((str(item.get("image") if isinstance(item, Mapping) else item), ""), "test")
              for item in described.get("test", ())]
    if not pairs:
        raise InputError(f"{file.name} lists no images.", "Give the dataset.json of a Decathlon task.")
    cases = [_case(record, modality, image, label, split, facts) for (image, label), split in pairs]
    return completed(cases, record, quick=quick, progress=progress)


def export_decathlon(index: Index, folder: Path, *, structures: tuple[str, ...] = (), modality: str = "",
                     progress: Progress = lambda fraction, stage: None) -> Export:
    """Writes images, label maps and dataset.json into a new folder.

    Raises:
        UsageError: See `chosen`, or the folder exists.
    """
    export = chosen(index, structures, modality)
    with new_folder(folder) as out:
        written_volumes(index, export, out, ".nii.gz", progress)
        written_table(out / "dataset.json", {
            "name": folder.name, "tensorImageSize": "3D",
            "licence": export.licences,
            "modality": {"0": "CT" if export.modality == "ct" else "MRI"},
            "labels": {str(value): name for name, value in export.values.items()},
            "numTraining": len(export.training), "numTest": len(export.testing),
            "training": [{"image": f"./imagesTr/{file_name(entry)}.nii.gz",
                          "label": f"./labelsTr/{file_name(entry)}.nii.gz"} for entry in export.training],
            "test": [f"./imagesTs/{file_name(entry)}.nii.gz" for entry in export.testing]})

    return export


def _pair(item: Any) -> tuple[str, str]:
    if not isinstance(item, Mapping) or not item.get("image"):
        raise InputError("A training case of the list names no image.", "Repair its entry.")
    return str(item["image"]), str(item.get("label") or "")


def _case(record: DatasetRecord, modality: str, image: str, label: str, split: str,
          facts: Mapping[str, Any]) -> Entry:
    path, labels = (text.removeprefix("./") for text in (image, label))
    case = Path(path).name.split(".nii")[0].split(".nrrd")[0]
    known = facts.get(case, {})
    present = annotated(record.values) if labels else ()
    return Entry(id=f"{record.name}/{case}", dataset=record.name, subject=str(known.get("subject", case)), path=path,
                 modality=modality, sequence=str(known.get("sequence", modality)), labels=labels, present=present,
                 absent=not_annotated(present, ()), site=str(known.get("site", "")), split=split,
                 fold=known.get("fold") if split == "train" else None,
                 licence=str(known.get("licence", record.licence)))
