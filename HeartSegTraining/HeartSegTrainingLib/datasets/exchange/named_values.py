"""What the label values of a foreign data set mean, by the names it gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging.schemes import MASK_NAMES, structure_value

from ..building import meanings
from ..index import DatasetRecord
from ..layout import BACKGROUND, IGNORE


def read_json(path: Path) -> dict[str, Any]:
    """A JSON table.

    Raises:
        InputError: The file is missing or no such table.
    """
    if not path.is_file():
        raise InputError(f"There is no {path.name} in {path.parent}.", "Give the folder or file that holds it.")
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path.name} is not JSON.", "Look at the file; it was cut off or edited.") from error
    if not isinstance(table, dict):
        raise InputError(f"{path.name} is not the description of a data set.", "Give the right file.")
    return table


def values_by_name(labels: Mapping[str, Any], given: Path | None) -> dict[int, str]:
    """Value to structure, from a table of names and values in either order.

    Args:
        labels: {"LV": 1} as in nnU-Net, or {"1": "LV"} as in the Decathlon.
        given: CSV table that goes before the names.

    Raises:
        InputError: A name is no structure, or regions are built of several values.
    """
    table = meanings(given) if given is not None else {}
    for key, other in labels.items():
        value, name = (key, other) if re.fullmatch(r"\d+", str(key)) else (other, key)
        if isinstance(value, (list, tuple)):
            raise InputError(f"The label {name} is a region of several values ({value}).",
                             "Give the meaning of each value with --values TABLE.csv (columns value,structure).")
        if int(value) not in table and int(value) != 0:
            table[int(value)] = _structure(str(name), int(value))
    if not table:
        raise InputError("The description says nothing about label values.",
                         "Give their meaning with --values TABLE.csv (columns value,structure).")
    return table


def record_of(name: str, root: Path, title: str, licence: str, values: Mapping[int, str]) -> DatasetRecord:
    """A foreign data set as an index knows it; whether its licence allows commercial use is not known."""
    return DatasetRecord(re.sub(r"[^\w.+-]+", "_", name).strip("_") or "imported", root.absolute().as_posix(), title,
                         licence or "unknown", None, dict(values), source="its own description")


def modality_of(text: str) -> str:
    """ "ct" or "mr" from the name of a channel."""
    return "ct" if re.match(r"\W*cta?\b", text.lower()) else "mr"


def _structure(name: str, value: int) -> str:
    if name.lower() == IGNORE:
        return IGNORE
    found = structure_value(MASK_NAMES.get(name, name))
    if found is None:
        raise InputError(f"The label {value} is called '{name}', which is no structure of the heart known here.",
                         "Give its meaning with --values TABLE.csv (columns value,structure; background drops it).")
    return STRUCTURES[found].id if found else BACKGROUND
