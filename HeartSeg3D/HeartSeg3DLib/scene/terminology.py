"""Slicer's list of terminologies learns the structures of the heart, so that segments keep their meaning in DICOM."""

from __future__ import annotations

import json

import slicer

from HeartSeg3DLib import resources

FILE = "Terminologies/SegmentationCategoryTypeModifier-HeartSeg.term.json"


def register() -> bool:
    """Give Slicer the list of heart structures, once; returns whether Slicer knows it.

    Raises:
        InputError: The file that comes with HeartSeg is missing.
    """
    module = getattr(slicer.modules, "terminologies", None)
    if module is None:
        return False
    file = resources.path(FILE)
    # The file says its own name: Slicer starts with this, and `imaging`, which knows it too, brings SimpleITK.
    name = json.loads(file.read_text(encoding="utf-8"))["SegmentationCategoryTypeContextName"]
    loaded: list[str] = []
    module.logic().GetLoadedTerminologyNames(loaded)
    return name in loaded or module.logic().LoadTerminologyFromFile(str(file)) == name
