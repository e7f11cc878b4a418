"""How other projects number the structures of the heart, translated into the canonical label values."""

from __future__ import annotations

import csv
from pathlib import Path

from ..anatomy import BY_ID, STRUCTURES
from ..errors import InputError, UsageError

BACKGROUND = 0
LARGEST_LABEL = 65535

SCHEMES: dict[str, dict[int, str]] = {
    # TotalSegmentator's task heartchambers_highres (map_to_binary.py, versions 1 and 2)
    "totalsegmentator": {1: "MYO", 2: "LA", 3: "LV", 4: "RA", 5: "RV", 6: "AO", 7: "PA"},
    # TotalSegmentator's task total of version 1; its other 96 values are organs outside the heart
    "totalsegmentator-v1": {7: "AO", 8: "IVC", 44: "MYO", 45: "LA", 46: "LV", 47: "RA", 48: "RV", 49: "PA"},
    # Multi-Modality Whole Heart Segmentation 2017; 421 occurs beside 420 in some training cases
    "mmwhs": {205: "MYO", 420: "LA", 421: "LA", 500: "LV", 550: "RA", 600: "RV", 820: "AO", 850: "PA"},
    # Automated Cardiac Diagnosis Challenge 2017
    "acdc": {1: "RV", 2: "MYO", 3: "LV"},
    # HVSMR-2.0 (Pace 2024, doi 10.1038/s41597-024-03469-9)
    "hvsmr": {1: "LV", 2: "RV", 3: "LA", 4: "RA", 5: "AO", 6: "PA", 7: "SVC", 8: "IVC"},
}
_OUTSIDE_THE_HEART = {"totalsegmentator-v1": range(1, 105)}

MASK_NAMES: dict[str, str] = {
    "heart_myocardium": "MYO", "heart_atrium_left": "LA", "heart_ventricle_left": "LV", "heart_atrium_right": "RA",
    "heart_ventricle_right": "RV", "aorta": "AO", "pulmonary_artery": "PA", "atrial_appendage_left": "LAA",
    "superior_vena_cava": "SVC", "inferior_vena_cava": "IVC",
}
"""TotalSegmentator's names, those of its mask files and of its label tables, with the structures they stand for."""

_BACKGROUND_WORDS = frozenset(("", "0", "background", "none", "-"))


def value_table(scheme: str | Path | None) -> dict[int, int]:
    """Foreign label value to canonical value, background included.

    Args:
        scheme: None for the canonical values, a name in `SCHEMES`, or a CSV file with the columns value and
            structure (an id such as LV, a name, a canonical value, or "background").

    Raises:
        UsageError: The scheme is unknown or the table is missing.
        InputError: The table has errors.
    """
    if scheme is None:
        return {BACKGROUND: BACKGROUND, **{value: value for value in STRUCTURES}}
    name = str(scheme).lower()
    if name in SCHEMES:
        known = dict.fromkeys(_OUTSIDE_THE_HEART.get(name, ()), BACKGROUND)
        return {BACKGROUND: BACKGROUND, **known, **{value: BY_ID[id_].value for value, id_ in SCHEMES[name].items()}}
    path = Path(scheme)
    if path.suffix.lower() != ".csv" or not path.is_file():
        raise UsageError(f"The label scheme {scheme} is unknown.",
                         f"Use one of {', '.join(SCHEMES)}, or a CSV file with the columns value,structure.")
    return {BACKGROUND: BACKGROUND, **_read_table(path)}


def named_table(names: dict[int, str]) -> dict[int, int]:
    """Table for a label map that brings TotalSegmentator's names along; organs outside the heart become background.

    Raises:
        InputError: The names have no chambers of the heart.
    """
    if not set(names.values()) & set(MASK_NAMES):
        raise InputError("The label map names no chamber or great vessel of the heart.",
                         "Run TotalSegmentator's task heartchambers_highres.")
    found = {value: BY_ID[MASK_NAMES[name]].value if name in MASK_NAMES else BACKGROUND
             for value, name in names.items()}
    return {BACKGROUND: BACKGROUND, **found}


def structure_value(text: str) -> int | None:
    """Canonical value of a structure given by id, name, value or a word for background; None where unknown."""
    word = text.strip().lower()
    if word in _BACKGROUND_WORDS:
        return BACKGROUND
    for structure in STRUCTURES.values():
        if word in (structure.id.lower(), structure.name.lower(), str(structure.value)):
            return structure.value
    return None


def _read_table(path: Path) -> dict[int, int]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(cell.strip() for cell in row)]
    if rows and not rows[0][0].lstrip("+-").isdigit():
        rows = rows[1:]  # column titles
    table: dict[int, int] = {}
    for row in rows:
        value = structure_value(row[1]) if len(row) >= 2 else None
        if not row[0].isdigit() or int(row[0]) > LARGEST_LABEL or value is None:
            raise InputError(f"The label table {path.name} has a line that cannot be understood: {','.join(row)}.",
                             f"Write lines such as 500,LV with values up to {LARGEST_LABEL}; structures are "
                             f"{', '.join(BY_ID)} or background.")
        if table.setdefault(int(row[0]), value) != value:
            raise InputError(f"The label table {path.name} gives the value {row[0]} two meanings.", "Remove one.")
    if not table:
        raise InputError(f"The label table {path.name} is empty.", "Write lines such as 500,LV.")
    return table
