"""Bringing a structure into the slice views."""

from __future__ import annotations

import numpy as np
import slicer

from HeartSeg3DLib.scene.segment_voxels import image_to_world, read_box

Point = tuple[float, float, float]


def center_of(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str) -> Point:
    """The center of mass of a structure as a RAS point in the world, parent transforms included, in mm.

    Raises:
        InputError: The structure is gone or empty.
    """
    box = read_box(segmentation, segment_id)
    z, y, x = (float(places.mean()) for places in np.nonzero(box.mask))
    start = box.extent[::2]
    local = image_to_world(box.labelmap) @ (x + start[0], y + start[1], z + start[2], 1.0)
    world = [0.0, 0.0, 0.0]
    segmentation.TransformPointToWorld([float(value) for value in local[:3]], world)
    return world[0], world[1], world[2]


def jump_to(segmentation: slicer.vtkMRMLSegmentationNode, segment_id: str) -> None:
    """Centers every slice view on a structure.

    Raises:
        InputError: The structure is gone or empty.
    """
    right, anterior, superior = center_of(segmentation, segment_id)
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, right, anterior, superior,
                                          slicer.vtkMRMLSliceNode.CenteredJumpSlice)
