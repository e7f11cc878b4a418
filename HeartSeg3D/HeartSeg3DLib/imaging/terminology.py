"""The structures in Slicer's terminology: SNOMED CT codes with names and colors."""

from __future__ import annotations

from typing import Any

from ..anatomy import SNOMED_CATEGORY, STRUCTURES, Structure

CONTEXT_NAME = "Segmentation category and type - HeartSeg"
"""Name of the terminology that `Resources/Terminologies` ships for Slicer."""

_ANATOMIC_CONTEXT = "Anatomic codes - DICOM master list"
_SCHEMA = "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc/schemas/segment-context-schema.json#"


def terminology_entry(structure: Structure) -> str:
    """Slicer's serialized terminology entry of a structure.

    Seven parts joined by "~": terminology, category, type, type modifier, anatomic terminology, anatomic region and
    its modifier; codes are scheme^value^meaning (Slicer developer guide, Segmentations, TerminologyEntry tag).

    >>> from HeartSeg3DLib.anatomy import BY_ID
    >>> terminology_entry(BY_ID["LV"]).split("~")[2]
    'SCT^87878005^Left ventricle'
    """
    kind = f"SCT^{structure.snomed}^{structure.snomed_meaning}"
    return "~".join((CONTEXT_NAME, "^".join(SNOMED_CATEGORY), kind, "^^", _ANATOMIC_CONTEXT, "^^", "^^"))


def terminology_context() -> dict[str, Any]:
    """The terminology file for Slicer as data: one type per SNOMED code, in the color of its first structure."""
    types: dict[str, dict[str, Any]] = {}
    for structure in STRUCTURES.values():
        types.setdefault(structure.snomed, {
            "CodeMeaning": structure.snomed_meaning,
            "CodingSchemeDesignator": "SCT",
            "CodeValue": structure.snomed,
            "recommendedDisplayRGBValue": list(structure.color),
        })
    scheme, value, meaning = SNOMED_CATEGORY
    category = {"CodeMeaning": meaning, "CodingSchemeDesignator": scheme, "CodeValue": value, "showAnatomy": "false",
                "Type": list(types.values())}
    return {"SegmentationCategoryTypeContextName": CONTEXT_NAME, "@schema": _SCHEMA,
            "SegmentationCodes": {"Category": [category]}}
