"""Slicer's list of terminologies learns the structures of the heart, so that segments keep their meaning in DICOM."""

from __future__ import annotations

import slicer

from HeartSeg3DLib import resources
from HeartSeg3DLib.imaging.terminology import CONTEXT_NAME

FILE = "Terminologies/SegmentationCategoryTypeModifier-HeartSeg.term.json"


def register() -> bool:
    """Give Slicer the list of heart structures, once; returns whether Slicer knows it.

    Raises:
        InputError: The file that comes with HeartSeg is missing.
    """
    module = getattr(slicer.modules, "terminologies", None)
    if module is None:
        return False
    names: list[str] = []
    module.logic().GetLoadedTerminologyNames(names)
    return CONTEXT_NAME in names or module.logic().LoadTerminologyFromFile(str(resources.path(FILE))) == CONTEXT_NAME
