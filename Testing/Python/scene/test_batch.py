"""A batch goes on whatever happens to one scan, in one child process, and tells what became of each."""

from __future__ import annotations

import tempfile
import time
import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import SimpleITK as sitk
import slicer

from cines import a_cine
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.scene import child
from HeartSeg3DLib.scene.batch import Batch, BatchJob, folder_jobs, scene_jobs, selected_jobs
from scans import FakeChild, a_volume, use_temporary_folder

SETTINGS = {"model": None, "device": "cpu", "quality": "fast", "modality": "auto", "surfaces": False}


class SharedFake(FakeChild):
    """A child that serves many requests, for scans of the scene and for files."""

    def __init__(self) -> None:
        super().__init__()
        self.running = True
        self.answers: dict[str, list[Mapping[str, Any]]] = {}

    def send(self, request: dict[str, Any]) -> None:
        name = Path(request["output"]).name if request["action"] == "segment_file" else ""
        if name in self.answers:
            self.requests.append(request)
            self._events = list(self.answers[name])
        elif request["action"] == "segment_file":
            self.requests.append(request)
            self._events = [{"event": "progress", "job": request["job"], "fraction": 0.5, "stage": "Segmenting"},
                            {"event": "result", "job": request["job"], "output": request["output"], "warnings": []}]
        else:
            super().send(request)

    def poll(self) -> list[Mapping[str, Any]]:
        events = super().poll()
        if any(event.get("code") == "crashed" for event in events):
            self.running = False
        return events


def error(code: str, message: str = "It went wrong.") -> Mapping[str, Any]:
    return {"event": "error", "job": "", "code": code, "message": message, "remedy": "Do better.", "detail": ""}


class BatchCase(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        folder = tempfile.TemporaryDirectory(prefix="Zoë ")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.temporary = self.folder / "temporary"
        self.temporary.mkdir()
        use_temporary_folder(self, str(self.temporary))
        self.children: list[SharedFake] = []
        self.answers: dict[str, list[Mapping[str, Any]]] = {}
        self.enterContext(mock.patch.object(child, "start_child", self.start_child))

    def start_child(self) -> SharedFake:
        self.children.append(SharedFake())
        self.children[-1].answers = self.answers
        return self.children[-1]

    def finish(self, batch: Batch) -> Batch:
        batch.start()
        for _attempt in range(30_000):
            if batch.finished:
                break
            batch.step()
            time.sleep(0.001)  # its threads want to work, too
        batch.wait_closed()
        self.assertTrue(batch.finished)
        self.assertTrue(all(one.killed or not one.running for one in self.children))
        self.assertEqual(list(self.temporary.iterdir()), [])
        return batch

    def scans(self, *names: str) -> None:
        for name in names:
            image = sitk.GetImageFromArray(np.zeros((4, 5) if name.endswith(".dcm") else (3, 4, 5), np.int16))
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(image, str(self.folder / name))

    def states(self, batch: Batch) -> dict[str, str]:
        return {job.name: job.state for job in batch.jobs}


class SceneBatchTest(BatchCase):
    def test_all_volumes_are_segmented_in_one_child_and_a_bad_one_does_not_stop_the_rest(self) -> None:
        a_volume(name="one")
        a_volume(name="flat", size=(20, 20, 1))
        a_volume(name="two")
        batch = self.finish(Batch(scene_jobs(), SETTINGS))
        self.assertEqual(self.states(batch), {"one": "warning", "flat": "failed", "two": "warning"})
        self.assertEqual(len(self.children), 1)
        self.assertEqual([request["quality"] for request in self.children[0].requests], ["fast", "fast"])
        for job in (batch.jobs[0], batch.jobs[2]):
            self.assertEqual(set(job.result.GetSegmentation().GetSegmentIDs()), {"LV", "MYO", "RV"})
            self.assertIsNotNone(job.result.GetNodeReference("HeartSeg.Volumes"))
        self.assertIn("single slice", batch.jobs[1].message)

    def test_the_summary_says_what_happened_to_each(self) -> None:
        a_volume(name="one")
        a_volume(name="flat", size=(20, 20, 1))
        batch = self.finish(Batch(scene_jobs(), SETTINGS))
        first, *others = batch.summary().split("\n")
        self.assertEqual(first, "1 done, to be checked, 1 failed")
        self.assertEqual([line.split(":")[0] for line in others], ["one", "flat"])
        table = batch.table.GetTable()
        self.assertEqual([table.GetColumnName(number) for number in range(4)], ["Scan", "State", "Message", "Result"])
        self.assertEqual(table.GetColumn(3).GetValue(0), batch.jobs[0].result.GetName())

    def test_a_child_that_crashes_is_replaced_for_the_next_scan(self) -> None:
        a_volume(name="one")
        a_volume(name="two")
        batch = Batch(scene_jobs(), SETTINGS)
        batch.start()
        self.children[0].given = [error("crashed", "The process ended unexpectedly.")]
        while not batch.finished:
            batch.step()
            time.sleep(0.001)
        batch.wait_closed()
        self.assertEqual(self.states(batch), {"one": "failed", "two": "warning"})
        self.assertEqual(len(self.children), 2)

    def test_a_volume_removed_before_its_turn_or_during_it_fails_alone(self) -> None:
        first, second, _third = (a_volume(name=name) for name in ("one", "two", "three"))
        batch = Batch(scene_jobs(), SETTINGS)
        batch.start()
        slicer.mrmlScene.RemoveNode(first)
        slicer.mrmlScene.RemoveNode(second)
        while not batch.finished:
            batch.step()
            time.sleep(0.001)
        batch.wait_closed()
        self.assertEqual(self.states(batch), {"one": "failed", "two": "failed", "three": "warning"})
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_cancelling_keeps_what_is_done(self) -> None:
        a_volume(name="one")
        a_volume(name="two")
        a_volume(name="three")
        batch = Batch(scene_jobs(), SETTINGS)
        batch.start()
        while not batch.jobs[0].ended:
            batch.step()
        batch.cancel()
        batch.wait_closed()
        self.assertEqual(list(self.states(batch).values()), ["warning", "cancelled", "cancelled"])
        self.assertTrue(all(one.killed for one in self.children))
        self.assertEqual(list(self.temporary.iterdir()), [])
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"), 1)
        self.assertIsNone(batch.table)

    def test_what_counts_as_a_scan_of_the_scene(self) -> None:
        a_volume(name="scan")
        a_volume("vtkMRMLLabelMapVolumeNode", name="labels")
        a_volume(name="hidden").SetHideFromEditors(True)
        cine = a_cine()
        self.assertEqual([job.node for job in scene_jobs()],
                         [slicer.mrmlScene.GetFirstNodeByName("scan"), cine])
        slicer.mrmlScene.Clear(0)
        with self.assertRaisesRegex(InputError, "no volume"):
            scene_jobs()

    def test_selected_scans_studies_and_sequences(self) -> None:
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
        inside, alone, _other = (a_volume(name=name) for name in ("inside", "alone", "other"))
        hierarchy.SetItemParent(hierarchy.GetItemByDataNode(inside), study)
        cine = a_cine()
        browser = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
        selected: list[int] = []
        handler = mock.Mock()
        handler.instance().currentItems = lambda ids: [ids.InsertNextId(item) for item in selected]
        self.enterContext(mock.patch.object(slicer, "qSlicerSubjectHierarchyPluginHandler", handler, create=True))
        for nodes, items in (([inside], [study]), ([inside, alone], [study, hierarchy.GetItemByDataNode(alone)]),
                             ([cine], [hierarchy.GetItemByDataNode(browser.GetProxyNode(cine))])):
            selected[:] = items
            self.assertEqual([job.node for job in selected_jobs()], nodes)
        selected.clear()
        with self.assertRaisesRegex(InputError, "No scan is selected"):
            selected_jobs()


class FolderBatchTest(BatchCase):
    def test_files_go_to_the_output_folder_in_one_child(self) -> None:
        self.scans("in/a.nii.gz", "in/b.nrrd", "in/sub/a.nii", "in/old.seg.nrrd")
        output = self.folder / "out"
        output.mkdir()
        batch = self.finish(Batch(folder_jobs(self.folder / "in"), SETTINGS, output))
        self.assertEqual(list(self.states(batch)), ["a.nii.gz", "b.nrrd", "a.nii"])
        self.assertEqual(set(self.states(batch).values()), {"done"})
        self.assertEqual([job.result.name for job in batch.jobs], ["in_a.seg.nrrd", "b.seg.nrrd", "sub_a.seg.nrrd"])
        self.assertEqual(len(self.children), 1)
        self.assertFalse(any(request["force"] for request in self.children[0].requests))
        self.assertEqual(batch.summary(), "3 done")

    def test_the_child_is_told_where_a_beating_heart_goes_and_says_where_it_went(self) -> None:
        self.scans("in/cine.nii.gz")
        self.answers["cine.seg.nrrd"] = [{"event": "result", "job": "", "output": str(self.folder / "cine.nii.gz")}]
        batch = self.finish(Batch(folder_jobs(self.folder / "in"), SETTINGS, self.folder))
        self.assertEqual(self.children[0].requests[0]["sequence_output"], str(self.folder / "cine.nii.gz"))
        self.assertEqual(batch.jobs[0].result.name, "cine.nii.gz")

    def test_a_setting_that_is_refused_is_not_tried_twice(self) -> None:
        self.scans("in/a.nii.gz")
        self.answers["a.seg.nrrd"] = [error("usage", "There is no device cuda:7.")]
        batch = self.finish(Batch(folder_jobs(self.folder / "in"), SETTINGS, self.folder))
        self.assertEqual(batch.jobs[0].message, "There is no device cuda:7. Do better.")
        self.assertEqual(len(self.children[0].requests), 1)

    def test_failures_of_single_files(self) -> None:
        self.scans("in/a.nii.gz", "in/b.nii.gz", "in/c.nii.gz", "in/d.nii.gz")
        self.answers["a.seg.nrrd"] = [error("input", "There is no heart.")]
        self.answers["b.seg.nrrd"] = [error("usage", "The output exists already.")]
        self.answers["c.seg.nrrd"] = [error("crashed")]
        batch = self.finish(Batch(folder_jobs(self.folder / "in"), SETTINGS, self.folder))
        self.assertEqual(list(self.states(batch).values()), ["failed", "failed", "failed", "done"])
        self.assertEqual(batch.jobs[0].message, "There is no heart. Do better.")
        self.assertEqual(len(self.children), 2)

    def test_a_file_that_is_there_is_kept_unless_forced(self) -> None:
        self.scans("in/a.nii.gz", "in/b.nii.gz")
        (self.folder / "a.seg.nrrd").write_text("mine")
        batch = self.finish(Batch(folder_jobs(self.folder / "in"), SETTINGS, self.folder))
        self.assertEqual(list(self.states(batch).values()), ["failed", "done"])
        self.assertIn("exists already", batch.jobs[0].message)
        self.assertEqual(len(self.children[0].requests), 1)
        batch = self.finish(Batch(folder_jobs(self.folder / "in"), SETTINGS, self.folder, force=True))
        self.assertEqual(set(self.states(batch).values()), {"done"})

    def test_cancelling_in_a_file(self) -> None:
        self.scans("in/a.nii.gz", "in/b.nii.gz")
        batch = Batch(folder_jobs(self.folder / "in"), SETTINGS, self.folder)
        batch.start()
        batch.cancel()
        batch.wait_closed()
        self.assertEqual(set(self.states(batch).values()), {"cancelled"})
        self.assertTrue(self.children[0].killed)
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_folders_of_dicom_files_are_one_scan_each(self) -> None:
        for name in ("in/patient 1/study", "in/patient 2"):
            self.scans(f"{name}/slice.dcm")
        (self.folder / "in" / "notes").mkdir()
        (self.folder / "in" / "notes" / "read me.txt").write_text("no scan")
        self.assertEqual([job.name for job in folder_jobs(self.folder / "in")], ["patient 1", "patient 2"])
        self.scans("in/loose.dcm")
        self.assertEqual([job.source for job in folder_jobs(self.folder / "in")], [self.folder / "in"])

    def test_a_folder_without_scans_or_without_an_output_is_refused(self) -> None:
        with self.assertRaisesRegex(InputError, "holds no scan"):
            folder_jobs(self.folder)
        with self.assertRaisesRegex(InputError, "cannot be read"):
            folder_jobs(self.folder / "missing")
        job = [BatchJob("a", source=self.folder / "a.nii", stem="a")]
        for output in (None, Path(), self.folder / "missing"):
            with self.subTest(output=output), self.assertRaises(UsageError):
                Batch(job, SETTINGS, output)
        with self.assertRaises(UsageError):
            Batch([], SETTINGS)


if __name__ == "__main__":
    unittest.main()
