"""A scan of the scene is taken without copying, with its geometry in LPS, or refused in one sentence."""

from __future__ import annotations

import unittest
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.scene.volumes import lps_to_ras, scan_of
from scans import OBLIQUE, SIZE, a_volume


def a_sequence(sizes: list[tuple[int, int, int]], unit: str = "ms") -> Any:
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "cine")
    sequence.SetIndexUnit(unit)
    for number, size in enumerate(sizes):
        volume = a_volume(size=size)
        sequence.SetDataNodeAtValue(volume, str(40 * number))
        slicer.mrmlScene.RemoveNode(volume)
    return sequence


class ScanSourceTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)

    def refusal(self, node: Any) -> str:
        with self.assertRaises(InputError) as caught:
            scan_of(node)
        self.assertTrue(caught.exception.remedy)
        return caught.exception.message

    def test_the_grid_is_that_of_simpleitk(self) -> None:
        scan = scan_of(a_volume())
        image = sitk.Image(*SIZE, sitk.sitkUInt8)
        image.SetSpacing(scan.spacing)
        image.SetOrigin(scan.origin)
        image.SetDirection(scan.direction)
        left, back, up = image.TransformIndexToPhysicalPoint((7, 11, 13))
        np.testing.assert_allclose((-left, -back, up), (OBLIQUE @ (7, 11, 13, 1))[:3], atol=1e-9)
        np.testing.assert_allclose(scan.ijk_to_ras(), OBLIQUE, atol=1e-9)

    def test_voxels_are_a_view_that_outlives_the_node(self) -> None:
        node = a_volume()
        shared = slicer.util.arrayFromVolume(node)
        scan = scan_of(node)
        self.assertTrue(np.shares_memory(scan.frames[0], shared))
        slicer.mrmlScene.Clear(0)
        del node, shared
        self.assertEqual(int(scan.frames[0].astype(np.int64).sum()),
                         int(np.arange(np.prod(SIZE), dtype=np.int16).astype(np.int64).sum()))

    def test_points_are_flipped_and_the_input_stays(self) -> None:
        points = np.array([[1.0, 2.0, 3.0]])
        np.testing.assert_array_equal(lps_to_ras(points), [[-1, -2, 3]])
        np.testing.assert_array_equal(points, [[1, 2, 3]])

    def test_nothing_selected(self) -> None:
        self.assertIn("No scan", self.refusal(None))

    def test_a_label_map(self) -> None:
        self.assertIn("label map", self.refusal(a_volume("vtkMRMLLabelMapVolumeNode")))

    def test_a_color_volume(self) -> None:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "photo")
        image = vtk.vtkImageData()
        image.SetDimensions(8, 8, 8)
        image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
        node.SetAndObserveImageData(image)
        self.assertIn("several numbers", self.refusal(node))

    def test_a_volume_without_voxels(self) -> None:
        self.assertIn("empty", self.refusal(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "none")))

    def test_a_single_slice(self) -> None:
        self.assertIn("single slice", self.refusal(a_volume(size=(40, 36, 1))))

    def test_axes_that_are_not_at_right_angles(self) -> None:
        node = a_volume()
        sheared = np.array([[1, 0.1, 0, 0], [0, 0.995, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
        node.SetIJKToRASDirections(sheared[:3, :3].tolist())
        self.assertIn("right angles", self.refusal(node))

    def test_a_node_that_is_no_volume(self) -> None:
        self.assertIn("not a volume", self.refusal(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "model")))

    def test_every_frame_of_a_sequence_with_its_time(self) -> None:
        scan = scan_of(a_sequence([SIZE] * 3))
        self.assertEqual([frame.shape for frame in scan.frames], [SIZE[::-1]] * 3)
        self.assertEqual(scan.times_ms, (0.0, 40.0, 80.0))
        self.assertTrue(scan.is_sequence)
        self.assertIsNone(scan.volume)

    def test_an_index_that_is_no_time(self) -> None:
        self.assertEqual(scan_of(a_sequence([SIZE] * 2, unit="%")).times_ms, (None, None))

    def test_seconds_become_milliseconds(self) -> None:
        self.assertEqual(scan_of(a_sequence([SIZE] * 2, unit="s")).times_ms, (0.0, 40000.0))

    def test_a_broken_frame_is_named(self) -> None:
        self.assertIn("Frame 2 of cine", self.refusal(a_sequence([SIZE, (40, 36, 20), SIZE])))

    def test_a_frame_that_is_a_single_slice_is_named(self) -> None:
        self.assertIn("Frame 3 of cine", self.refusal(a_sequence([SIZE, SIZE, (40, 36, 1)])))

    def test_an_empty_sequence(self) -> None:
        self.assertIn("empty", self.refusal(a_sequence([])))

    def test_a_sequence_of_something_else(self) -> None:
        sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "transforms")
        sequence.SetDataNodeAtValue(slicer.vtkMRMLLinearTransformNode(), "0")
        self.assertIn("does not hold volumes", self.refusal(sequence))

    def test_the_volume_that_plays_a_sequence_is_one_phase(self) -> None:
        sequence = a_sequence([SIZE] * 3)
        browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
        browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        shown = browser.GetProxyNode(sequence)
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        shown.SetAndObserveTransformNodeID(transform.GetID())
        self.assertEqual(len(scan_of(shown).frames), 1)
        scan = scan_of(sequence)
        self.assertEqual(scan.volume, shown)
        self.assertEqual(scan.transform, transform)

    def test_the_modality_of_the_study(self) -> None:
        node = a_volume()
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
        self.assertEqual(scan_of(node).modality, "auto")
        hierarchy.SetItemAttribute(item, "DICOM.Modality", "MR")
        self.assertEqual(scan_of(node).modality, "mr")
