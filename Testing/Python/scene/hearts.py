"""Segmentations for the tests of the scene: boxes that touch as the chambers of a heart do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.scene import editing
from HeartSeg3DLib.scene.segment_description import describe
from HeartSeg3DLib.scene.segment_voxels import BINARY, voxels_of

SHAPE = (24, 30, 36)
IDS = ("LV", "MYO", "RV", "LA", "RA")
STROKE_OF_TESTS = (slice(8, 18), slice(8, 14), slice(8, 24))
"""Crosses RV, RA, MYO, LV and LA."""


def box_heart() -> NDArray[np.uint8]:
    """A label map (z, y, x): LV in a cup of MYO, RV beside it, LA on top of LV, RA on top of RV; background around."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:14, 5:20, 16:32] = BY_ID["MYO"].value
    labels[6:14, 8:17, 19:29] = BY_ID["LV"].value
    labels[3:14, 5:20, 5:16] = BY_ID["RV"].value
    labels[14:20, 5:20, 16:32] = BY_ID["LA"].value
    labels[14:20, 5:20, 5:16] = BY_ID["RA"].value
    return labels


def a_segmentation(labels: NDArray[np.uint8] | None = None, ids: Sequence[str] = IDS,
                   spacing: tuple[float, float, float] = (1.0, 1.0, 1.0), *, start: tuple[int, int, int] = (0, 0, 0),
                   reference: tuple[int, int, int] | None = None) -> slicer.vtkMRMLSegmentationNode:
    """A segmentation node whose segments share one labelmap, as the module's result has it.

    Args:
        labels: Label map (z, y, x), that of `box_heart` by default.
        ids: Segments to add.
        spacing: (x, y, z) in mm.
        start: (i, j, k) of the label map's first voxel.
        reference: Size (x, y, z) of the scan, that of the label map by default.
    """
    labels = box_heart() if labels is None else labels
    shared = labelmap(labels, spacing, start)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "heart")
    node.CreateDefaultDisplayNodes()
    for segment_id in ids:
        segment = slicer.vtkSegment()
        describe(segment, BY_ID[segment_id])
        segment.SetLabelValue(BY_ID[segment_id].value)
        segment.AddRepresentation(BINARY, shared)
        node.GetSegmentation().AddSegment(segment, segment_id)
    scan = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "scan")
    image = vtk.vtkImageData()
    image.SetDimensions(reference or labels.shape[::-1])
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    scan.SetAndObserveImageData(image)
    scan.SetSpacing(spacing)
    node.SetReferenceImageGeometryParameterFromVolumeNode(scan)
    return node


def labelmap(labels: NDArray[np.uint8], spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
             start: tuple[int, int, int] = (0, 0, 0)) -> slicer.vtkOrientedImageData:
    """A vtkOrientedImageData with a copy of the labels, its first voxel at `start`."""
    image = slicer.vtkOrientedImageData()
    z, y, x = labels.shape
    i, j, k = start
    image.SetExtent(i, i + x - 1, j, j + y - 1, k, k + z - 1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.SetSpacing(spacing)
    voxels_of(image)[:] = labels
    return image


def labels_of(node: slicer.vtkMRMLSegmentationNode, shape: tuple[int, int, int] = SHAPE) -> NDArray[np.uint8]:
    """What all segments look like as one label map of anatomical values, its first voxel at (0, 0, 0)."""
    merged = np.zeros(shape, np.uint8)
    for segment_id, mask in masks_of(node, shape).items():
        merged[mask] = BY_ID[segment_id].value
    return merged


def masks_of(node: slicer.vtkMRMLSegmentationNode,
             shape: tuple[int, int, int] = SHAPE) -> Mapping[str, NDArray[np.bool_]]:
    """The voxels (z, y, x) of each segment on a box that starts at (0, 0, 0)."""
    found = {}
    for segment_id in node.GetSegmentation().GetSegmentIDs():
        segment = node.GetSegmentation().GetSegment(segment_id)
        image = segment.GetRepresentation(BINARY)
        mask = np.zeros(shape, bool)
        i0, i1, j0, j1, k0, k1 = image.GetExtent()
        if i1 >= i0:
            mask[k0:k1 + 1, j0:j1 + 1, i0:i1 + 1] = voxels_of(image) == segment.GetLabelValue()
        found[segment_id] = mask
    return found


def history_of(node: slicer.vtkMRMLSegmentationNode) -> slicer.vtkSegmentationHistory:
    """The undo history that the Segment Editor keeps."""
    history = slicer.vtkSegmentationHistory()
    history.SetSegmentation(node.GetSegmentation())
    history.SetMaximumNumberOfStates(10)
    return history


class SegmentEditor:
    """Slicer's Segment Editor without its window: the logic behind the effects, with masking and undo."""

    def __init__(self, node: slicer.vtkMRMLSegmentationNode) -> None:
        self.node = node
        self.editor_node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(slicer.mrmlScene)
        scan = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        self.editor_node.SetAndObserveSourceVolumeNode(scan)
        self.logic.SetSegmentEditorNode(self.editor_node)
        self.history = history_of(node)
        self.logic.SetSegmentationHistory(self.history)

    def choose(self, chamber: str, mode: str) -> None:
        editing.set_masking(self.editor_node, self.node, chamber, mode)
        self.logic.UpdateMaskLabelmap()

    def paint(self, stroke: tuple[slice, slice, slice], *, erase: bool = False) -> None:
        self.logic.SaveStateForUndo()
        self.logic.ResetModifierLabelmapToDefault()
        modifier = self.logic.GetModifierLabelmap()
        voxels_of(modifier)[:] = 0
        voxels_of(modifier)[stroke] = 1
        modifier.Modified()
        mode = self.logic.ModificationModeRemove if erase else self.logic.ModificationModeAdd
        self.logic.ModifySegmentByLabelmap(self.node, self.editor_node.GetSelectedSegmentID(), modifier, mode, False,
                                           False)
