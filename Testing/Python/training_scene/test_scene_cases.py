"""Which segmentations can be learned from, and what of them reaches the child process."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer

from hearts_of_boxes import SIZE, a_heart, a_result, a_scan, edit
from HeartSeg3DLib.errors import CancelledError, InputError
from HeartSeg3DLib.scene.workspace import Workspace
from HeartSegTrainingLib.scene.scene_cases import case_of, scene_cases
from HeartSegTrainingLib.scene.training_pairs import TrainingPairs
from HeartSegTrainingLib.worker.handed_over import read_pairs


class CasesTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def test_segments_are_known_by_their_names(self) -> None:
        case = case_of(a_heart(a_scan(), ("Left ventricle", "Myocardium", "Spine")))
        self.assertTrue(case.usable)
        self.assertEqual((case.structures, case.corrected), (("LV", "MYO"), ("LV", "MYO")))
        self.assertEqual(case.left_out, ("Spine",))

    def test_each_reason_is_a_sentence_with_a_remedy(self) -> None:
        scan = a_scan()
        lonely = a_heart(scan)
        lonely.SetNodeReferenceID("referenceImageGeometryRef", None)
        foreign = a_heart(scan, ("Spine",))
        moved = a_heart(scan)
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        moved.SetAndObserveTransformNodeID(transform.GetID())
        reasons = [case_of(node).reason for node in (lonely, foreign, moved)]
        for reason, word in zip(reasons, ("source volume", "structure of the heart", "harden"), strict=True):
            self.assertIn(word, reason)

    def test_an_empty_segment_is_not_drawn(self) -> None:
        heart = a_heart(a_scan())
        heart.GetSegmentation().AddEmptySegment("", "Right ventricle")
        self.assertEqual(case_of(heart).structures, ("LV", "MYO"))

    def test_of_a_model_s_result_only_what_was_edited_is_learned_from(self) -> None:
        scan = a_scan()
        result = a_result(scan)
        self.assertFalse(case_of(result).usable)
        self.assertTrue(case_of(result, trust=True).usable)
        edit(result, scan)
        case = case_of(result)
        self.assertTrue(case.usable)
        self.assertEqual((case.structures, case.corrected), (("LV", "MYO"), ("LV",)))
        self.assertEqual(case_of(result, trust=True).corrected, ("LV", "MYO"))

    def test_the_scene_is_listed_in_its_order(self) -> None:
        scan = a_scan()
        names = [a_heart(scan).GetName(), a_result(scan).GetName()]
        self.assertEqual([case.segmentation.GetName() for case in scene_cases()], names)


class PairsTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        self.workspace = Workspace(Path(self.enterContext(tempfile.TemporaryDirectory())))
        self.addCleanup(self.workspace.close)

    def written(self, *nodes: object) -> list:
        TrainingPairs([case_of(node) for node in nodes]).write(self.workspace, lambda: False)
        return read_pairs(self.workspace.folder)

    def test_image_and_labels_arrive_on_one_grid(self) -> None:
        turn = np.array([[0.0, -1.5, 0, 7], [2.0, 0, 0, -3], [0, 0, 2.5, 11], [0, 0, 0, 1]])
        scan = a_scan(ijk_to_ras=turn)
        pair, = self.written(a_heart(scan))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(pair.image), slicer.util.arrayFromVolume(scan))
        labels = sitk.GetArrayFromImage(pair.labels)
        self.assertEqual(sorted(np.unique(labels)), [0, 1, 2])
        self.assertTrue((labels[:5, 2:12, 3:15] == 1).all())
        self.assertEqual(pair.image.GetSize(), pair.labels.GetSize())
        point = pair.image.TransformIndexToPhysicalPoint((1, 2, 3))
        expected = turn @ (1, 2, 3, 1)
        np.testing.assert_allclose(point, (-expected[0], -expected[1], expected[2]))
        self.assertEqual(pair.corrected, ("LV", "MYO"))

    def test_nothing_of_a_patient_s_name_is_written(self) -> None:
        self.written(a_heart(a_scan("Muster, Erika")))
        for file in self.workspace.folder.iterdir():
            self.assertNotIn("Erika", file.name)
            self.assertNotIn(b"Erika", file.read_bytes())

    def test_scans_of_one_patient_are_one_person_s(self) -> None:
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Muster, Erika")
        hierarchy.SetItemLevel(patient, "Patient")
        scans = [a_scan(f"scan {number}") for number in range(3)]
        for scan in scans[:2]:
            hierarchy.SetItemParent(hierarchy.GetItemByDataNode(scan), patient)
        pairs = self.written(*(a_heart(scan) for scan in scans))
        persons = [pair.person for pair in pairs]
        self.assertEqual(persons[0], persons[1])
        self.assertNotEqual(persons[0], persons[2])

    def test_a_segmentation_on_another_grid_is_resampled(self) -> None:
        heart = a_heart(a_scan("fine", np.diag([-1.0, -1.0, 1.0, 1.0])))
        coarse = a_scan("coarse")
        heart.SetReferenceImageGeometryParameterFromVolumeNode(coarse)
        pair, = self.written(heart)
        self.assertEqual(pair.labels.GetSize(), (SIZE, SIZE, SIZE))
        self.assertTrue((sitk.GetArrayFromImage(pair.labels)[0, 2:5, 2:7] == 1).all())

    def test_nothing_within_the_scan_is_refused(self) -> None:
        far = np.diag([-2.0, -2.0, 2.0, 1.0])
        far[:3, 3] = 500
        heart = a_heart(a_scan("far", far))
        heart.SetReferenceImageGeometryParameterFromVolumeNode(a_scan("here"))
        with self.assertRaisesRegex(InputError, "within this scan"):
            self.written(heart)

    def test_no_choice_and_unusable_ones_are_refused(self) -> None:
        with self.assertRaisesRegex(InputError, "No segmentation is chosen"):
            TrainingPairs([])
        foreign = a_heart(a_scan(), ("Spine",))
        with self.assertRaisesRegex(InputError, "untick"):
            TrainingPairs([case_of(foreign)])

    def test_writing_can_be_cancelled(self) -> None:
        with self.assertRaises(CancelledError):
            TrainingPairs([case_of(a_heart(a_scan()))]).write(self.workspace, lambda: True)

    def test_a_file_that_is_cut_short_is_refused(self) -> None:
        self.written(a_heart(a_scan()))
        said = json.loads((self.workspace.folder / "pairs.json").read_text("utf-8"))
        file = self.workspace.folder / said["pairs"][0]["image"]
        file.write_bytes(file.read_bytes()[:-2])
        with self.assertRaisesRegex(InputError, "not handed over completely"):
            read_pairs(self.workspace.folder)
