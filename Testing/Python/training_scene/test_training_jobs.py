"""Jobs as the scene's rooms see them: started, found, stopped, and their models; folders are real, training is not."""

from __future__ import annotations

import json
import tempfile
import threading
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import slicer

from HeartSeg3DLib.errors import DeviceError, HeartSegError, InputError, UsageError
from HeartSegTrainingLib.jobs import launching, registry
from HeartSegTrainingLib.jobs.job_folder import JobFolder
from HeartSegTrainingLib.scene import job_control, job_settings, job_start, job_watch, training_wish
from HeartSegTrainingLib.scene.job_watch import JobWatch
from HeartSegTrainingLib.scene.training_logic import TrainingLogic
from HeartSegTrainingLib.worker.job_wish import JOB, SCRATCH, Wish

STATE = {"status": "stopped", "reason": "asked by the STOP file", "kind": "finetune", "step": 30, "steps": 100,
         "progress": 0.3, "eta_seconds": 70.0, "loss": 0.5, "dice": {"1": 0.6},
         "checkpoint": "step_0000030.safetensors"}


class JobsCase(unittest.TestCase):
    def setUp(self) -> None:
        self.data = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.dict("os.environ", {"HEARTSEG_DATA": str(self.data)}))

    def a_job(self, name: str = "mine", kind: str = "finetune", folder: Path | None = None, **said: Any) -> Path:
        job = (folder or self.data / "jobs") / name
        (job / "checkpoints").mkdir(parents=True)
        (job / "job.json").write_text(json.dumps({"kind": kind, "config": {}}), "utf-8")
        (job / "state.json").write_text(json.dumps({**STATE, "kind": kind, **said}), "utf-8")
        (job / "metrics.csv").write_text("step,loss\n10,1.0\n", "utf-8")
        return job

    def look(self, watch: JobWatch, chosen: Path | None = None) -> Any:
        watch.look(chosen)
        while not watch.step():
            slicer.app.processEvents()
        return watch.seen


class WatchTest(JobsCase):
    def test_the_best_checkpoint_is_known_by_its_step_once_it_is_whole(self) -> None:
        job, watch = self.a_job(), JobWatch()
        (job / "checkpoints" / "best_0000040.safetensors").touch()
        self.assertIsNone(self.look(watch, job).best)
        (job / "checkpoints" / "best_0000020.json").touch()
        self.assertEqual(self.look(watch, job).best, 20)

    def test_kept_checkpoints_are_known_by_their_steps_and_the_script_names_them(self) -> None:
        watch, job = JobWatch(), self.a_job()
        for name in ("step_0000020.json", "step_0000040.json", "step_0000060.safetensors", "damaged_step_0000080.json"):
            (job / "checkpoints" / name).touch()
        self.assertEqual(self.look(watch, job).kept, (40, 20))
        self.assertEqual(TrainingLogic().checkpoints(job), ["step_0000040", "step_0000020"])
        (job / "checkpoints" / "best_0000020.json").touch()
        self.assertEqual(TrainingLogic().checkpoints(job)[-1], "best")


    def test_jobs_of_this_folder_and_those_that_the_user_started_elsewhere_are_found(self) -> None:
        self.a_job("here")
        with tempfile.TemporaryDirectory() as elsewhere:
            registry.remember(self.a_job("there", folder=Path(elsewhere)), "finetune")
            self.assertEqual({job.name for job in self.look(JobWatch()).jobs}, {"here", "there"})
        gone = [job.state for job in self.look(JobWatch()).jobs if job.name == "there"]
        self.assertEqual(gone, ["gone"])

    def test_figures_are_read_again_only_when_they_have_changed(self) -> None:
        job, watch = self.a_job(), JobWatch()
        first = self.look(watch, job).columns
        self.assertEqual(first["loss"], (1.0,))
        self.assertIs(self.look(watch, job).columns, first)
        with open(job / "metrics.csv", "a", encoding="utf-8") as stream:
            stream.write("20,0.5\n")
        self.assertEqual(self.look(watch, job).columns["loss"], (1.0, 0.5))

    def test_folders_are_read_in_another_thread_and_one_look_at_a_time(self) -> None:
        threads: list[int] = []
        gate = threading.Event()

        def list_slowly() -> list[Any]:
            threads.append(threading.get_ident())
            gate.wait(60)
            return []

        watch = JobWatch()
        with mock.patch.object(job_watch, "list_jobs", list_slowly):
            watch.look(None)
            watch.look(None)
            self.assertFalse(watch.step())
            gate.set()
            self.look(watch)
        self.assertNotIn(threading.get_ident(), threads)
        self.assertEqual(len(threads), 1)

    def test_a_damaged_list_is_an_error_with_a_remedy(self) -> None:
        (self.data / "jobs.json").write_text("{", "utf-8")
        error = self.look(JobWatch()).error
        self.assertIsInstance(error, InputError)
        self.assertTrue(error.remedy)


class RealStartTest(JobsCase):
    def test_a_job_that_fails_in_its_own_process_says_what_to_do(self) -> None:
        missing = {"spacing": 2.0, "index": {"index": "none.jsonl", "store": "none"}}
        start = TrainingLogic().start_job(Wish("finetune", "demo", start=SCRATCH, changes={"data": missing}), "lost")
        with self.assertRaisesRegex(HeartSegError, "before it began to train") as caught:
            start.wait()
        self.assertNotIn("output.txt", caught.exception.remedy)
        self.assertIn(caught.exception.remedy, (start.folder / "output.txt").read_text("utf-8"))


class StartTest(JobsCase):
    def setUp(self) -> None:
        super().setUp()
        self.request = SimpleNamespace(done=False, error=None, result=None, step=lambda: self.request.done,
                                       close=lambda: None)
        self.requested: list[Any] = []
        self.launched: list[Any] = []
        self.job = SimpleNamespace(failure=lambda: self.failure, has_begun=lambda: self.begun,
                                   process=SimpleNamespace(poll=lambda: None))
        self.failure, self.begun = None, False
        self.enterContext(mock.patch.object(job_start, "TrainingRequest", self.make_request))
        self.enterContext(mock.patch.object(launching, "start_detached", self.start_detached))

    def make_request(self, action: str, **details: Any) -> Any:
        self.requested.append((action, details))
        Path(details["job_folder"]).mkdir(parents=True)
        return self.request

    def start_detached(self, *arguments: Any, **options: Any) -> Any:
        self.launched.append((arguments, options))
        return self.job

    def start(self) -> Any:
        return TrainingLogic().start_job(Wish("finetune", "demo", start=SCRATCH), "our hearts")

    def test_what_is_asked_for_is_written_then_started_then_trains(self) -> None:
        start = self.start()
        start.step()
        self.assertEqual(self.launched, [])
        self.request.done, self.request.result = True, {"file": str(start.folder / "asked.json"), "kind": "finetune"}
        start.step()
        (kind, file, folder), options = self.launched[0]
        self.assertEqual((kind, file, folder), ("finetune", start.folder / "asked.json", start.folder))
        self.assertEqual(options["working_folder"], self.data)
        start.step()
        self.assertFalse(start.finished)
        self.begun = True
        start.step()
        self.assertTrue(start.finished)
        self.assertIsNone(start.error)

    def test_a_wish_that_cannot_be_leaves_no_folder(self) -> None:
        start = self.start()
        self.request.done, self.request.error = True, UsageError("The index is missing.", "Choose another one.")
        start.step()
        self.assertEqual(start.error.message, "The index is missing.")
        self.assertFalse(start.folder.exists())
        self.assertEqual(self.launched, [])

    def test_a_start_that_is_given_up_leaves_no_folder_and_a_job_that_runs_is_let_alone(self) -> None:
        start = self.start()
        start.cancel()
        self.assertFalse(start.folder.exists())
        other = self.start()
        self.request.done, self.request.result = True, {"file": "asked.json", "kind": "finetune"}
        other.step()
        other.cancel()
        self.assertTrue(other.folder.exists())

    def test_a_job_that_dies_at_once_says_of_what(self) -> None:
        start = self.start()
        self.request.done, self.request.result = True, {"file": "asked.json", "kind": "finetune"}
        start.step()
        self.failure = DeviceError("There is not enough memory.", "Choose a smaller window.")
        start.step()
        self.assertTrue(start.finished)
        self.assertIs(start.error, self.failure)

    def test_what_the_job_itself_says_to_do_is_the_remedy(self) -> None:
        said = "Loading\nError: The index is missing.\nChoose another one.\n"
        failure = "The job ended before it began to train: The index is missing."
        for printed, remedy in ((said, "Choose another one."), ("Error: Older.\nDo this.\n", "See output.txt."),
                                ("Error: The index is missing.\n", "See output.txt."), ("", "See output.txt.")):
            with self.subTest(printed):
                (self.data / "output.txt").write_text(printed, "utf-8")
                found = job_start.with_remedy(self.data, DeviceError(failure, "See output.txt."))
                self.assertEqual((found.message, found.remedy), (failure, remedy))

    def test_the_folder_of_another_job_is_never_taken(self) -> None:
        folder = self.a_job()
        with self.assertRaisesRegex(UsageError, "already"):
            job_start.JobStart(folder, Wish("finetune", "demo", start=SCRATCH))
        self.assertTrue((folder / "metrics.csv").is_file())

    def test_notes_of_what_is_started_are_kept_for_the_panel(self) -> None:
        start = self.start()
        self.request.done, self.request.result = True, {"file": "a.json", "kind": "finetune", "notes": ["Mixed."]}
        start.step()
        self.assertEqual(start.notes, ("Mixed.",))

    def test_two_jobs_of_one_name_have_two_folders(self) -> None:
        folders = [self.start().folder, self.start().folder]
        self.assertEqual([folder.name for folder in folders], ["our-hearts", "our-hearts-2"])

    def test_names_of_any_kind_become_folders(self) -> None:
        for name in ("../../etc", "", "Müller / CT:1"):
            folder = job_settings.new_folder(self.data, name)
            self.assertEqual(folder.parent, self.data)
            self.assertRegex(folder.name, r"^[\w-]+$")


class ControlTest(JobsCase):
    def test_stopping_writes_the_file_that_the_job_looks_for(self) -> None:
        job = self.a_job()
        with self.assertRaisesRegex(UsageError, "not running"):
            TrainingLogic().stop(job)
        self.assertFalse((job / "STOP").exists())
        with JobFolder(job).held():
            (job / "state.json").write_text(json.dumps({**STATE, "status": "running"}), "utf-8")
            TrainingLogic().stop(job)
        self.assertTrue((job / "STOP").exists())

    def test_the_log_ends_with_what_was_printed(self) -> None:
        job = self.a_job()
        self.assertEqual(TrainingLogic().log(job), "")
        (job / "log.txt").write_text("started\n", "utf-8")
        (job / "output.txt").write_text("Error: no space\n", "utf-8")
        self.assertEqual(job_control.log_text(job), "started\nError: no space")

    def test_a_long_log_is_read_from_its_end(self) -> None:
        job = self.a_job()
        (job / "log.txt").write_text("x" * 1_000_000 + "the end\n", "utf-8")
        text = job_control.log_text(job)
        self.assertLess(len(text), 100_000)
        self.assertTrue(text.endswith("the end"))

    def test_a_hidden_job_keeps_its_folder(self) -> None:
        with tempfile.TemporaryDirectory() as elsewhere:
            job = self.a_job(folder=Path(elsewhere))
            registry.remember(job, "finetune")
            job_control.forget(job)
            self.assertEqual(TrainingLogic().jobs(), [])
            self.assertTrue(job.is_dir())


class ChoicesTest(JobsCase):
    def starts(self, kind: str) -> list[str]:
        return [choice.value for choice in training_wish.start_choices(kind, TrainingLogic().jobs())]

    def test_each_stage_starts_from_what_it_can(self) -> None:
        for kind in ("ssl", "ressl", "finetune"):
            self.a_job(kind, kind)
        self.a_job("without-checkpoint", "ssl", checkpoint="")
        jobs = {kind: f"{JOB}{(self.data / 'jobs' / kind).resolve()}" for kind in ("ssl", "ressl")}
        self.assertEqual(self.starts("ssl"), [SCRATCH])
        self.assertEqual(self.starts("ressl"), [jobs["ssl"]])
        found = self.starts("finetune")
        self.assertEqual(found[0], "model:tiny")
        tuned = f"{JOB}{(self.data / 'jobs' / 'finetune').resolve()}"
        self.assertEqual(set(found[1:]), {*jobs.values(), tuned, SCRATCH})

    def test_choices_are_kept_for_the_next_session(self) -> None:
        job_settings.remember(recipe="lab", job="/jobs/mine")
        self.assertEqual(job_settings.remembered("recipe"), "lab")
        with self.assertRaises(KeyError):
            job_settings.remember(color="red")
