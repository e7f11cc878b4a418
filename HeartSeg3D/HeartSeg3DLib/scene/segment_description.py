"""What makes a segment one structure of the heart: its name, color and SNOMED code."""

from __future__ import annotations

import slicer

from HeartSeg3DLib.anatomy import Structure
from HeartSeg3DLib.imaging.terminology import terminology_entry


def describe(segment: slicer.vtkSegment, structure: Structure) -> None:
    """Gives a segment the name, color and terminology entry of a structure; its voxels and id stay as they are."""
    segment.SetName(structure.name)
    segment.SetColor(*(channel / 255.0 for channel in structure.color))
    segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), terminology_entry(structure))
