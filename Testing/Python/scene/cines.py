"""A sequence of volumes in the scene and what the child would find in it: a box heart whose left ventricle beats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from hearts import IDS, SHAPE, box_heart
from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.scene.segment_voxels import voxels_of
from HeartSeg3DLib.scene.sequence_result import SequencePlacement
from HeartSeg3DLib.scene.transfer import FrameResult
from HeartSeg3DLib.scene.volumes import ScanSource, scan_of

SPACING = (1.5, 1.5, 2.0)
VOXEL_ML = 1.5 * 1.5 * 2.0 / 1000.0
TOPS = (14, 12, 10, 12)
"""Upper end of the left ventricle's cavity in each phase, in voxels; its lower end is 6."""


def a_cine(phases: int = len(TOPS), *, browser: bool = True, step_ms: int = 200) -> Any:
    """A vtkMRMLSequenceNode of volumes, indexed in ms, with a browser that plays it."""
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "cine")
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("ms")
    for number in range(phases):
        volume = slicer.vtkMRMLScalarVolumeNode()
        image = vtk.vtkImageData()
        image.SetDimensions(SHAPE[::-1])
        image.AllocateScalars(vtk.VTK_SHORT, 1)
        voxels_of(image)[:] = number
        volume.SetAndObserveImageData(image)
        volume.SetSpacing(SPACING)
        sequence.SetDataNodeAtValue(volume, str(number * step_ms))
    if browser:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "cine browser")
        node.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(node)
    return sequence


def phase_labels(top: int) -> NDArray[np.uint8]:
    """The box heart with a left ventricle that reaches up to `top`, myocardium above it."""
    labels = box_heart()
    labels[top:14, 8:17, 19:29] = BY_ID["MYO"].value
    return labels


def frame_of(labels: NDArray[np.uint8], number: int = 0, start: tuple[int, int, int] = (0, 0, 0)) -> FrameResult:
    """What the child tells of one frame whose labels (z, y, x) begin at the voxel `start`."""
    return FrameResult(
        index=number, time_ms=None, start=start, labels=np.ascontiguousarray(labels), model_labels=labels.copy(),
        values=tuple(BY_ID[id].value for id in IDS), surfaces={}, volumes_ml={},
        marks=({"id": "LV", "level": "grey", "sentence": f"phase {number}"},), warnings=(),
        trust={"level": "amber", "sentence": f"All of phase {number}."})


def frames_of(tops: Sequence[int] = TOPS) -> list[FrameResult]:
    """What the child finds in each phase."""
    return [frame_of(phase_labels(top)[2:21, 3:22, 4:33], number, (4, 3, 2)) for number, top in enumerate(tops)]


def placed(scan: ScanSource, frames: Sequence[FrameResult], target: Any = None) -> Any:
    """The segmentation that plays the phases."""
    placement = SequencePlacement(scan, model="tiny 1.0")
    for frame in frames:
        placement.add(frame)
    return placement.finish(target)


def a_beating_result(**options: Any) -> Any:
    """The segmentation of a cine in the scene."""
    return placed(scan_of(a_cine(**options)), frames_of())
