"""What the child found becomes a segmentation with the same voxels, and updating one leaves the rest of it alone."""

from __future__ import annotations

import gc
import json
import unittest
from typing import Any
from unittest import mock

import numpy as np
import slicer

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.imaging.terminology import CONTEXT_NAME
from HeartSeg3DLib.scene import original, segmentation_result, terminology
from HeartSeg3DLib.scene.segmentation_result import CLOSED_SURFACE, place_frame
from HeartSeg3DLib.scene.volumes import scan_of
from scans import a_frame, a_volume, exported, labels_in_box, whole


def points_of(segmentation: Any, id: str) -> int:
    surface = segmentation.GetSegmentation().GetSegment(id).GetRepresentation(CLOSED_SURFACE)
    return int(surface.GetNumberOfPoints()) if surface is not None else 0


class PlaceResultTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.volume = a_volume()
        self.scan = scan_of(self.volume)

    def test_slicer_exports_the_same_voxels(self) -> None:
        segmentation = place_frame(self.scan, a_frame(), model="tiny 1.0.0")
        np.testing.assert_array_equal(exported(segmentation, self.volume), whole(labels_in_box()))

    def test_all_segments_share_one_labelmap_and_surfaces_are_those_of_the_child(self) -> None:
        segmentation = place_frame(self.scan, a_frame())
        self.assertEqual(segmentation.GetSegmentation().GetNumberOfLayers(), 1)
        exported(segmentation, self.volume)
        self.assertEqual([points_of(segmentation, id) for id in ("LV", "MYO", "RV")], [4, 4, 4])

    def test_the_memory_stays_when_python_lets_go(self) -> None:
        segmentation = place_frame(self.scan, a_frame())
        gc.collect()
        filler = [np.full((18, 20, 24), 9, np.uint8) for _ in range(200)]
        np.testing.assert_array_equal(exported(segmentation, self.volume), whole(labels_in_box()))
        self.assertEqual(len(filler), 200)

    def test_names_colors_and_terminology_are_those_of_the_table(self) -> None:
        self.assertTrue(terminology.register())
        segment = place_frame(self.scan, a_frame()).GetSegmentation().GetSegment("RV")
        self.assertEqual(segment.GetName(), BY_ID["RV"].name)
        np.testing.assert_allclose(np.multiply(segment.GetColor(), 255), BY_ID["RV"].color, atol=1e-6)
        written = segment.GetTerminology()
        entry = slicer.vtkSlicerTerminologyEntry()
        logic = slicer.modules.terminologies.logic()
        self.assertTrue(logic.DeserializeTerminologyEntry(written, entry))
        self.assertEqual(entry.GetTypeObject().GetCodeValue(), BY_ID["RV"].snomed)
        self.assertEqual(entry.GetTerminologyContextName(), CONTEXT_NAME)
        self.assertEqual(logic.SerializeTerminologyEntry(entry), written)

    def test_it_refers_to_the_scan_and_stands_beside_it(self) -> None:
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
        item = hierarchy.GetItemByDataNode(self.volume)
        if item:
            hierarchy.SetItemParent(item, study)
        else:
            hierarchy.CreateItem(study, self.volume)
        segmentation = place_frame(self.scan, a_frame(), model="tiny 1.0.0")
        role = segmentation.GetReferenceImageGeometryReferenceRole()
        self.assertEqual(segmentation.GetNodeReference(role), self.volume)
        self.assertEqual(hierarchy.GetItemParent(hierarchy.GetItemByDataNode(segmentation)), study)
        self.assertEqual(segmentation.GetAttribute("HeartSeg.Model"), "tiny 1.0.0")

    def test_an_empty_result_of_the_user_becomes_that_of_the_scan(self) -> None:
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        self.volume.SetAndObserveTransformNodeID(transform.GetID())
        mine = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
        self.assertIs(place_frame(scan_of(self.volume), a_frame(), mine), mine)
        self.assertEqual(mine.GetParentTransformNode(), transform)
        self.assertEqual(mine.GetNodeReference(original.ROLE).GetParentTransformNode(), transform)
        self.assertIsNotNone(mine.GetDisplayNode())
        self.assertEqual(original.edited(mine), set())

    def test_marks_are_kept(self) -> None:
        mark = {"id": "RV", "level": "amber", "sentence": "Cut by the border."}
        segmentation = place_frame(self.scan, a_frame(marks=[mark]))
        self.assertEqual(json.loads(segmentation.GetAttribute("HeartSeg.Marks")), [mark])

    def test_what_was_judged_of_the_whole_is_kept_until_the_next_run(self) -> None:
        trust = {"level": "amber", "sentence": "1 structure is possibly wrong: RV."}
        segmentation = place_frame(self.scan, a_frame(trust=trust))
        self.assertEqual(json.loads(segmentation.GetAttribute("HeartSeg.Trust")), trust)
        place_frame(self.scan, a_frame(), segmentation)
        self.assertIsNone(segmentation.GetAttribute("HeartSeg.Trust"))

    def test_a_structure_that_was_not_found_has_no_segment(self) -> None:
        labels = labels_in_box()
        labels[labels == 3] = 0
        ids = place_frame(self.scan, a_frame(labels)).GetSegmentation().GetSegmentIDs()
        self.assertEqual(set(ids), {"LV", "MYO"})

    def test_a_label_of_a_foreign_model_gets_a_segment_too(self) -> None:
        labels = labels_in_box()
        labels[labels == 3] = 77
        contents = place_frame(self.scan, a_frame(labels)).GetSegmentation()
        self.assertEqual(contents.GetSegment("LABEL_77").GetName(), "Label 77")

    def test_a_frame_without_a_heart_gives_an_empty_segmentation(self) -> None:
        nothing = a_frame(np.zeros((0, 0, 0), np.uint8), start=(0, 0, 0))
        segmentation = place_frame(self.scan, nothing)
        self.assertEqual(segmentation.GetSegmentation().GetNumberOfSegments(), 0)
        self.assertEqual(original.edited(segmentation), set())

    def test_without_surfaces_there_are_none(self) -> None:
        segmentation = place_frame(self.scan, a_frame(surfaces=False))
        self.assertFalse(segmentation.GetSegmentation().ContainsRepresentation(CLOSED_SURFACE))

    def test_editing_one_segment_leaves_the_others(self) -> None:
        segmentation = place_frame(self.scan, a_frame())
        half = (whole(labels_in_box()) == 1).astype(np.uint8)
        half[:, :12] = 0
        slicer.util.updateSegmentBinaryLabelmapFromArray(half, segmentation, "LV", self.volume)
        expected = whole(labels_in_box())
        expected[(expected == 1) & (half == 0)] = 0
        np.testing.assert_array_equal(exported(segmentation, self.volume), expected)


class UpdateResultTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.volume = a_volume()
        self.scan = scan_of(self.volume)
        self.result = place_frame(self.scan, a_frame())
        own = np.zeros(slicer.util.arrayFromVolume(self.volume).shape, np.uint8)
        own[1:3, 1:3, 1:3] = 1
        self.own = own
        self.result.GetSegmentation().AddEmptySegment("stent", "stent")
        slicer.util.updateSegmentBinaryLabelmapFromArray(own, self.result, "stent", self.volume)
        display = self.result.GetDisplayNode()
        display.SetSegmentVisibility("LV", False)
        display.SetSegmentOpacity3D("MYO", 0.3)
        self.result.GetSegmentation().GetSegment("RV").SetColor(0.1, 0.2, 0.3)

    def stent(self) -> np.ndarray:
        return np.asarray(slicer.util.arrayFromSegmentBinaryLabelmap(self.result, "stent", self.volume))

    def test_new_voxels_and_the_same_look(self) -> None:
        new = labels_in_box(shift=2)
        self.assertIs(place_frame(self.scan, a_frame(new), self.result), self.result)
        np.testing.assert_array_equal(exported(self.result, self.volume, ("LV", "MYO", "RV")), whole(new))
        np.testing.assert_array_equal(self.stent(), self.own)
        display = self.result.GetDisplayNode()
        self.assertFalse(display.GetSegmentVisibility("LV"))
        self.assertAlmostEqual(display.GetSegmentOpacity3D("MYO"), 0.3)
        self.assertEqual(self.result.GetSegmentation().GetSegment("RV").GetColor(), (0.1, 0.2, 0.3))

    def test_what_the_model_no_longer_finds_goes(self) -> None:
        new = labels_in_box()
        new[new == 3] = 7
        place_frame(self.scan, a_frame(new), self.result)
        self.assertEqual(set(self.result.GetSegmentation().GetSegmentIDs()), {"LV", "MYO", "PA", "stent"})

    def test_the_next_edit_is_seen_by_slicer(self) -> None:
        new = labels_in_box(shift=2)
        place_frame(self.scan, a_frame(new), self.result)
        events: list[str] = []
        contents = self.result.GetSegmentation()
        tag = contents.AddObserver(contents.SourceRepresentationModified, lambda _caller, event: events.append(event))
        contents.GetSegment("LV").GetRepresentation("Binary labelmap").Modified()
        contents.RemoveObserver(tag)
        self.assertTrue(events)

    def test_a_failure_in_the_middle_changes_nothing(self) -> None:
        before = exported(self.result, self.volume, ("LV", "MYO", "RV"))
        new = labels_in_box(shift=2)
        new[new == 3] = 7
        with mock.patch.object(segmentation_result.original, "keep", side_effect=MemoryError), \
                self.assertRaises(MemoryError):
            place_frame(self.scan, a_frame(new), self.result, model="another")
        self.assertEqual(list(self.result.GetSegmentation().GetSegmentIDs()), ["LV", "MYO", "RV", "stent"])
        np.testing.assert_array_equal(exported(self.result, self.volume, ("LV", "MYO", "RV")), before)
        np.testing.assert_array_equal(self.stent(), self.own)
        self.assertEqual(self.result.GetAttribute("HeartSeg.Model"), "")

    def test_a_failure_of_a_new_result_leaves_no_node(self) -> None:
        nodes = slicer.mrmlScene.GetNumberOfNodes()
        with mock.patch.object(segmentation_result, "place_beside", side_effect=MemoryError), \
                self.assertRaises(MemoryError):
            place_frame(self.scan, a_frame())
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), nodes)

    def test_a_result_under_another_transform_is_refused(self) -> None:
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        self.result.SetAndObserveTransformNodeID(transform.GetID())
        with self.assertRaisesRegex(UsageError, "another transform"):
            place_frame(self.scan, a_frame(), self.result)
