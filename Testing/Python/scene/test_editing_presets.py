"""The presets change one chamber as they say, in each masking mode, and undo brings everything back."""

from __future__ import annotations

import unittest

import numpy as np
import slicer
import vtk
from scipy import ndimage

from hearts import SHAPE, a_segmentation, box_heart, history_of, labelmap, labels_of, masks_of
from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.scene import editing
from HeartSeg3DLib.scene.contacts import MASKING_MODES

VALUE = {segment_id: structure.value for segment_id, structure in BY_ID.items()}


class PresetTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.heart = a_segmentation()

    def grown_by_hand(self, chamber: str, mm: float, spacing: tuple[float, float, float]) -> np.ndarray:
        return ndimage.distance_transform_edt(box_heart() != VALUE[chamber], sampling=spacing[::-1]) <= mm

    def test_grow_into_background_only(self) -> None:
        changed = editing.grow(self.heart, "RV", 2.0, "background")
        before, after = box_heart(), labels_of(self.heart)
        expected = self.grown_by_hand("RV", 2.0, (1.0, 1.0, 1.0)) & ((before == 0) | (before == VALUE["RV"]))
        np.testing.assert_array_equal(after == VALUE["RV"], expected)
        np.testing.assert_array_equal(after[~expected], before[~expected])
        self.assertEqual(changed, int((before != after).sum()))

    def test_grow_takes_from_neighbors_by_anatomy_and_from_nothing_else(self) -> None:
        editing.grow(self.heart, "RV", 2.0, "neighbors")
        before, after = box_heart(), labels_of(self.heart)
        grown = self.grown_by_hand("RV", 2.0, (1.0, 1.0, 1.0))
        for neighbor in ("MYO", "RA"):
            self.assertFalse((grown & (before == VALUE[neighbor]) & (after != VALUE["RV"])).any(), neighbor)
        np.testing.assert_array_equal(after == VALUE["LA"], before == VALUE["LA"])
        self.assertTrue((grown & (before == VALUE["LA"])).any(), "the example must tempt")

    def test_grow_takes_from_anything(self) -> None:
        editing.grow(self.heart, "RV", 2.0, "anything")
        np.testing.assert_array_equal(labels_of(self.heart) == VALUE["RV"],
                                      self.grown_by_hand("RV", 2.0, (1.0, 1.0, 1.0)))

    def test_grow_measures_millimeters_where_slices_are_thick(self) -> None:
        heart = a_segmentation(spacing=(1.0, 1.5, 3.0))
        editing.grow(heart, "RV", 2.0, "anything")
        np.testing.assert_array_equal(labels_of(heart) == VALUE["RV"], self.grown_by_hand("RV", 2.0, (1.0, 1.5, 3.0)))

    def test_grow_measures_millimeters_of_the_world_under_a_scaling_transform(self) -> None:
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "twice")
        matrix = vtk.vtkMatrix4x4()
        for axis in range(3):
            matrix.SetElement(axis, axis, 2.0)
        transform.SetMatrixTransformToParent(matrix)
        self.heart.SetAndObserveTransformNodeID(transform.GetID())
        editing.grow(self.heart, "RV", 4.0, "anything")
        np.testing.assert_array_equal(labels_of(self.heart) == VALUE["RV"],
                                      self.grown_by_hand("RV", 2.0, (1.0, 1.0, 1.0)))

    def test_grow_leaves_the_stored_box_and_ends_at_the_border_of_the_scan(self) -> None:
        labels = np.full((4, 4, 4), VALUE["LV"], np.uint8)
        heart = a_segmentation(labels, ["LV"], start=(1, 5, 5), reference=(20, 20, 10))
        editing.grow(heart, "LV", 3.0, "neighbors")
        mask = masks_of(heart, (20, 20, 20))["LV"]
        places = np.nonzero(mask)
        self.assertEqual([(int(axis.min()), int(axis.max())) for axis in places], [(2, 9), (2, 11), (0, 7)])

    def test_shrink_makes_background_and_no_neighbor_moves_in(self) -> None:
        editing.shrink(self.heart, "LA", 2.0, "neighbors")
        before, after = box_heart(), labels_of(self.heart)
        lost = (before == VALUE["LA"]) & (after != VALUE["LA"])
        self.assertTrue(lost.any())
        self.assertTrue((after[lost] == 0).all())
        np.testing.assert_array_equal(after[~lost], before[~lost])

    def test_a_chamber_cut_by_the_scan_does_not_shrink_from_the_cut(self) -> None:
        labels = np.zeros((12, 12, 12), np.uint8)
        labels[0:8, 2:10, 2:10] = VALUE["LV"]
        heart = a_segmentation(labels, ["LV"])
        editing.shrink(heart, "LV", 1.0, "neighbors")
        expected = np.zeros((12, 12, 12), bool)
        expected[0:7, 3:9, 3:9] = True
        np.testing.assert_array_equal(masks_of(heart, (12, 12, 12))["LV"], expected)

    def test_shrinking_to_nothing_is_refused_and_changes_nothing(self) -> None:
        with self.assertRaisesRegex(InputError, "Nothing would be left of Left atrium"):
            editing.shrink(self.heart, "LA", 5.0, "neighbors")
        np.testing.assert_array_equal(labels_of(self.heart), box_heart())

    def test_a_step_shorter_than_a_voxel_is_refused_with_the_step_that_works(self) -> None:
        heart = a_segmentation(spacing=(1.5, 1.5, 8.0))
        with self.assertRaises(InputError) as caught:
            editing.grow(heart, "LV", 1.0, "neighbors")
        self.assertIn("1.50 mm", caught.exception.remedy)
        self.assertGreater(editing.grow(heart, "RV", 1.51, "neighbors"), 0)

    def test_steps_out_of_range_are_refused(self) -> None:
        for step in (0.0, -1.0, editing.LARGEST_MM + 1, float("nan")):
            with self.subTest(step=step), self.assertRaisesRegex(InputError, "step"):
                editing.smooth(self.heart, "LV", step, "neighbors")

    def test_a_missing_or_empty_chamber_is_refused(self) -> None:
        heart = a_segmentation(ids=["LV", "AO"])
        for chamber in ("AO", "PA"):
            with self.subTest(chamber=chamber), self.assertRaises(InputError):
                editing.fill(heart, chamber, "neighbors")

    def test_fill_closes_a_hole_and_takes_specks_as_the_mode_allows(self) -> None:
        labels = box_heart()
        labels[8, 10, 10] = 0
        labels[10, 10, 10] = VALUE["MYO"]
        labels[12, 10, 10] = VALUE["LA"]
        expected = {"background": 1, "neighbors": 2, "anything": 3}
        for mode in MASKING_MODES:
            with self.subTest(mode=mode):
                heart = a_segmentation(labels)
                self.assertEqual(editing.fill(heart, "RV", mode), expected[mode])

    def test_fill_of_a_closed_myocardium_keeps_the_cavity(self) -> None:
        labels = np.zeros(SHAPE, np.uint8)
        labels[3:18, 5:20, 5:20] = VALUE["MYO"]
        labels[6:15, 8:17, 8:17] = VALUE["LV"]
        labels[4, 6, 6] = 0
        heart = a_segmentation(labels, ["LV", "MYO"])
        self.assertEqual(editing.fill(heart, "MYO", "anything"), 1)
        np.testing.assert_array_equal(masks_of(heart)["LV"], labels == VALUE["LV"])

    def test_keep_largest_removes_the_crumbs_of_one_chamber_only(self) -> None:
        labels = box_heart()
        labels[22, 3, 3] = VALUE["LV"]
        labels[22, 3, 5] = VALUE["RV"]
        heart = a_segmentation(labels)
        self.assertEqual(editing.keep_largest(heart, "LV", "neighbors"), 1)
        labels[22, 3, 3] = 0
        np.testing.assert_array_equal(labels_of(heart), labels)

    def test_smooth_rounds_a_box_and_keeps_its_volume(self) -> None:
        labels = np.zeros(SHAPE, np.uint8)
        labels[6:18, 8:22, 10:26] = VALUE["LV"]
        heart = a_segmentation(labels, ["LV"])
        editing.smooth(heart, "LV", 1.5, "neighbors")
        mask = masks_of(heart)["LV"]
        self.assertFalse(mask[6, 8, 10], "a corner")
        self.assertLess(abs(int(mask.sum()) / int((labels > 0).sum()) - 1), 0.03)

    def test_surfaces_that_are_there_follow_the_edit_in_every_changed_chamber(self) -> None:
        self.heart.CreateClosedSurfaceRepresentation()
        editing.grow(self.heart, "RV", 3.0, "neighbors")

        def upper_x(chamber: str, edge: int) -> float:
            surface = self.heart.GetSegmentation().GetSegment(chamber).GetRepresentation("Closed surface")
            return float(surface.GetBounds()[edge])

        self.assertAlmostEqual(upper_x("RV", 1), 18.5, delta=1.0)
        self.assertAlmostEqual(upper_x("MYO", 0), 18.5, delta=1.0)

    def test_a_chamber_on_an_own_layer_takes_from_the_others_too(self) -> None:
        heart = a_segmentation(ids=["LV", "MYO"])
        labels = box_heart()
        for chamber in ("RV", "LA", "RA"):
            segment = slicer.vtkSegment()
            segment.SetName(chamber)
            segment.SetLabelValue(1)
            segment.AddRepresentation("Binary labelmap", labelmap((labels == VALUE[chamber]).astype(np.uint8)))
            heart.GetSegmentation().AddSegment(segment, chamber)
        self.assertGreater(heart.GetSegmentation().GetNumberOfLayers(), 1)
        editing.grow(heart, "RV", 2.0, "neighbors")
        editing.grow(self.heart, "RV", 2.0, "neighbors")
        np.testing.assert_array_equal(labels_of(heart), labels_of(self.heart))
        self.assertTrue((sum(mask.astype(int) for mask in masks_of(heart).values()) <= 1).all())


class WallTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.heart = a_segmentation()

    def test_a_wall_lies_around_the_cavity_and_takes_no_voxel_of_the_others(self) -> None:
        for mode in MASKING_MODES:
            with self.subTest(mode=mode):
                heart = a_segmentation()
                self.assertEqual(editing.make_wall(heart, "RV", 2.0, mode), "RV_WALL")
                labels = box_heart()
                near = ndimage.distance_transform_edt(labels != VALUE["RV"]) <= 2.0
                after = labels_of(heart)
                np.testing.assert_array_equal(after == VALUE["RV_WALL"], near & (labels == 0))
                np.testing.assert_array_equal(np.where(after == VALUE["RV_WALL"], 0, after), labels)

    def test_the_wall_is_named_colored_and_coded(self) -> None:
        editing.make_wall(self.heart, "LA", 2.0, "neighbors")
        segment = self.heart.GetSegmentation().GetSegment("LA_WALL")
        self.assertEqual(segment.GetName(), BY_ID["LA_WALL"].name)
        self.assertEqual(tuple(round(255 * channel) for channel in segment.GetColor()), BY_ID["LA_WALL"].color)
        self.assertEqual(segment.GetLabelValue(), VALUE["LA_WALL"])

    def test_made_again_it_is_replaced_not_added_to(self) -> None:
        editing.make_wall(self.heart, "RV", 3.0, "neighbors")
        editing.make_wall(self.heart, "RV", 1.0, "neighbors")
        labels = box_heart()
        near = ndimage.distance_transform_edt(labels != VALUE["RV"]) <= 1.0
        np.testing.assert_array_equal(masks_of(self.heart)["RV_WALL"], near & (labels == 0))

    def test_the_left_ventricle_gets_a_myocardium_only_where_there_is_none(self) -> None:
        with self.assertRaisesRegex(InputError, "has its myocardium already"):
            editing.make_wall(self.heart, "LV", 3.0, "neighbors")
        labels = np.where(box_heart() == VALUE["LV"], VALUE["LV"], 0).astype(np.uint8)
        for ids in (["LV"], ["LV", "MYO"]):
            with self.subTest(ids=ids):
                heart = a_segmentation(labels, ids)
                self.assertEqual(editing.make_wall(heart, "LV", 3.0, "neighbors"), "MYO")
                self.assertTrue(masks_of(heart)["MYO"].any())

    def test_a_label_value_in_use_is_not_shared(self) -> None:
        labels = np.zeros(SHAPE, np.uint8)
        labels[5:15, 5:15, 5:15] = 1
        labels[5:15, 5:15, 15:20] = VALUE["RV_WALL"]
        heart = a_segmentation(labels, ["LV", "RV"])
        contents = heart.GetSegmentation()
        contents.GetSegment("LV").SetLabelValue(VALUE["RV_WALL"])
        contents.GetSegment("RV").SetLabelValue(1)
        editing.make_wall(heart, "RV", 2.0, "neighbors")
        masks = masks_of(heart)
        self.assertEqual(int(masks["LV"].sum()), 500)
        self.assertFalse((masks["RV_WALL"] & masks["LV"]).any())

    def test_what_has_no_wall_or_no_room_is_refused(self) -> None:
        with self.assertRaisesRegex(InputError, "get a wall"):
            editing.make_wall(self.heart, "MYO", 2.0, "neighbors")
        full = a_segmentation(np.full((6, 6, 6), VALUE["RV"], np.uint8), ["RV"])
        with self.assertRaisesRegex(InputError, "no free voxel"):
            editing.make_wall(full, "RV", 2.0, "neighbors")
        self.assertIsNone(full.GetSegmentation().GetSegment("RV_WALL"))


class UndoTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)

    def test_every_preset_is_one_step_of_undo_and_redo(self) -> None:
        labels = box_heart()
        labels[8, 10, 10] = 0
        labels[22, 3, 3] = VALUE["RV"]
        presets = {
            "smooth": lambda heart: editing.smooth(heart, "RV", 1.0, "neighbors"),
            "grow": lambda heart: editing.grow(heart, "RV", 2.0, "anything"),
            "shrink": lambda heart: editing.shrink(heart, "RV", 2.0, "background"),
            "fill": lambda heart: editing.fill(heart, "RV", "neighbors"),
            "largest": lambda heart: editing.keep_largest(heart, "RV", "neighbors"),
            "wall": lambda heart: editing.make_wall(heart, "RV", 2.0, "neighbors"),
        }
        for name, preset in presets.items():
            with self.subTest(preset=name):
                heart = a_segmentation(labels)
                heart.CreateClosedSurfaceRepresentation()
                history = history_of(heart)
                history.SaveState()
                preset(heart)
                edited = labels_of(heart)
                self.assertTrue((edited != labels).any())
                history.RestorePreviousState()
                np.testing.assert_array_equal(labels_of(heart), labels)
                self.assertEqual(len(heart.GetSegmentation().GetSegmentIDs()), 5)
                history.RestoreNextState()
                np.testing.assert_array_equal(labels_of(heart), edited)
                self.assertEqual(heart.GetSegmentation().GetNumberOfLayers(), 1)


class NavigationTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)

    def test_the_slice_views_jump_to_the_chamber_under_its_transform(self) -> None:
        heart = a_segmentation(spacing=(1.0, 2.0, 3.0))
        view = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSliceNode", "Red")
        view.SetLayoutName("Red")
        view.SetFieldOfView(100, 100, 1)
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
        matrix = vtk.vtkMatrix4x4()
        matrix.SetElement(0, 3, 100.0)
        transform.SetMatrixTransformToParent(matrix)
        heart.SetAndObserveTransformNodeID(transform.GetID())
        expected = (100.0 + 10.0, 2.0 * 12.0, 3.0 * 16.5)
        np.testing.assert_allclose(editing.center_of(heart, "RA"), expected)
        editing.jump_to(heart, "RA")
        slice_to_ras = view.GetSliceToRAS()
        np.testing.assert_allclose([slice_to_ras.GetElement(row, 3) for row in range(3)], expected)


if __name__ == "__main__":
    unittest.main()
