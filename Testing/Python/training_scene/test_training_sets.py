"""Training sets as the scene's rooms make them, and what their folder holds whatever becomes of them."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import slicer

from hearts_of_boxes import a_heart, a_scan
from HeartSeg3DLib.errors import HeartSegError, UsageError
from HeartSegTrainingLib.datasets import DatasetRecord, Index
from HeartSegTrainingLib.scene import training_set as rooms
from HeartSegTrainingLib.scene.set_place import SetPlace
from HeartSegTrainingLib.scene.training_logic import TrainingLogic


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


class HalfDone:
    """A request whose child has copied a scan and goes on."""

    error: HeartSegError | None = None
    result: Any = None
    fraction, stage, detail = 0.5, "Copying", ""

    def __init__(self, _action: str, **details: Any) -> None:
        self.made = Path(details["set_folder"])
        (self.made / "cases").mkdir(parents=True)
        (self.made / "cases" / "case_001_image.nrrd").write_bytes(b"a patient's scan")

    def step(self) -> bool:
        return self.error is not None

    def close(self) -> None:
        pass

    def wait_closed(self) -> None:
        pass


class SetsCase(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        self.data = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.folder = self.data / "mine"
        self.hearts = [a_heart(a_scan(name)) for name in ("First", "Second")]
        voxels = slicer.util.arrayFromVolume(slicer.util.getNode("Second"))
        voxels[:] = voxels[::-1].copy()  # another person

    def an_earlier_set(self) -> dict[str, bytes]:
        """A set as it was made before, without its scans."""
        (self.folder / "cases").mkdir(parents=True)
        (self.folder / "cases" / "case_001_image.nrrd").write_bytes(b"an earlier scan")
        Index([], {"own": DatasetRecord("own", ".")}).write(self.folder / "index.jsonl")
        return contents(self.data)

    def run_until_half_done(self) -> Any:
        self.enterContext(mock.patch.object(rooms, "TrainingRequest", HalfDone))
        run = TrainingLogic().start_training_set(self.hearts, self.folder)
        while run._request is None:
            run.step()
            self.assertIsNone(run.error)
        self.assertTrue(run._request.made.is_dir())
        return run


class FolderTest(SetsCase):
    def test_a_folder_of_the_user_is_refused_before_anything_begins_and_stays_as_it_is(self) -> None:
        for name in ("thesis.txt", "index.jsonl"):
            with self.subTest(name):
                self.folder.mkdir(exist_ok=True)
                (self.folder / name).write_text("years of work")
                before = contents(self.data)
                with self.assertRaisesRegex(UsageError, "not empty") as caught:
                    TrainingLogic().training_set(self.hearts, self.folder)
                self.assertTrue(caught.exception.remedy)
                self.assertEqual(contents(self.data), before)
                (self.folder / name).unlink()

    def test_a_set_with_a_file_of_the_user_in_it_is_no_set_to_be_replaced(self) -> None:
        self.an_earlier_set()
        (self.folder / "notes.txt").write_text("what I saw")
        with self.assertRaisesRegex(UsageError, r"notes\.txt"):
            TrainingLogic().start_training_set(self.hearts, self.folder)

    def test_a_file_and_a_link_are_no_folder_to_be_replaced(self) -> None:
        self.folder.write_text("a file")
        link, target = self.data / "link", self.data / "target"
        target.mkdir()
        link.symlink_to(target)
        for path in (self.folder, link):
            with self.assertRaisesRegex(UsageError, "no folder of its own"):
                TrainingLogic().start_training_set(self.hearts, path)

    def test_a_set_that_is_made_again_and_cancelled_is_the_one_before(self) -> None:
        before = self.an_earlier_set()
        run = self.run_until_half_done()
        run.cancel()
        run.wait_closed()
        self.assertIsNone(run.training_set)
        self.assertEqual(contents(self.data), before)

    def test_of_a_child_that_fails_nothing_is_left_but_the_earlier_set(self) -> None:
        before = self.an_earlier_set()
        run = self.run_until_half_done()
        run._request.error = HeartSegError("The child is gone.", "Try again.")
        run.step()
        run.wait_closed()
        self.assertEqual(run.error.message, "The child is gone.")
        self.assertEqual(contents(self.data), before)

    def test_a_folder_that_is_filled_while_a_set_is_made_is_left_alone(self) -> None:
        place = SetPlace(self.folder)
        self.addCleanup(place.close)
        place.made.mkdir()
        self.folder.mkdir()
        (self.folder / "thesis.txt").write_text("years of work")
        with self.assertRaisesRegex(UsageError, r"thesis\.txt"):
            place.take()
        self.assertEqual([path.name for path in self.folder.iterdir()], ["thesis.txt"])

    def test_an_earlier_set_comes_back_where_the_new_one_cannot_take_its_place(self) -> None:
        before = self.an_earlier_set()
        place = SetPlace(self.folder)
        with self.assertRaisesRegex(UsageError, "cannot take its place"):
            place.take()  # nothing was made
        place.close()
        self.assertEqual(contents(self.data), before)


class ProcessTest(SetsCase):
    def test_a_set_is_made_and_made_again_and_nothing_lies_beside_it(self) -> None:
        for count in (1, 2):
            made = TrainingLogic().training_set(self.hearts, self.folder)
            self.assertEqual((made.index, made.cases), (self.folder / "index.jsonl", 2), count)
            self.assertEqual(len(Index.read(made.index).entries), 2)
            self.assertTrue(made.store.is_dir())
            self.assertEqual([path.name for path in self.data.iterdir()], ["mine"])

    def test_a_child_that_is_killed_leaves_no_copy_of_a_scan(self) -> None:
        before = self.an_earlier_set()
        run = TrainingLogic().start_training_set(self.hearts, self.folder)
        place = run._place
        while not place.made.parent.is_dir() or not list(place.made.parent.rglob("*.nrrd")):
            run.step()
            slicer.app.processEvents()
            self.assertFalse(run.finished, run.error)
        run._request._child._process.kill()
        while not run.finished:
            run.step()
            slicer.app.processEvents()
        run.wait_closed()
        self.assertIsNotNone(run.error)
        self.assertEqual(contents(self.data), before)
