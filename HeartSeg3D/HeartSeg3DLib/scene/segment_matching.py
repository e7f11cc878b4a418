"""Which structure of the heart a segment is, whoever made it: by its terminology, then by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import slicer
import vtk

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES, Structure
from HeartSeg3DLib.imaging.schemes import MASK_NAMES

_SIDES = {"7771000": "left", "24028007": "right"}
"""SNOMED CT codes of the type's modifier."""

_SAID_ANYWAY = frozenset(("blood", "cardiac", "cavity", "chamber", "heart", "lumen", "main", "of", "pool", "the"))
_WORDS = {
    "lv": "left ventricle", "rv": "right ventricle", "la": "left atrium", "ra": "right atrium", "ao": "aorta",
    "pa": "pulmonary artery", "myo": "myocardium", "laa": "left atrium appendage", "svc": "superior vena cava",
    "ivc": "inferior vena cava", "ventricular": "ventricle", "atrial": "atrium", "myocardial": "myocardium",
    "aortic": "aorta", "trunk": "artery",
}

Words = frozenset[str]


@dataclass(frozen=True)
class SegmentMatches:
    """The structures of a segmentation.

    Attributes:
        values: Label value of each segment that is a structure, by its id, in the segmentation's order.
        unknown: Names of the segments that are none.
    """

    values: Mapping[str, int]
    unknown: tuple[str, ...]


def match_segments(contents: slicer.vtkSegmentation) -> SegmentMatches:
    """Match the segments of a segmentation with the structures of the heart."""
    values, unknown = {}, []
    for id in contents.GetSegmentIDs():
        structure = structure_of(contents.GetSegment(id), id)
        if structure is None:
            unknown.append(contents.GetSegment(id).GetName() or id)
        else:
            values[id] = structure.value
    return SegmentMatches(values, tuple(unknown))


def structure_of(segment: slicer.vtkSegment, id: str = "") -> Structure | None:
    """Return the structure that a segment is, None where nobody can tell.

    Where a SNOMED CT code stands for several structures, name and id choose among them; without a choice it is the
    cavity and not its wall, the myocardium and not a lesion, and of the four pulmonary veins none.
    """
    named = _named(segment.GetName(), id)
    coded = _coded(segment)
    if not coded:
        return named
    if named in coded:
        return named
    return None if all(one.id.endswith("PV") for one in coded) else coded[0]


def _coded(segment: slicer.vtkSegment) -> list[Structure]:
    """Return the structures that a segment's type, or else its anatomic region, may stand for."""
    entry = vtk.reference("")
    if not segment.GetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), entry):
        return []
    parts = str(entry).split("~")
    for code, modifier in zip(parts[2::3], parts[3::3], strict=False):  # type at 2 and 3, region at 5 and 6
        found = [one for one in STRUCTURES.values() if one.snomed == _value(code) and _on_side(one, _value(modifier))]
        if found:
            return found
    return []


def _value(code: str) -> str:
    """Return the value of "SCT^87878005^Left ventricle"; that of other schemes means something else."""
    scheme, value, *_meaning = [*code.split("^"), "", ""]
    return value if scheme == "SCT" else ""


def _on_side(structure: Structure, modifier: str) -> bool:
    """Whether the modifier of a code says nothing against a structure: a right appendage is not the left one."""
    other = {"left", "right"} - {_SIDES.get(modifier, "")}
    return modifier not in _SIDES or not other & set(structure.name.lower().split())


def _named(*names: str) -> Structure | None:
    found = (_known_names().get(_words(name)) for name in names)
    return next((structure for structure in found if structure is not None), None)


@cache
def _known_names() -> dict[Words, Structure]:
    """Return the structure of every name; of a code's meaning that several have, it is the first one's."""
    known = {_words(one.snomed_meaning): one for one in reversed(STRUCTURES.values()) if not one.id.endswith("PV")}
    for structure in STRUCTURES.values():
        known[_words(structure.id)] = known[_words(structure.name)] = structure
    return known | {_words(name): BY_ID[id] for name, id in MASK_NAMES.items()}


def _words(name: str) -> Words:
    """Return what a name says, in any order and spelling.

    >>> _words("heart_ventricle_left") == _words("Left ventricular cavity") == _words("LV blood pool")
    True
    """
    words = re.findall(r"[^\W_]+", name.lower())
    return frozenset(" ".join(_WORDS.get(word, word) for word in words).split()) - _SAID_ANYWAY
