"""The model's own result is kept: what was edited is known, and each chamber or all of it can be brought back."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import numpy as np
import slicer

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.scene import original
from HeartSeg3DLib.scene.segmentation_result import CLOSED_SURFACE, place_frame
from HeartSeg3DLib.scene.volumes import scan_of
from scans import a_frame, a_volume, exported, labels_in_box, whole


class ModelResultTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.volume = a_volume()
        self.result = place_frame(scan_of(self.volume), a_frame())
        self.contents = self.result.GetSegmentation()

    def draw(self, id: str, change: tuple[slice, ...], value: int) -> None:
        voxels = slicer.util.arrayFromSegmentBinaryLabelmap(self.result, id, self.volume).copy()
        voxels[change] = value
        slicer.util.updateSegmentBinaryLabelmapFromArray(voxels, self.result, id, self.volume)

    def test_a_fresh_result_is_not_edited(self) -> None:
        self.assertEqual(original.edited(self.result), set())

    def test_removed_and_added_voxels_are_edits(self) -> None:
        self.draw("LV", (slice(None), slice(0, 14)), 0)
        self.assertEqual(original.edited(self.result), {"LV"})
        self.draw("RV", (slice(0, 3), slice(0, 3), slice(0, 3)), 1)
        self.assertEqual(original.edited(self.result), {"LV", "RV"})
        self.assertEqual(self.result.GetAttribute("HeartSeg.Edited"), '["LV", "RV"]')

    def test_removed_and_added_structures_are_edits(self) -> None:
        self.contents.RemoveSegment("RV")
        self.contents.AddEmptySegment("PA", "PA")
        self.draw("PA", (slice(0, 3), slice(0, 3), slice(0, 3)), 1)
        self.assertEqual(original.edited(self.result), {"RV", "PA"})

    def test_one_chamber_comes_back_and_the_others_keep_their_edits(self) -> None:
        self.draw("LV", (slice(None), slice(0, 14)), 0)
        self.draw("RV", (slice(0, 3), slice(0, 3), slice(0, 3)), 1)
        original.restore(self.result, ["LV"])
        expected = whole(labels_in_box())
        expected[0:3, 0:3, 0:3] = 3
        np.testing.assert_array_equal(exported(self.result, self.volume), expected)
        self.assertEqual(original.edited(self.result), {"RV"})

    def test_what_it_wins_back_is_lost_by_the_others(self) -> None:
        lost = whole(labels_in_box()) == 1
        self.draw("LV", (slice(None),) * 3, 0)
        voxels = slicer.util.arrayFromSegmentBinaryLabelmap(self.result, "MYO", self.volume).copy()
        voxels[lost] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(voxels, self.result, "MYO", self.volume)
        original.restore(self.result, ["LV"])
        np.testing.assert_array_equal(exported(self.result, self.volume), whole(labels_in_box()))
        self.assertEqual(original.edited(self.result), set())

    def test_what_it_had_taken_goes_back_to_its_owners_and_fills_no_hole_made_by_hand(self) -> None:
        model = whole(labels_in_box())
        taken = slicer.util.arrayFromSegmentBinaryLabelmap(self.result, "LV", self.volume).copy()
        taken[model == BY_ID["MYO"].value] = 1
        erased = np.argwhere(model == BY_ID["RV"].value)[0]
        self.draw("RV", tuple(erased), 0)
        self.draw("MYO", (slice(None),) * 3, 0)
        slicer.util.updateSegmentBinaryLabelmapFromArray(taken, self.result, "LV", self.volume)
        self.assertEqual(original.edited(self.result), {"LV", "MYO", "RV"})
        original.restore(self.result, ["LV"])
        model[tuple(erased)] = 0
        np.testing.assert_array_equal(exported(self.result, self.volume), model)
        self.assertEqual(original.edited(self.result), {"RV"})

    def test_a_removed_structure_comes_back_with_its_name(self) -> None:
        self.contents.RemoveSegment("RV")
        original.restore(self.result, ["RV"])
        self.assertEqual(self.contents.GetSegment("RV").GetName(), "Right ventricle cavity")
        np.testing.assert_array_equal(exported(self.result, self.volume), whole(labels_in_box()))

    def test_everything_comes_back_with_surfaces_and_own_segments_stay(self) -> None:
        self.draw("LV", (slice(None), slice(0, 14)), 0)
        self.contents.RemoveSegment("RV")
        self.contents.AddEmptySegment("PA", "PA")
        self.draw("PA", (slice(0, 3), slice(0, 3), slice(0, 3)), 1)
        self.contents.AddEmptySegment("stent", "stent")
        self.contents.CreateRepresentation(CLOSED_SURFACE)
        original.restore(self.result)
        self.assertEqual(set(self.contents.GetSegmentIDs()), {"LV", "MYO", "RV", "stent"})
        np.testing.assert_array_equal(exported(self.result, self.volume, ("LV", "MYO", "RV")), whole(labels_in_box()))
        self.assertGreater(self.contents.GetSegment("LV").GetRepresentation(CLOSED_SURFACE).GetNumberOfPoints(), 4)

    def test_editing_after_everything_came_back_does_not_touch_the_kept_result(self) -> None:
        self.draw("LV", (slice(None), slice(0, 14)), 0)
        original.restore(self.result)
        self.draw("LV", (slice(None), slice(0, 14)), 0)
        self.assertEqual(original.edited(self.result), {"LV"})
        original.restore(self.result)
        np.testing.assert_array_equal(exported(self.result, self.volume), whole(labels_in_box()))

    def test_a_structure_that_the_model_did_not_find(self) -> None:
        with self.assertRaisesRegex(InputError, "did not find"):
            original.restore(self.result, ["PA"])

    def test_a_foreign_segmentation(self) -> None:
        foreign = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "by hand")
        self.assertEqual(original.edited(foreign), set())
        with self.assertRaisesRegex(InputError, "not kept"):
            original.restore(foreign)

    def test_it_is_not_in_the_tree_and_yet_saved_by_every_way_of_saving(self) -> None:
        kept = self.result.GetNodeReference(original.ROLE)
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        self.assertFalse(hierarchy.GetItemByDataNode(kept))
        self.assertTrue(kept.GetSaveWithScene())
        self.assertFalse(kept.GetHideFromEditors())  # "Save data" writes no hidden node

    def test_it_comes_back_with_the_scene(self) -> None:
        self.draw("LV", (slice(None), slice(0, 14)), 0)
        name = self.result.GetName()
        with tempfile.TemporaryDirectory() as folder:
            bundle = str(Path(folder) / "scene.mrb")
            self.assertTrue(slicer.mrmlScene.WriteToMRB(bundle))
            slicer.mrmlScene.Clear(0)
            self.assertTrue(slicer.mrmlScene.ReadFromMRB(bundle, True))
        result, volume = slicer.util.getNode(name), slicer.util.getNode("Muster, Erika")
        self.assertEqual(original.edited(result), {"LV"})
        original.restore(result, ["LV"])
        np.testing.assert_array_equal(exported(result, volume), whole(labels_in_box()))

    def test_a_hardened_transform_is_followed(self) -> None:
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        turn = np.array([[0, -1, 0, 5.0], [1, 0, 0, -7.0], [0, 0, 1, 2.5], [0, 0, 0, 1]])
        slicer.util.updateTransformMatrixFromArray(transform, turn)
        for node in (self.volume, self.result, self.result.GetNodeReference(original.ROLE)):
            node.SetAndObserveTransformNodeID(transform.GetID())
        self.volume.HardenTransform()
        self.result.HardenTransform()
        self.assertEqual(original.edited(self.result), set())
        self.draw("LV", (slice(None), slice(0, 14)), 0)
        original.restore(self.result, ["LV"])
        np.testing.assert_array_equal(exported(self.result, self.volume), whole(labels_in_box()))

    def test_the_copy_keeps_edits_and_look(self) -> None:
        self.draw("LV", (slice(None), slice(0, 14)), 0)
        self.result.GetDisplayNode().SetSegmentOpacity3D("RV", 0.4)
        copy = original.keep_copy(self.result)
        np.testing.assert_array_equal(exported(copy, self.volume), exported(self.result, self.volume))
        self.assertAlmostEqual(copy.GetDisplayNode().GetSegmentOpacity3D("RV"), 0.4)
        original.restore(self.result)
        self.assertFalse(np.array_equal(exported(copy, self.volume), exported(self.result, self.volume)))
