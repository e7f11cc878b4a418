"""A result under its scan's transform lies where the scan lies, also after Slicer has hardened both."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import slicer

from HeartSeg3DLib.scene import volume_table
from HeartSeg3DLib.scene.segmentation_result import place_frame
from HeartSeg3DLib.scene.transfer import read_frame
from HeartSeg3DLib.scene.volumes import scan_of
from scans import START, a_volume, exported, labels_in_box, whole
from test_volume_table import stretching_transform


def result_of(volume: Any) -> Any:
    """The segmentation that a run places for what the child wrote."""
    scan, labels = scan_of(volume), labels_in_box()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "labels.raw").write_bytes(labels.tobytes())
        box = {"start": list(START), "size": list(labels.shape[::-1])}
        return place_frame(scan, read_frame(Path(folder), {"index": 0, "labels": "labels.raw", "box": box}, scan))


class UnderTransformsTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.volume = a_volume()

    def test_linear_transforms_move_both_alike(self) -> None:
        for matrix in (np.eye(4), [[0, -1, 0, 5], [1, 0, 0, -7], [0, 0, 1, 2.5], [0, 0, 0, 1]],
                       np.diag([1.1, 0.9, 1.3, 1])):
            with self.subTest(matrix=matrix):
                self.setUp()
                transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
                slicer.util.updateTransformMatrixFromArray(transform, np.asarray(matrix, float))
                self.volume.SetAndObserveTransformNodeID(transform.GetID())
                result = result_of(self.volume)
                self.assertEqual(result.GetParentTransformNode(), transform)
                result.HardenTransform()
                self.volume.HardenTransform()
                np.testing.assert_array_equal(exported(result, self.volume), whole(labels_in_box()))

    def test_a_grid_transform_that_is_hardened_cuts_nothing_off(self) -> None:
        transform = stretching_transform(0.8)
        self.volume.SetAndObserveTransformNodeID(transform.GetID())
        result = result_of(self.volume)
        before = volume_table.volumes(result)
        result.HardenTransform()
        after = volume_table.volumes(result)
        for id, milliliters in before.items():
            self.assertLess(abs(after[id] / milliliters - 1), 0.03, id)

    def test_only_a_warped_scan_costs_the_memory_of_its_whole_grid(self) -> None:
        labelmap = result_of(self.volume).GetSegmentation().GetSegment("LV").GetRepresentation("Binary labelmap")
        self.assertEqual(labelmap.GetDimensions(), labels_in_box().shape[::-1])
