"""A run ends in one result or one message, whatever happens to the scene, the child or the disk meanwhile."""

from __future__ import annotations

import tempfile
import time
import unittest
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import slicer

from HeartSeg3DLib.errors import CancelledError, DeviceError, HeartSegError, UsageError
from HeartSeg3DLib.scene import child, dependencies, segmentation_run, workspace
from HeartSeg3DLib.scene.logic import HeartSegLogic
from HeartSeg3DLib.scene.segmentation_run import FINISHED, SegmentationRun
from scans import OBLIQUE, FakeChild, a_volume, exported, labels_in_box, use_temporary_folder, whole

Usage = namedtuple("Usage", "total used free")


class RunCase(unittest.TestCase):
    """A scan in the scene, a child that answers at once, and a temporary folder of the test's own."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        folder = tempfile.TemporaryDirectory(prefix="Zoë ")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        use_temporary_folder(self, folder.name)
        self.child = FakeChild()
        self.enterContext(mock.patch.object(child, "start_child", self.current_child))
        self.volume = a_volume()
        self.logic = HeartSegLogic()
        self.before = self.nodes()

    def current_child(self) -> FakeChild:
        return self.child

    def nodes(self) -> list[str]:
        scene = slicer.mrmlScene
        return [scene.GetNthNode(number).GetID() for number in range(scene.GetNumberOfNodes())]

    def run_until(self, state: str, run: SegmentationRun) -> SegmentationRun:
        for _attempt in range(10_000):
            if run.state == state or run.state in FINISHED:
                break
            run.step()
            time.sleep(0.001)  # its threads want to work, too
        self.assertEqual(run.state, state, run.error)
        return run

    def assert_unharmed(self, run: SegmentationRun, state: str = "failed") -> None:
        run.wait_closed()
        self.assertEqual(run.state, state)
        self.assertTrue(self.child.killed)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertEqual(self.nodes(), self.before)
        self.assertIsNone(run.segmentation)


class GoodRunTest(RunCase):
    def test_the_child_gets_the_voxels_and_the_scene_gets_its_labels(self) -> None:
        run = self.logic.start_segmentation(self.volume, model="tiny", device="cpu")
        segmentation = run.wait()
        voxels = np.frombuffer(self.child.voxels[0], "<i2").reshape(slicer.util.arrayFromVolume(self.volume).shape)
        np.testing.assert_array_equal(voxels, slicer.util.arrayFromVolume(self.volume))
        np.testing.assert_array_equal(exported(segmentation, self.volume), whole(labels_in_box()))
        self.assertEqual(self.child.requests[0]["device"], "cpu")
        self.assertEqual(run.warnings, ["The scan is short."])
        self.assertEqual(run.fraction, 1.0)

    def test_the_grid_that_the_child_sees_is_lps(self) -> None:
        self.logic.start_segmentation(self.volume).wait()
        matrix = np.reshape(self.child.scan["direction"], (3, 3)) * self.child.scan["spacing"]
        np.testing.assert_allclose(np.diag([-1, -1, 1]) @ matrix, OBLIQUE[:3, :3], atol=1e-9)

    def test_nothing_is_left_behind_but_the_result(self) -> None:
        observers = slicer.mrmlScene.HasObserver(slicer.mrmlScene.StartCloseEvent)
        run = self.logic.start_segmentation(self.volume)
        run.wait()
        self.assertTrue(self.child.killed)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertEqual(slicer.mrmlScene.HasObserver(slicer.mrmlScene.StartCloseEvent), observers)

    def test_progress_never_falls(self) -> None:
        seen: list[float] = []
        self.logic.segment(self.volume, progress=lambda fraction, _stage: seen.append(fraction))
        self.assertEqual(seen, sorted(seen))
        self.assertEqual(seen[-1], 1.0)

    def test_the_name_of_the_scan_stays_in_the_scene(self) -> None:
        run = self.logic.start_segmentation(self.volume)
        run.wait()
        self.assertNotIn("Erika", run.report_text())
        self.assertNotIn("Erika", str(self.child.scan))
        self.assertIn("40 x 36 x 32 voxels", run.report_text())

    def test_a_script_gets_the_table_too(self) -> None:
        segmentation = self.logic.segment(self.volume)
        table = segmentation.GetNodeReference("HeartSeg.Volumes")
        self.assertEqual(table.GetNumberOfRows(), 3)

    def test_an_update_saves_for_undo_and_keeps_edits_when_asked(self) -> None:
        first = self.logic.segment(self.volume)
        self.child = FakeChild(labels_in_box(shift=2))
        saved: list[str] = []
        run = self.logic.start_segmentation(self.volume, first, keep_edits_as_copy=True,
                                            before_update=lambda: saved.append("saved"))
        self.assertIs(run.wait(), first)
        self.assertEqual(saved, ["saved"])
        copies = [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if node is not first]
        self.assertEqual(len(copies), 1)
        np.testing.assert_array_equal(exported(copies[0], self.volume), whole(labels_in_box()))
        np.testing.assert_array_equal(exported(first, self.volume), whole(labels_in_box(shift=2)))

    def test_a_volume_under_a_transform_gives_a_result_under_it(self) -> None:
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        self.volume.SetAndObserveTransformNodeID(transform.GetID())
        self.assertEqual(self.logic.segment(self.volume).GetParentTransformNode(), transform)


class BadRunTest(RunCase):
    def test_a_failure_of_the_child_is_told_once_with_its_places(self) -> None:
        self.child = FakeChild(events=[{"event": "error", "job": "segment", "code": "device", "message": "No memory.",
                                        "remedy": "Use the CPU.", "detail": "segmenter.py, line 7"}])
        run = self.run_until("failed", self.logic.start_segmentation(self.volume))
        self.assert_unharmed(run)
        self.assertIsInstance(run.error, DeviceError)
        self.assertIn("segmenter.py, line 7", run.report_text())
        with self.assertRaisesRegex(DeviceError, "No memory"):
            run.wait()

    def test_a_broken_pytorch_is_noted_for_repair(self) -> None:
        self.child = FakeChild(events=[{"event": "error", "job": "segment", "code": "dependencies",
                                        "message": "PyTorch does not work.", "remedy": "Repair it.", "detail": ""}])
        with mock.patch.object(dependencies, "_reported", []):
            self.assert_unharmed(self.run_until("failed", self.logic.start_segmentation(self.volume)))
            self.assertEqual(dependencies.state(), "broken")

    def test_a_killed_child(self) -> None:
        self.child = FakeChild(events=[{"event": "error", "job": "segment", "code": "crashed", "remedy": "Again.",
                                        "message": "The background process ended.", "detail": "exit code -9"}])
        run = self.run_until("failed", self.logic.start_segmentation(self.volume))
        self.assert_unharmed(run)
        self.assertIn("exit code -9", run.report_text())

    def test_a_result_with_another_size_than_it_says(self) -> None:
        self.child.labels = labels_in_box()
        run = self.logic.start_segmentation(self.volume)
        send = self.child.send

        def spoil(request: dict[str, Any]) -> None:
            send(request)
            (Path(request["folder"]) / "labels_000.raw").write_bytes(b"short")

        with mock.patch.object(self.child, "send", spoil):
            self.assert_unharmed(self.run_until("failed", run))
        self.assertIn("could not be read", str(run.error))

    def test_a_full_disk_before_writing(self) -> None:
        with mock.patch.object(workspace.shutil, "disk_usage", return_value=Usage(1, 1, 1000)):
            run = self.run_until("failed", self.logic.start_segmentation(self.volume))
        self.assert_unharmed(run)
        self.assertEqual(run.error.code if run.error else "", "disk")

    def test_an_unwritable_temporary_folder(self) -> None:
        use_temporary_folder(self, self.folder / "missing")
        run = self.logic.start_segmentation(self.volume)
        run.wait_closed()
        self.assertEqual(run.state, "failed")
        self.assertTrue(run.error and run.error.remedy)
        self.assertEqual(self.nodes(), self.before)

    def test_settings_that_do_not_exist(self) -> None:
        with self.assertRaises(UsageError):
            self.logic.start_segmentation(self.volume, quality="magic")

    def test_an_unexpected_failure_is_one_sentence_and_a_report(self) -> None:
        with mock.patch.object(segmentation_run.segmentation_result, "place_frame", side_effect=KeyError("Erika")):
            run = self.run_until("failed", self.logic.start_segmentation(self.volume))
        self.assert_unharmed(run)
        self.assertIn("did not expect", str(run.error))
        self.assertIn("KeyError", run.report_text())
        self.assertNotIn("Erika", run.report_text())


class SceneChangesTest(RunCase):
    def at_each_stage(self, happening: Callable[[SegmentationRun], None], target: bool = False) -> None:
        for state in ("writing", "running", "reading", "placing"):
            with self.subTest(state=state):
                self.setUp()
                node = self.logic.segment(self.volume) if target else None
                self.child = FakeChild()
                self.before = self.nodes()
                run = self.logic.start_segmentation(self.volume, node)
                self.run_until(state, run)
                happening(run)
                run.step()

    def test_the_scene_is_closed(self) -> None:
        def close(run: SegmentationRun) -> None:
            slicer.mrmlScene.Clear(0)
            self.before = self.nodes()
            self.assert_unharmed(run)
            self.assertIn("scene was closed", str(run.error))

        self.at_each_stage(close)

    def test_the_result_is_removed(self) -> None:
        def remove(run: SegmentationRun) -> None:
            slicer.mrmlScene.RemoveNode(run.target)
            self.before = self.nodes()
            run.step()
            self.assert_unharmed(run)
            self.assertIn("result was removed", str(run.error))

        self.at_each_stage(remove, target=True)

    def test_the_scan_is_removed(self) -> None:
        def remove(run: SegmentationRun) -> None:
            slicer.mrmlScene.RemoveNode(self.volume)
            self.before = self.nodes()
            run.step()
            self.assert_unharmed(run)
            self.assertIn("scan was removed", str(run.error))

        self.at_each_stage(remove)

    def test_it_is_cancelled(self) -> None:
        def cancel(run: SegmentationRun) -> None:
            run.cancel()
            self.assert_unharmed(run, "cancelled")
            self.assertIsNone(run.error)
            with self.assertRaises(CancelledError):
                run.wait()

        self.at_each_stage(cancel)

    def test_it_is_cancelled_after_the_edits_were_copied(self) -> None:
        first = self.logic.segment(self.volume)
        self.before = self.nodes()
        self.child = FakeChild(labels_in_box(shift=2))
        run = self.run_until("placing", self.logic.start_segmentation(self.volume, first, keep_edits_as_copy=True))
        run.step()
        self.assertGreater(len(self.nodes()), len(self.before))
        run.cancel()
        self.assert_unharmed(run, "cancelled")
        np.testing.assert_array_equal(exported(first, self.volume), whole(labels_in_box()))

    def test_a_run_that_has_ended_stays_as_it_is(self) -> None:
        run = self.logic.start_segmentation(self.volume)
        run.wait()
        run.cancel()
        run.step()
        self.assertEqual(run.state, "done")

    def test_a_child_that_does_not_start(self) -> None:
        with mock.patch.object(child, "start_child", side_effect=HeartSegError("No Python.", "Install again.")):
            run = self.logic.start_segmentation(self.volume)
        run.wait_closed()
        self.assertEqual((run.state, str(run.error)), ("failed", "No Python. Install again."))
        self.assertEqual(list(self.folder.iterdir()), [])
