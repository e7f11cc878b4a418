"""Scans in the scene with segmentations to learn from."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import slicer

from HeartSeg3DLib.scene.original import ROLE
from HeartSeg3DLib.scene.vtk_arrays import matrix_of

SIZE = 20


def a_scan(name: str = "Muster, Erika", ijk_to_ras: Any = None) -> Any:
    """A volume of ascending gray values with a name that must not leak."""
    voxels = np.arange(SIZE**3, dtype=np.int16).reshape(SIZE, SIZE, SIZE)
    ijk_to_ras = np.diag([-2.0, -2.0, 2.0, 1.0]) if ijk_to_ras is None else ijk_to_ras
    return slicer.util.addVolumeFromArray(voxels, matrix_of(ijk_to_ras), name)


def a_heart(volume: Any, names: tuple[str, ...] = ("Left ventricle", "Myocardium")) -> Any:
    """A segmentation of one slab a segment, named as a person would."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{volume.GetName()} heart")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for number, name in enumerate(names):
        id = node.GetSegmentation().AddEmptySegment("", name)
        mask = np.zeros((SIZE, SIZE, SIZE), np.uint8)
        mask[6 * number:6 * number + 5, 2:12, 3:15] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, id, volume)
    return node


def a_result(volume: Any) -> Any:
    """A segmentation as HeartSeg3D makes it: LV and MYO, with the model's own result beside it."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{volume.GetName()} heart")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    whole = np.zeros((SIZE, SIZE, SIZE), np.uint8)
    for value, id in ((1, "LV"), (2, "MYO")):
        node.GetSegmentation().AddEmptySegment(id, id)
        mask = np.zeros_like(whole)
        mask[6 * value:6 * value + 5, 2:12, 3:15] = 1
        whole[mask > 0] = value
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, id, volume)
    kept = slicer.util.addVolumeFromArray(whole, nodeClassName="vtkMRMLLabelMapVolumeNode")
    kept.CopyOrientation(volume)
    kept.SetAttribute("HeartSeg.Start", json.dumps([0, 0, 0]))
    kept.SetAttribute("HeartSeg.Found", json.dumps(["LV", "MYO"]))
    node.SetNodeReferenceID(ROLE, kept.GetID())
    return node


def edit(node: Any, volume: Any, id: str = "LV") -> None:
    """Take a corner of a structure away, as a person with an eraser."""
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(node, id, volume).copy()
    mask[:, :4, :6] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, id, volume)
