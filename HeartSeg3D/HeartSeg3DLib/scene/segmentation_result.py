"""From the child's arrays to a segmentation in the scene, in small steps and with one change at the end."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import slicer

from HeartSeg3DLib import __version__
from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.scene import original
from HeartSeg3DLib.scene.layer_volumes import take_over
from HeartSeg3DLib.scene.segment_description import describe
from HeartSeg3DLib.scene.segment_voxels import BINARY
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.transfer import FrameResult
from HeartSeg3DLib.scene.volumes import ScanSource
from HeartSeg3DLib.scene.vtk_arrays import oriented_image, poly_data

CLOSED_SURFACE = "Closed surface"
CONVERSION = {"Conversion method": "1", "SurfaceNets smoothing": "1"}
"""SurfaceNets, smoothed by itself: an edit of one chamber takes a third of the time of flying edges."""
MODEL_ATTRIBUTE, VERSION_ATTRIBUTE, MARKS_ATTRIBUTE = "HeartSeg.Model", "HeartSeg.Version", "HeartSeg.Marks"
TRUST_ATTRIBUTE = "HeartSeg.Trust"


@dataclass(frozen=True, eq=False)
class FrameContent:
    """One frame's result as VTK objects that are not in the scene yet.

    Attributes:
        frame: What it was made from.
        labelmap: The vtkOrientedImageData that all segments share; None where nothing was found.
        surfaces: vtkPolyData by label value.
    """

    frame: FrameResult
    labelmap: Any
    surfaces: Mapping[int, Any]


def content_of(scan: ScanSource, frame: FrameResult) -> FrameContent:
    """Return a frame's result as VTK objects on the same memory; takes about a millisecond."""
    if not frame.values:
        return FrameContent(frame, None, {})
    labelmap = oriented_image(scan.ijk_to_ras(), frame.start, frame.labels)
    return FrameContent(frame, labelmap, {value: poly_data(surface) for value, surface in frame.surfaces.items()})


def check_target(scan: ScanSource, target: Any) -> None:
    """Make sure that a result for this scan may go into a segmentation.

    Raises:
        UsageError: It holds structures that stay, and they are under another transform.
    """
    if target is None:
        return
    transform = scan.transform.GetID() if scan.transform is not None else None
    contents = target.GetSegmentation()
    if contents.GetNumberOfSegments() and target.GetTransformNodeID() != transform:
        raise UsageError(
            _("{name} is under another transform than the scan.").format(name=target.GetName()),
            _("Choose a new result, or put both under the same transform."))


def place_frame(scan: ScanSource, frame: FrameResult, target: Any = None, *, model: str = "",
                name: str = "") -> Any:
    """Build or update a segmentation from one frame.

    Segments with the ids of the new structures get new voxels and surfaces and keep their look; segments that the
    model found in an earlier run and does not find now are removed; all others stay.

    Args:
        scan: Where the frame comes from; its node must be in the scene.
        frame: What the child found.
        target: vtkMRMLSegmentationNode to update, None for a new one.
        model: Name and version of the model.
        name: Name of a new segmentation; made from the scan's if empty.

    Returns:
        The vtkMRMLSegmentationNode. If anything fails, the scene is as it was.

    Raises:
        UsageError: The target holds structures under another transform.
    """
    check_target(scan, target)
    content = content_of(scan, frame)
    if target is not None:
        is_empty = target.GetSegmentation().GetNumberOfSegments() == 0
        with _undone_on_failure(target):
            _fill(target, scan, content, model)
            if is_empty:  # made by the user a moment ago, to be filled
                _belong_to(target, scan)
        take_over(target.GetSegmentation(), scan.transform, frame.volumes_ml)
        return target
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name or result_name(scan))
    try:
        _fill(node, scan, content, model)
        _belong_to(node, scan)
    except BaseException:
        remove_result(node)
        raise
    take_over(node.GetSegmentation(), scan.transform, frame.volumes_ml)
    return node


def result_name(scan: ScanSource) -> str:
    """Return the name of a new result."""
    return str(slicer.mrmlScene.GenerateUniqueName(_("{name} heart").format(name=scan.name)))


def put_segments(contents: Any, content: FrameContent) -> None:
    """Put a frame's structures into a vtkSegmentation; existing segments of the same ids keep their look."""
    for value in content.frame.values:
        id = segment_id(value)
        segment = contents.GetSegment(id)
        is_new = segment is None
        if is_new:
            segment = _new_segment(value)
        segment.SetLabelValue(value)
        segment.AddRepresentation(BINARY, content.labelmap)
        segment.RemoveRepresentation(CLOSED_SURFACE)
        if value in content.surfaces:
            segment.AddRepresentation(CLOSED_SURFACE, content.surfaces[value])
        if is_new:
            contents.AddSegment(segment, id)


def segment_id(value: int) -> str:
    """Return the segment id of a label value: that of `anatomy`, or one with the number for a model of your own."""
    return STRUCTURES[value].id if value in STRUCTURES else f"LABEL_{value}"


def _new_segment(value: int) -> Any:
    segment = slicer.vtkSegment()
    if value in STRUCTURES:
        describe(segment, STRUCTURES[value])
        segment.SetColorAutoGenerated(False)
    else:
        segment.SetName(_("Label {value}").format(value=value))
    segment.SetNameAutoGenerated(False)
    return segment


def note_model(segmentation: Any, model: str) -> None:
    """Write into the segmentation which model and version of HeartSeg made it."""
    segmentation.SetAttribute(MODEL_ATTRIBUTE, model)
    segmentation.SetAttribute(VERSION_ATTRIBUTE, __version__)


def note_trust(segmentation: Any, frame: FrameResult) -> None:
    """Write into the segmentation how far a frame's structures, and the frame as a whole, can be trusted."""
    segmentation.SetAttribute(MARKS_ATTRIBUTE, json.dumps(list(map(dict, frame.marks))))
    segmentation.SetAttribute(TRUST_ATTRIBUTE, json.dumps(dict(frame.trust)) if frame.trust else None)


def place_beside(node: Any, scan_node: Any) -> None:
    """Put a node where the scan is in the subject hierarchy, so that DICOM export finds patient and study."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    scan_item = hierarchy.GetItemByDataNode(scan_node) if hierarchy is not None else 0
    if not scan_item:
        return
    parent = hierarchy.GetItemParent(scan_item)
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, parent)
    else:
        hierarchy.CreateItem(parent, node)


def remove_result(segmentation: Any) -> None:
    """Remove a segmentation with what belongs to it alone."""
    for node in (segmentation.GetNodeReference(original.ROLE), segmentation.GetDisplayNode(), segmentation):
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)


def _fill(node: Any, scan: ScanSource, content: FrameContent, model: str) -> None:
    contents = node.GetSegmentation()
    modified = node.StartModify()
    try:
        _use_labelmaps(contents)
        if scan.volume is not None:
            node.SetReferenceImageGeometryParameterFromVolumeNode(scan.volume)
        found = {segment_id(value) for value in content.frame.values}
        convert_as_we_do(contents)
        stale = original.found_by_model(node) - found
        if not content.surfaces:
            contents.RemoveRepresentation(CLOSED_SURFACE)
        put_segments(contents, content)
        if content.surfaces:
            contents.CreateRepresentation(CLOSED_SURFACE)  # of segments that stay and have none yet
        note_model(node, model)
        note_trust(node, content.frame)
        original.keep(node, scan, content.frame)
        for id in stale:  # last, because Slicer erases their voxels, which no failure could bring back
            contents.RemoveSegment(id)
    finally:
        node.EndModify(modified)


def convert_as_we_do(contents: Any) -> None:
    """Let Slicer make the surface of an edited chamber with the method that is fastest and keeps neighbors apart."""
    for name, value in CONVERSION.items():
        contents.SetConversionParameter(name, value)


def _belong_to(node: Any, scan: ScanSource) -> None:
    """Put a new result under the scan's transform and beside it in the hierarchy, and show it."""
    transform = scan.transform.GetID() if scan.transform is not None else None
    for one in (node, node.GetNodeReference(original.ROLE)):
        one.SetAndObserveTransformNodeID(transform)
    node.CreateDefaultDisplayNodes()
    place_beside(node, scan.node)


def _use_labelmaps(contents: Any) -> None:
    """Make labelmaps the source of a segmentation that was made of surfaces."""
    if contents.GetSourceRepresentationName() == BINARY:
        return
    if contents.GetNumberOfSegments():
        contents.CreateRepresentation(BINARY)
    contents.SetSourceRepresentationName(BINARY)


@contextlib.contextmanager
def _undone_on_failure(node: Any) -> Iterator[None]:
    """Bring back all segments and attributes if the block raises."""
    contents = node.GetSegmentation()
    segments = {id: contents.GetSegment(id) for id in contents.GetSegmentIDs()}
    parts = {id: (segment.GetLabelValue(), segment.GetRepresentation(BINARY), segment.GetRepresentation(CLOSED_SURFACE))
             for id, segment in segments.items()}
    attributes = {name: node.GetAttribute(name) for name in node.GetAttributeNames()}
    try:
        yield
    except BaseException:
        for id in set(contents.GetSegmentIDs()) - set(parts):
            contents.RemoveSegment(id)
        for id, (value, labelmap, surface) in parts.items():
            segment = contents.GetSegment(id)
            segment.SetLabelValue(value)
            for name, data in ((BINARY, labelmap), (CLOSED_SURFACE, surface)):
                segment.AddRepresentation(name, data) if data is not None else segment.RemoveRepresentation(name)
        for name in (*attributes, MODEL_ATTRIBUTE, VERSION_ATTRIBUTE, MARKS_ATTRIBUTE, TRUST_ATTRIBUTE):
            node.SetAttribute(name, attributes.get(name))
        raise
