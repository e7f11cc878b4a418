"""A segmented sequence plays beside its scan, keeps edits phase by phase, and gives curves, numbers and a plot."""

from __future__ import annotations

import json
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import slicer
import vtk

from cines import SPACING, TOPS, VOXEL_ML, a_beating_result, a_cine, frames_of, phase_labels, placed
from hearts import IDS, STROKE_OF_TESTS, SegmentEditor, a_segmentation, labels_of, masks_of
from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.scene import editing, function_result, original
from HeartSeg3DLib.scene.function_plot import CHART_ROLE, CURVES_ROLE, NUMBERS_ROLE
from HeartSeg3DLib.scene.protection import ContactProtection
from HeartSeg3DLib.scene.sequence_result import HEART_RATE_ATTRIBUTE, phases_of, sequence_of
from HeartSeg3DLib.scene.volumes import scan_of


def lv_voxels(top: int) -> int:
    return (top - 6) * 9 * 10


class SequenceTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)

    def test_every_phase_is_shown_in_its_turn_beside_the_scan(self) -> None:
        for browser in (True, False):
            with self.subTest(browser=browser):
                slicer.mrmlScene.Clear(0)
                heart = a_beating_result(browser=browser)
                self.assertTrue(function_result.is_sequence_result(heart))
                self.assertEqual(function_result.phase_count(heart), len(TOPS))
                for number, top in enumerate(TOPS):
                    function_result.select_phase(heart, number)
                    self.assertEqual(function_result.selected_phase(heart), number)
                    np.testing.assert_array_equal(labels_of(heart), phase_labels(top))
                    scan = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
                    self.assertEqual(int(slicer.util.arrayFromVolume(scan).max()), number)
                    self.assertIn(f"phase {number}", heart.GetAttribute("HeartSeg.Marks"))
                    self.assertIn(f"All of phase {number}.", heart.GetAttribute("HeartSeg.Trust"))

    def test_index_names_and_geometry_come_from_the_scan(self) -> None:
        heart = a_beating_result()
        sequence = sequence_of(heart)
        self.assertEqual((sequence.GetIndexName(), sequence.GetIndexUnit()), ("time", "ms"))
        self.assertEqual([sequence.GetNthIndexValue(i) for i in range(4)], ["0", "200", "400", "600"])
        self.assertEqual(heart.GetName(), "cine heart")
        self.assertEqual(heart.GetSegmentation().GetSegment("LV").GetName(), BY_ID["LV"].name)
        labelmap = heart.GetSegmentation().GetSegment("LV").GetRepresentation("Binary labelmap")
        np.testing.assert_allclose(labelmap.GetSpacing(), SPACING)
        scan = heart.GetNodeReference(heart.GetReferenceImageGeometryReferenceRole())
        self.assertEqual(scan.GetClassName(), "vtkMRMLScalarVolumeNode")
        self.assertIsNotNone(heart.GetDisplayNode())

    def test_edits_are_kept_in_the_phase_where_they_were_made(self) -> None:
        heart = a_beating_result()
        function_result.select_phase(heart, 1)
        editing.shrink(heart, "RV", 1.5, "neighbors")
        edited = labels_of(heart)
        function_result.select_phase(heart, 2)
        np.testing.assert_array_equal(labels_of(heart), phase_labels(TOPS[2]))
        function_result.select_phase(heart, 1)
        np.testing.assert_array_equal(labels_of(heart), edited)

    def test_each_phase_goes_back_to_its_own_result_of_the_model(self) -> None:
        heart = a_beating_result()
        for number in (1, 2):
            function_result.select_phase(heart, number)
            self.assertEqual(original.edited(heart), set())
            editing.grow(heart, "LV", 2.0, "neighbors")
            self.assertIn("LV", original.edited(heart))
        for number in (2, 1):
            function_result.select_phase(heart, number)
            original.restore(heart)
            np.testing.assert_array_equal(labels_of(heart), phase_labels(TOPS[number]))

    def test_protection_follows_from_phase_to_phase(self) -> None:
        heart = a_beating_result()
        protection = ContactProtection(heart)
        self.addCleanup(protection.stop)
        protection.watch("RV", "neighbors")
        for number in (0, 2, 0):
            function_result.select_phase(heart, number)
            before = labels_of(heart)
            editor = SegmentEditor(heart)
            editor.choose("RV", "neighbors")
            editor.paint(STROKE_OF_TESTS)
            np.testing.assert_array_equal(masks_of(heart)["LA"], before == BY_ID["LA"].value)
            self.assertTrue((labels_of(heart) != before).any() or number == 0)

    def test_segmented_again_it_replaces_the_older_result_in_place(self) -> None:
        scan = scan_of(a_cine())
        heart = placed(scan, frames_of())
        nodes = slicer.mrmlScene.GetNumberOfNodes()
        again = placed(scan, frames_of(TOPS[::-1]), heart)
        self.assertIs(again, heart)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), nodes)
        for number, top in enumerate(TOPS[::-1]):
            function_result.select_phase(heart, number)
            np.testing.assert_array_equal(labels_of(heart), phase_labels(top))
            self.assertEqual(original.edited(heart), set())

    def test_an_empty_segmentation_is_filled(self) -> None:
        scan = scan_of(a_cine())
        mine = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
        self.assertIs(placed(scan, frames_of(), mine), mine)
        self.assertEqual(mine.GetName(), "mine")
        for number, top in enumerate(TOPS):
            function_result.select_phase(mine, number)
            np.testing.assert_array_equal(labels_of(mine), phase_labels(top))
        editing.shrink(mine, "RV", 1.5, "neighbors")
        edited = labels_of(mine)
        function_result.select_phase(mine, 0)
        function_result.select_phase(mine, len(TOPS) - 1)
        np.testing.assert_array_equal(labels_of(mine), edited)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"), 1)

    def test_a_target_of_another_scan_is_refused_and_the_scene_unharmed(self) -> None:
        scan = scan_of(a_cine())
        other = a_segmentation()
        nodes = slicer.mrmlScene.GetNumberOfNodes()
        with self.assertRaisesRegex(UsageError, "no result of this sequence"):
            placed(scan, frames_of(), other)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), nodes)
        self.assertFalse(function_result.is_sequence_result(other))
        with self.assertRaises(UsageError):
            function_result.select_phase(other, 0)

    def test_a_phase_that_is_not_there_is_refused(self) -> None:
        heart = a_beating_result()
        for phase in (-1, 4):
            with self.assertRaisesRegex(UsageError, "no phase"):
                function_result.select_phase(heart, phase)

    def test_it_follows_the_transform_of_the_scan(self) -> None:
        sequence = a_cine()
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
        slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode").SetAndObserveTransformNodeID(transform.GetID())
        heart = placed(scan_of(sequence), frames_of())
        self.assertIs(heart.GetParentTransformNode(), transform)
        function_result.select_phase(heart, 2)
        self.assertIs(heart.GetParentTransformNode(), transform)

    def test_a_saved_scene_comes_back_with_phases_edits_and_function(self) -> None:
        heart = a_beating_result()
        function_result.select_phase(heart, 1)
        editing.shrink(heart, "RV", 1.5, "neighbors")
        edited = labels_of(heart)
        function_result.store_function(heart, function_result.function_of(heart))
        with TemporaryDirectory() as folder:
            file = str(Path(folder) / "scene.mrb")
            self.assertTrue(slicer.mrmlScene.WriteToMRB(file))
            slicer.mrmlScene.Clear(0)
            self.assertTrue(slicer.mrmlScene.ReadFromMRB(file))
        heart = slicer.mrmlScene.GetFirstNodeByName("cine heart")
        self.assertTrue(function_result.is_sequence_result(heart))
        function_result.select_phase(heart, 1)
        np.testing.assert_array_equal(labels_of(heart), edited)
        self.assertEqual(original.edited(heart), {"RV"})
        self.assertEqual(function_result.function_of(heart).es_index, 2)
        self.assertIsNotNone(heart.GetNodeReference(CHART_ROLE))


class FunctionTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.heart = a_beating_result()

    def test_curves_are_volumes_of_every_phase(self) -> None:
        curves = function_result.volume_curves(self.heart)
        np.testing.assert_allclose(curves["LV"], [lv_voxels(top) * VOXEL_ML for top in TOPS])
        self.assertEqual(set(curves), set(IDS))

    def test_curves_follow_edits_and_transforms(self) -> None:
        before = function_result.volume_curves(self.heart)
        function_result.select_phase(self.heart, 3)
        editing.make_wall(self.heart, "LA", 2.0, "neighbors")
        changed = editing.grow(self.heart, "LV", 1.6, "anything")
        after = function_result.volume_curves(self.heart)
        self.assertAlmostEqual(after["LV"][3] - before["LV"][3], changed * VOXEL_ML)
        self.assertEqual(after["LV"][:3], before["LV"][:3])
        self.assertEqual([volume > 0 for volume in after["LA_WALL"]], [False, False, False, True])
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "larger")
        matrix = vtk.vtkMatrix4x4()
        matrix.SetElement(0, 0, 1.1)
        transform.SetMatrixTransformToParent(matrix)
        self.heart.SetAndObserveTransformNodeID(transform.GetID())
        np.testing.assert_allclose(function_result.volume_curves(self.heart)["LV"], np.multiply(after["LV"], 1.1))

    def test_the_stamp_of_the_volumes_changes_with_an_edit_of_any_phase_and_with_a_transform_alone(self) -> None:
        stamp = function_result.volumes_stamp(self.heart)
        function_result.select_phase(self.heart, 2)
        function_result.store_function(self.heart, function_result.function_of(self.heart))
        self.assertEqual(function_result.volumes_stamp(self.heart), stamp)
        editing.shrink(self.heart, "LV", 1.5, "neighbors")
        edited = function_result.volumes_stamp(self.heart)
        self.assertNotEqual(edited, stamp)
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "larger")
        self.heart.SetAndObserveTransformNodeID(transform.GetID())
        self.assertNotEqual(function_result.volumes_stamp(self.heart), edited)

    def test_ejection_fraction_and_phases(self) -> None:
        function = function_result.function_of(self.heart, heart_rate=60.0, height_cm=180.0, weight_kg=80.0)
        left = function.ventricles["LV"]
        self.assertEqual((function.ed_index, function.es_index), (0, 2))
        self.assertAlmostEqual(left.ejection_fraction_percent, 50.0)
        self.assertAlmostEqual(left.cardiac_output_l_min or 0.0, left.stroke_volume_ml * 60 / 1000)
        myo = int((phase_labels(TOPS[0]) == BY_ID["MYO"].value).sum())
        self.assertAlmostEqual(function.myocardial_mass_g or 0.0, myo * VOXEL_ML * 1.05)
        self.assertEqual(function.times_ms, (0.0, 200.0, 400.0, 600.0))

    def test_slices_far_apart_in_the_world_are_told_beside_the_ejection_fraction(self) -> None:
        self.assertEqual(function_result.function_of(self.heart).slice_distance_mm, 2.0)
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "taller")
        matrix = vtk.vtkMatrix4x4()
        matrix.SetElement(2, 2, 6.0)
        transform.SetMatrixTransformToParent(matrix)
        self.heart.SetAndObserveTransformNodeID(transform.GetID())
        function = function_result.function_of(self.heart)
        self.assertAlmostEqual(function.slice_distance_mm or 0.0, 12.0)
        self.assertIn("slices lie 12 mm apart", function.warnings[0])
        function_result.store_function(self.heart, function)
        numbers = self.heart.GetNodeReference(NUMBERS_ROLE).GetTable()
        rows = [[numbers.GetColumnByName(name).GetValue(row) for name in ("Quantity", "Remark")]
                for row in range(numbers.GetNumberOfRows())]
        self.assertEqual([row for row in rows if row[1]],
                         [["Ejection fraction", "uncertain: slices 12 mm apart"]] * 2)

    def test_a_ventricle_that_the_border_cuts_in_one_phase_is_named(self) -> None:
        self.assertNotIn("The border of the scan", " ".join(function_result.function_of(self.heart).warnings))
        marks = [{"id": "RV", "level": "amber", "sentence": "Right ventricle: cut by the lower border of the scan."},
                 {"id": "LV", "level": "amber", "sentence": "Left ventricle cavity: in 2 separate pieces."}]
        phases_of(self.heart)[1].SetAttribute("HeartSeg.Marks", json.dumps(marks))
        (sentence,) = [text for text in function_result.function_of(self.heart).warnings if "border" in text]
        self.assertIn("cuts Right ventricle", sentence)
        self.assertNotIn("Left", sentence)

    def test_the_scanner_s_heart_rate_is_used_unless_a_person_gives_one(self) -> None:
        sequence_of(self.heart).SetAttribute(HEART_RATE_ATTRIBUTE, "75")
        function = function_result.function_of(self.heart)
        self.assertEqual((function.heart_rate, function.heart_rate_source), (75.0, "from the scanner"))
        self.assertEqual(function_result.function_of(self.heart, heart_rate=50.0).heart_rate, 50.0)

    def test_phases_are_named_for_slicerheart_and_renamed_when_corrected(self) -> None:
        function_result.store_function(self.heart, function_result.function_of(self.heart))
        names = [phase.GetAttribute("CardiacCyclePhase") for phase in phases_of(self.heart)]
        self.assertEqual(names, ["end-diastole", "unknown", "end-systole", "unknown"])
        function_result.store_function(self.heart, function_result.function_of(self.heart, end_systole=1))
        for number, name in enumerate(["end-diastole", "end-systole", "unknown", "unknown"]):
            function_result.select_phase(self.heart, number)
            self.assertEqual(self.heart.GetAttribute("CardiacCyclePhase"), name)
            self.assertEqual(phases_of(self.heart)[number].GetAttribute("CardiacCyclePhase"), name)

    def test_tables_and_plot_are_made_once_and_updated(self) -> None:
        function_result.store_function(self.heart, function_result.function_of(self.heart))
        nodes = slicer.mrmlScene.GetNumberOfNodes()
        function_result.select_phase(self.heart, 2)
        editing.shrink(self.heart, "RV", 1.5, "neighbors")
        function_result.store_function(self.heart, function_result.function_of(self.heart, heart_rate=70.0))
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), nodes)
        table = self.heart.GetNodeReference(CURVES_ROLE).GetTable()
        self.assertEqual([table.GetColumnName(i) for i in range(4)], ["Phase", "Time (ms)", "LV (mL)", "MYO (mL)"])
        self.assertEqual(table.GetNumberOfRows(), 4)
        curve = [table.GetColumnByName("RV (mL)").GetValue(row) for row in range(4)]
        self.assertLess(curve[2], curve[1])
        numbers = self.heart.GetNodeReference(NUMBERS_ROLE).GetTable()
        quantities = [numbers.GetColumn(1).GetValue(row) for row in range(numbers.GetNumberOfRows())]
        self.assertIn("Ejection fraction", quantities)
        chart = self.heart.GetNodeReference(CHART_ROLE)
        series = [chart.GetNthPlotSeriesNode(number) for number in range(chart.GetNumberOfPlotSeriesNodes())]
        self.assertEqual([one.GetYColumnName() for one in series], ["LV (mL)", "RV (mL)"])
        self.assertEqual(tuple(round(255 * part) for part in series[0].GetColor()), BY_ID["LV"].color)

    def test_a_single_volume_has_no_function(self) -> None:
        with self.assertRaisesRegex(UsageError, "single volume"):
            function_result.function_of(a_segmentation())


if __name__ == "__main__":
    unittest.main()
