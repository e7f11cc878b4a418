"""Which segmentations of the scene a model can learn from, and why others cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES
from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.scene import original
from HeartSeg3DLib.scene.segment_matching import match_segments
from HeartSeg3DLib.scene.segment_voxels import BINARY, layers_in, voxels_of
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.volumes import scan_of

_PATIENT = "Patient"
_SURFACE = slicer.vtkSegmentationConverter.GetClosedSurfaceRepresentationName()
_NOTHING_EDITED = _("It is the model's own result: correct it, or say below that you found it right.")


@dataclass(frozen=True, eq=False)
class SceneCase:
    """A segmentation with the scan that it was drawn on.

    Attributes:
        segmentation: vtkMRMLSegmentationNode.
        scan: vtkMRMLScalarVolumeNode; None where it has none.
        structures: Ids of the structures that are drawn.
        corrected: Those of them that differ from a model's result; all where no model has made it.
        left_out: Names of segments that are no structure of the heart.
        reason: Why nothing can be learned from it; empty where it can.
    """

    segmentation: Any
    scan: Any
    structures: tuple[str, ...]
    corrected: tuple[str, ...]
    left_out: tuple[str, ...]
    reason: str

    @property
    def usable(self) -> bool:
        """Whether a model can learn from it."""
        return not self.reason


def scene_cases(trust: bool = False) -> list[SceneCase]:
    """Return every segmentation of the scene, in its order.

    Args:
        trust: Whether the structures of a model's result that nobody edited have been found right, too.
    """
    return [case_of(node, trust) for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
            if not node.GetHideFromEditors()]


def case_of(segmentation: Any, trust: bool = False) -> SceneCase:
    """Judge one segmentation; see `scene_cases`."""
    contents = segmentation.GetSegmentation()
    matches = match_segments(contents)
    drawn = _drawn(contents)
    structures = tuple(STRUCTURES[value].id for value in sorted({
        value for id, value in matches.values.items() if id in drawn}))
    scan = segmentation.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())
    reason = _reason(segmentation, scan, structures)
    corrected = structures
    if not trust and not reason and original.found_by_model(segmentation):
        edited = original.edited(segmentation)
        corrected = tuple(STRUCTURES[value].id for value in sorted(BY_ID[id].value for id in edited if id in BY_ID))
        reason = "" if corrected else _NOTHING_EDITED
    return SceneCase(segmentation, scan, structures, corrected, matches.unknown, reason)


def person_of(node: Any) -> int:
    """Return the patient's item in the subject hierarchy, 0 where nobody said whose scan it is."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    return int(hierarchy.GetItemAncestorAtLevel(item, _PATIENT)) if item else 0


def _reason(segmentation: Any, scan: Any, structures: tuple[str, ...]) -> str:
    if scan is None:
        return _("It belongs to no scan: choose its source volume in the Segment Editor.")
    if not structures:
        return _("None of its segments is known as a structure of the heart, or all are empty.")
    if scan.GetTransformNodeID() != segmentation.GetTransformNodeID():
        return _("It lies under another transform than its scan: harden both transforms in the Data module.")
    try:
        scan_of(scan)
    except HeartSegError as error:
        return str(error)
    return ""


def _drawn(contents: Any) -> set[str]:
    """Return the ids of segments that have voxels, or of surfaces that have points where there are no label maps."""
    if not contents.ContainsRepresentation(BINARY):
        surfaces = {id: contents.GetSegment(id).GetRepresentation(_SURFACE) for id in contents.GetSegmentIDs()}
        return {id for id, surface in surfaces.items() if surface is not None and surface.GetNumberOfPoints()}
    found: set[str] = set()
    for labelmap, segments in layers_in(contents).items():
        wanted = {value: id for id, value in segments.items()}
        for plane in voxels_of(labelmap):  # a slice at a time, until every segment of the layer was seen
            found |= {wanted.pop(value) for value in np.unique(plane).tolist() if value in wanted}
            if not wanted:
                break
    return found
