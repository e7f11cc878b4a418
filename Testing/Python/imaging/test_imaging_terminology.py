"""The terminology that is shipped for Slicer says what the table of structures says."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

from HeartSeg3DLib.anatomy import SNOMED_CATEGORY, STRUCTURES
from HeartSeg3DLib.imaging import terminology

FILE = (Path(__file__).resolve().parents[3] / "Resources" / "Terminologies"
        / "SegmentationCategoryTypeModifier-HeartSeg.term.json")


def test_the_shipped_file_is_what_the_table_gives() -> None:
    assert json.loads(FILE.read_text(encoding="utf-8")) == terminology.terminology_context(), (
        "write terminology_context() to the file as JSON again")


def test_every_structure_has_its_code_in_the_shipped_file() -> None:
    context = json.loads(FILE.read_text(encoding="utf-8"))
    (category,) = context["SegmentationCodes"]["Category"]
    assert (category["CodingSchemeDesignator"], category["CodeValue"], category["CodeMeaning"]) == SNOMED_CATEGORY
    codes = {kind["CodeValue"]: kind["CodeMeaning"] for kind in category["Type"]}
    assert len(codes) == len(category["Type"])
    assert codes == {structure.snomed: structure.snomed_meaning for structure in STRUCTURES.values()}
    for value in (1, 2, 3, 4, 5, 6, 7):
        (kind,) = [one for one in category["Type"] if one["CodeValue"] == STRUCTURES[value].snomed]
        assert kind["recommendedDisplayRGBValue"] == list(STRUCTURES[value].color)


def test_entries_of_segments_point_into_the_shipped_file() -> None:
    context = json.loads(FILE.read_text(encoding="utf-8"))
    for structure in STRUCTURES.values():
        name, category, kind, *_ = terminology.terminology_entry(structure).split("~")
        assert name == context["SegmentationCategoryTypeContextName"]
        assert category == "^".join(SNOMED_CATEGORY)
        assert kind == f"SCT^{structure.snomed}^{structure.snomed_meaning}"


def test_the_examples_in_the_docstrings_hold() -> None:
    result = doctest.testmod(terminology)
    assert result.attempted > 0
    assert result.failed == 0
