"""The model's own result beside the one that people edit: what is edited, and the way back.

It is a label map of the box around the heart, saved with the scene. The tree of the Data module leaves it out; it is
not hidden from editors, since Slicer's dialog "Save data" writes no hidden node.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util import numpy_support

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.scene.segment_description import describe
from HeartSeg3DLib.scene.segment_voxels import (
    BINARY,
    Extent,
    SegmentBox,
    add_voxels,
    bounding_extent,
    crop,
    layers_of,
    taken_where,
    voxels_of,
    write_box,
)
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.transfer import FrameResult
from HeartSeg3DLib.scene.volumes import ScanSource
from HeartSeg3DLib.scene.vtk_arrays import matrix_of, oriented_image, plain_image

ROLE = "HeartSeg.ModelResult"
EDITED_ATTRIBUTE = "HeartSeg.Edited"

NOT_IN_TREE = "SubjectHierarchy.ExcludeFromTree"
"""Attribute of nodes that are saved and that nobody has to see."""

_START_ATTRIBUTE, _FOUND_ATTRIBUTE = "HeartSeg.Start", "HeartSeg.Found"


def keep(segmentation: Any, scan: ScanSource, frame: FrameResult) -> None:
    """Keep what the model found, in place of what it found before."""
    node = segmentation.GetNodeReference(ROLE)
    if node is None:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLLabelMapVolumeNode")
        node.UnRegister(None)
        node.SetAttribute(NOT_IN_TREE, "1")
        node.SetName(_("{name} as the model found it").format(name=segmentation.GetName()))
        slicer.mrmlScene.AddNode(node)
        segmentation.SetNodeReferenceID(ROLE, node.GetID())
    write_kept(node, scan, frame)
    node.SetAndObserveTransformNodeID(segmentation.GetTransformNodeID())
    segmentation.SetAttribute(EDITED_ATTRIBUTE, "[]")


def write_kept(node: Any, scan: ScanSource, frame: FrameResult) -> None:
    """Put what the model found into a vtkMRMLLabelMapVolumeNode, which need not be in the scene."""
    corner = np.eye(4)
    corner[:3, 3] = frame.start
    node.SetIJKToRASMatrix(matrix_of(scan.ijk_to_ras() @ corner))
    node.SetAndObserveImageData(plain_image(frame.model_labels))
    node.SetAttribute(_START_ATTRIBUTE, json.dumps(frame.start))
    node.SetAttribute(_FOUND_ATTRIBUTE, json.dumps([STRUCTURES[value].id for value in frame.values
                                                    if value in STRUCTURES]))


def found_by_model(segmentation: Any) -> set[str]:
    """Return the ids of the structures in the model's own result; empty without one."""
    node = segmentation.GetNodeReference(ROLE)
    return set(json.loads(node.GetAttribute(_FOUND_ATTRIBUTE) or "[]")) & set(BY_ID) if node is not None else set()


def edited(segmentation: Any) -> set[str]:
    """Return the ids of segments that differ from the model's own result, and note them in the segmentation.

    Structures that a person added or removed count; without a model's result nothing does.
    """
    kept = _kept(segmentation)
    if kept is None:
        return set()
    present = {id for segments in layers_of(segmentation).values() for id in segments if id in BY_ID}
    changed = found_by_model(segmentation) - present
    for labelmap, segments in layers_of(segmentation).items():
        changed |= _changed_in_layer(labelmap, segments, kept)
    text = json.dumps(sorted(changed))
    if segmentation.GetAttribute(EDITED_ATTRIBUTE) != text:
        segmentation.SetAttribute(EDITED_ATTRIBUTE, text)
    return changed


def restore(segmentation: Any, ids: Iterable[str] | None = None) -> None:
    """Give structures the voxels that the model gave them.

    Args:
        segmentation: vtkMRMLSegmentationNode; the caller has saved its state for undo.
        ids: Segment ids; other structures lose the voxels that these win back, and get back those that these had taken
            from them. None for the whole result of the model: structures of the heart that a person added are removed,
            any other segments stay as they are.

    Raises:
        InputError: The model's own result is gone, or lacks one of the structures.
    """
    kept = _kept(segmentation)
    if kept is None:
        raise InputError(_("The model's own result was not kept with this segmentation."),
                         _("Segment the scan again."))
    found = found_by_model(segmentation)
    if ids is None:
        for id in edited(segmentation) - found:
            segmentation.GetSegmentation().RemoveSegment(id)
        _give_back_all(segmentation, kept, found)
    else:
        wanted = set(ids)
        if not wanted <= found:
            raise InputError(_("The model did not find this structure."), _("Remove it if it should not be there."))
        for id in sorted(wanted, key=_by_value):
            _give_back(segmentation, id, kept)
    edited(segmentation)


def keep_copy(segmentation: Any) -> Any:
    """Copy a segmentation, with its edits and its look, under another name; returns the copy."""
    copy = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", _("{name} edited").format(
        name=segmentation.GetName()))
    copy.GetSegmentation().DeepCopy(segmentation.GetSegmentation())
    copy.CreateDefaultDisplayNodes()
    if segmentation.GetDisplayNode() is not None:
        copy.GetDisplayNode().CopyContent(segmentation.GetDisplayNode())
        copy.GetDisplayNode().SetVisibility(False)
    role = segmentation.GetReferenceImageGeometryReferenceRole()
    copy.SetNodeReferenceID(role, segmentation.GetNodeReferenceID(role))
    copy.SetAndObserveTransformNodeID(segmentation.GetTransformNodeID())
    for attribute in segmentation.GetAttributeNames():
        copy.SetAttribute(attribute, segmentation.GetAttribute(attribute))
    return copy


def _kept(segmentation: Any) -> Any:
    """Return the model's result as vtkOrientedImageData on the scan's lattice, None without one."""
    node = segmentation.GetNodeReference(ROLE)
    if node is None or node.GetImageData() is None:
        return None
    start = json.loads(node.GetAttribute(_START_ATTRIBUTE) or "[0, 0, 0]")
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    voxels = numpy_support.vtk_to_numpy(node.GetImageData().GetPointData().GetScalars())
    shift = np.eye(4)
    shift[:3, 3] = [-place for place in start]
    image = oriented_image(slicer.util.arrayFromVTKMatrix(matrix) @ shift, (start[0], start[1], start[2]),
                           voxels.reshape(node.GetImageData().GetDimensions()[::-1]))
    if node.GetTransformNodeID() != segmentation.GetTransformNodeID():
        # Someone hardened the transform of the segmentation: follow it.
        between = vtk.vtkGeneralTransform()
        slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
            node.GetParentTransformNode(), segmentation.GetParentTransformNode(), between)
        slicer.vtkOrientedImageDataResample.TransformOrientedImage(image, between)
    return image


def _changed_in_layer(labelmap: Any, segments: dict[str, int], kept: Any) -> set[str]:
    """Return which of the segments in one shared labelmap differ from the model's result."""
    known = {id: value for id, value in segments.items() if id in BY_ID}
    kept = _on_lattice_of(labelmap, kept)
    extent = _union(labelmap.GetExtent(), kept.GetExtent())
    if extent == labelmap.GetExtent() == kept.GetExtent():
        # What no edit has touched has the same values in both, and only the box of the others is looked at closely.
        box = bounding_extent(voxels_of(labelmap) != voxels_of(kept), extent)
        if box is None:
            return set()
        extent = box
    is_now = _renumbered(crop(labelmap, extent), {value: BY_ID[id].value for id, value in known.items()})
    was = _renumbered(crop(kept, extent), {BY_ID[id].value: BY_ID[id].value for id in known})
    differing = is_now != was
    return {STRUCTURES[int(value)].id
            for value in np.union1d(is_now[differing], was[differing]) if value}


def _renumbered(labels: NDArray[Any], new_values: dict[int, int]) -> NDArray[np.uint8]:
    table = np.zeros(max(int(labels.max(initial=0)), 255) + 1, np.uint8)
    for old, new in new_values.items():
        table[old] = new
    return table[labels]


def _give_back(segmentation: Any, id: str, kept: Any) -> None:
    contents = segmentation.GetSegmentation()
    if contents.GetSegment(id) is None:
        contents.AddEmptySegment(id)
        describe(contents.GetSegment(id), BY_ID[id])
    segment = contents.GetSegment(id)
    labelmap = segment.GetRepresentation(BINARY)
    empty = labelmap is None or labelmap.IsEmpty()
    lattice = kept if empty else _on_lattice_of(labelmap, kept)
    extent = lattice.GetExtent() if empty else _union(labelmap.GetExtent(), lattice.GetExtent())
    before = np.zeros(_shape(extent), np.uint8) if empty else (
        crop(labelmap, extent) == segment.GetLabelValue()).astype(np.uint8)
    wanted = (crop(lattice, extent) == BY_ID[id].value).astype(np.uint8)
    box = SegmentBox(extent, before, lattice.GetSpacing(), lattice)
    write_box(segmentation, id, wanted, box)
    _return_taken(segmentation, id, np.where((before > 0) & (wanted == 0), crop(lattice, extent), 0), box)


def _return_taken(segmentation: Any, id: str, owners: NDArray[Any], box: SegmentBox) -> None:
    """Give the voxels that a structure had taken, and now left empty, to those who had them in the model's result.

    Args:
        segmentation: vtkMRMLSegmentationNode.
        id: The structure that left them.
        owners: (z, y, x) label value of the owner of each voxel that was left, elsewhere 0.
        box: Where they lie.
    """
    owners = np.where(taken_where(segmentation, id, box, lambda other: True), 0, owners)
    for value in np.unique(owners[owners > 0]):
        owner = STRUCTURES[int(value)].id if int(value) in STRUCTURES else ""
        if segmentation.GetSegmentation().GetSegment(owner) is not None:
            add_voxels(segmentation, owner, owners == value, box)


def _give_back_all(segmentation: Any, kept: Any, found: set[str]) -> None:
    """Put one copy of the model's result in place of the labelmaps of all its structures, and renew surfaces once."""
    contents = segmentation.GetSegmentation()
    surfaces = slicer.vtkSegmentationConverter.GetClosedSurfaceRepresentationName()
    shown = contents.ContainsRepresentation(surfaces)
    if shown:
        contents.RemoveRepresentation(surfaces)
    image = slicer.vtkOrientedImageData()
    image.DeepCopy(kept)
    for id in sorted(found, key=_by_value):
        if contents.GetSegment(id) is None:
            contents.AddEmptySegment(id)
            describe(contents.GetSegment(id), BY_ID[id])
        contents.GetSegment(id).SetLabelValue(BY_ID[id].value)
        contents.GetSegment(id).AddRepresentation(BINARY, image)
    if shown:
        contents.CreateRepresentation(surfaces)


def _by_value(id: str) -> int:
    return BY_ID[id].value


def _on_lattice_of(labelmap: Any, kept: Any) -> Any:
    """The model's result itself, or its voxels on the lattice of a labelmap that was resampled since."""
    resample = slicer.vtkOrientedImageDataResample
    if resample.DoGeometriesMatch(labelmap, kept):
        return kept
    result = slicer.vtkOrientedImageData()
    resample.ResampleOrientedImageToReferenceOrientedImage(kept, labelmap, result)
    return result


def _union(one: Extent, other: Extent) -> Extent:
    low = [min(first, second) for first, second in zip(one[::2], other[::2], strict=True)]
    high = [max(first, second) for first, second in zip(one[1::2], other[1::2], strict=True)]
    return low[0], high[0], low[1], high[1], low[2], high[2]


def _shape(extent: Extent) -> tuple[int, int, int]:
    return extent[5] - extent[4] + 1, extent[3] - extent[2] + 1, extent[1] - extent[0] + 1
