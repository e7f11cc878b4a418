"""A report holds the result as it is now, corrected by hand and under its transform, and no name of the scan."""

from __future__ import annotations

import json
import tempfile
import time
import unittest
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import SimpleITK as sitk
import slicer
import vtk

from cines import TOPS, a_beating_result, phase_labels
from hearts import SHAPE, labels_of
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.scene import child, editing
from HeartSeg3DLib.scene.report_export import ReportExport
from HeartSeg3DLib.scene.segmentation_result import place_frame
from HeartSeg3DLib.scene.sequence_result import select_phase
from HeartSeg3DLib.scene.volumes import scan_of
from HeartSeg3DLib.worker.report_action import _LabelMaps
from scans import OBLIQUE, a_frame, a_volume, labels_in_box, matrix_of, use_temporary_folder, whole


class ReportChild:
    """A child process that looks at what was handed over and answers at once."""

    def __init__(self) -> None:
        self.request: dict[str, Any] = {}
        self.scan: dict[str, Any] = {}
        self.labels: list[np.ndarray] = []
        self.spacing: tuple[float, ...] = ()
        self.answer: Mapping[str, Any] | None = None
        self.killed = False
        self._events: list[Mapping[str, Any]] = []

    def send(self, request: dict[str, Any]) -> None:
        self.request = request
        folder = Path(request["folder"])
        self.scan = json.loads((folder / "scan.json").read_text(encoding="utf-8"))
        self.labels = [sitk.GetArrayFromImage(image) for image in _LabelMaps(folder)]
        self._events = [{"event": "progress", "job": "", "fraction": 0.5, "stage": "Measuring"},
                        self.answer or {"event": "result", "job": "", "output": request["output"]}]

    def poll(self) -> list[Mapping[str, Any]]:
        return [self._events.pop(0)] if self._events else []

    def kill(self, wait: float = 2.0) -> None:
        self.killed = True


class ReportTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        folder = tempfile.TemporaryDirectory(prefix="Zoë ")
        self.addCleanup(folder.cleanup)
        self.output = Path(folder.name) / "report.html"
        self.temporary = Path(folder.name) / "temporary"
        self.temporary.mkdir()
        use_temporary_folder(self, str(self.temporary))
        self.child = ReportChild()
        self.enterContext(mock.patch.object(child, "start_child", return_value=self.child))

    def a_result(self, transform: Any = None) -> Any:
        volume = a_volume()
        if transform is not None:
            volume.SetAndObserveTransformNodeID(transform.GetID())
        return place_frame(scan_of(volume), a_frame(surfaces=False), model="tiny 1.0")

    def export(self, segmentation: Any, **options: Any) -> ReportExport:
        export = ReportExport(segmentation, self.output, **options)
        export.start()
        end = time.monotonic() + 30
        while not export.finished and time.monotonic() < end:
            export.step()
        export.wait_closed()
        self.assertTrue(export.finished)
        self.assertEqual(list(self.temporary.iterdir()), [])
        return export

    def test_the_child_gets_scan_and_labels_as_they_are_now(self) -> None:
        heart = self.a_result()
        export = self.export(heart)
        self.assertIsNone(export.error)
        np.testing.assert_array_equal(self.child.labels[0], whole(labels_in_box()))
        editing.grow(heart, "RV", 3.0, "neighbors")
        self.export(heart)
        self.assertGreater((self.child.labels[0] == 3).sum(), (labels_in_box() == 3).sum())
        self.assertEqual(self.child.request["facts"]["Corrected by hand"], "Right ventricle cavity")
        self.assertEqual(self.child.request["model"], "tiny 1.0")
        self.assertNotIn("Software", self.child.request["facts"])  # every report says it by itself
        self.assertIsNone(self.child.request["function"])
        self.assertTrue(self.child.killed)

    def test_the_judgement_of_the_whole_goes_along_and_says_that_it_is_older_than_corrections(self) -> None:
        said = {"level": "green", "sentence": "Nothing speaks against this result."}
        heart = place_frame(scan_of(a_volume()), a_frame(surfaces=False, trust=said))
        self.export(heart)
        self.assertEqual(self.child.request["trust"], [said])
        editing.grow(heart, "RV", 3.0, "neighbors")
        self.export(heart)
        self.assertEqual(self.child.request["trust"][0]["level"], "green")
        self.assertIn("before it was corrected", self.child.request["trust"][0]["sentence"])
        self.export(self.a_result())
        self.assertEqual(self.child.request["trust"], [None])

    def test_the_title_is_the_result_s_name_and_nothing_else_names_the_scan(self) -> None:
        heart = self.a_result()
        heart.SetName("Case 7")
        self.export(heart, facts={"Hospital": "Example"})
        self.assertEqual(self.child.request["title"], "Case 7")
        self.assertNotIn("Muster", json.dumps(self.child.request) + json.dumps(self.child.scan))
        self.assertEqual(self.child.request["facts"]["Hospital"], "Example")

    def test_a_transform_that_scales_is_in_the_grid(self) -> None:
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "larger")
        transform.SetMatrixTransformToParent(matrix_of(np.diag([1.5, 1.5, 1.5, 1.0])))
        self.export(self.a_result(transform))
        volume = np.prod(self.child.scan["spacing"])
        self.assertAlmostEqual(volume, 1.5**3 * abs(np.linalg.det(OBLIQUE[:3, :3])), places=6)
        self.assertEqual(self.child.request["warnings"], [])

    def test_a_transform_that_no_grid_can_have_is_told(self) -> None:
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "sheared")
        matrix = np.eye(4)
        matrix[0, 1] = 0.4
        transform.SetMatrixTransformToParent(matrix_of(matrix))
        self.export(self.a_result(transform))
        self.assertIn("without it", self.child.request["warnings"][0])
        np.testing.assert_array_equal(self.child.labels[0], whole(labels_in_box()))

    def test_labels_on_another_grid_are_brought_to_that_of_the_scan(self) -> None:
        heart = self.a_result()
        shifted = vtk.vtkTransform()
        shifted.Translate(0.2, 0.1, 0.0)
        heart.ApplyTransform(shifted)
        self.export(heart)
        np.testing.assert_array_equal(self.child.labels[0], whole(labels_in_box()))

    def test_a_sequence_hands_over_every_phase_and_what_a_person_told(self) -> None:
        heart = a_beating_result()
        select_phase(heart, 1)
        editing.shrink(heart, "RV", 1.5, "neighbors")
        edited = labels_of(heart)
        select_phase(heart, 3)
        parameters = SimpleNamespace(heartRate=60.0, heightCm=0.0, weightKg=80.0, endDiastole=-1, endSystole=2)
        self.export(heart, parameters=parameters)
        self.assertEqual(len(self.child.labels), len(TOPS))
        for number, labels in enumerate(self.child.labels):
            self.assertEqual(labels.shape, SHAPE)
            np.testing.assert_array_equal(labels, edited if number == 1 else phase_labels(TOPS[number]))
        self.assertEqual(self.child.request["function"], {
            "heart_rate": 60.0, "height_cm": None, "weight_kg": 80.0, "end_diastole": None, "end_systole": 2})
        self.assertEqual([one["sentence"].split(".")[0] for one in self.child.request["trust"]],
                         [f"All of phase {number}" for number in range(len(TOPS))])
        self.assertEqual([frame["time_ms"] for frame in self.child.scan["frames"]], [0.0, 200.0, 400.0, 600.0])

    def test_failures_of_the_child_are_told(self) -> None:
        self.child.answer = {"event": "error", "job": "", "code": "usage", "message": "The disk is gone.",
                             "remedy": "Find it.", "detail": ""}
        export = self.export(self.a_result())
        self.assertIsInstance(export.error, UsageError)
        self.assertEqual(str(export.error), "The disk is gone. Find it.")

    def test_cancelling_leaves_nothing(self) -> None:
        export = ReportExport(self.a_result(), self.output)
        export.start()
        export.cancel()
        export.wait_closed()
        self.assertTrue(export.finished)
        self.assertIsNone(export.error)
        self.assertEqual(list(self.temporary.iterdir()), [])
        export.step()

    def test_what_cannot_be_written_is_refused_before_any_work(self) -> None:
        heart = self.a_result()
        self.output.write_text("mine")
        with self.assertRaisesRegex(UsageError, "exists already"):
            ReportExport(heart, self.output).start()
        with self.assertRaisesRegex(UsageError, "known ending"):
            ReportExport(heart, self.output.with_suffix(".doc")).start()
        self.assertIsNone(self.export(heart, force=True).error)

    def test_a_result_without_its_scan_is_refused(self) -> None:
        heart = self.a_result()
        slicer.mrmlScene.RemoveNode(slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode"))
        with self.assertRaisesRegex(InputError, "no longer in the scene"):
            ReportExport(heart, self.output).start()
        empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "empty")
        empty.SetReferenceImageGeometryParameterFromVolumeNode(a_volume())
        with self.assertRaisesRegex(InputError, "empty"):
            ReportExport(empty, self.output).start()

    def test_a_sequence_that_lost_a_phase_is_refused(self) -> None:
        heart = a_beating_result()
        sequence = slicer.mrmlScene.GetFirstNodeByName("cine")
        sequence.RemoveDataNodeAtValue("600")
        with self.assertRaises(InputError):
            ReportExport(heart, self.output).start()


if __name__ == "__main__":
    unittest.main()
