"""What scripts and the panel call to train: training sets, jobs, curves, models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from HeartSegTrainingLib.scene import job_control, job_settings, job_watch
from HeartSegTrainingLib.scene.curves import Columns, read_columns
from HeartSegTrainingLib.scene.job_start import JobStart
from HeartSegTrainingLib.scene.scene_cases import SceneCase, scene_cases
from HeartSegTrainingLib.scene.training_estimate import ask_for_estimate
from HeartSegTrainingLib.scene.training_set import TrainingSet, TrainingSetRun
from HeartSegTrainingLib.worker.job_wish import FINETUNE, MODEL, SCRATCH, Wish, checkpoint_name

DEFAULT_START = MODEL + "tiny"


class TrainingLogic:
    """Trains models; works with and without Slicer's main window, and what it starts outlives both."""

    def scene_cases(self, trust: bool = False) -> list[SceneCase]:
        """Return every segmentation of the scene, and why a model cannot learn from it; see `scene_cases`."""
        return scene_cases(trust)

    def start_training_set(self, segmentations: Sequence[Any] | None = None,
                           folder: Path | str | None = None, trust: bool = False) -> TrainingSetRun:
        """Start to make a training set and return the run; call its `step` until it has finished.

        Args:
            segmentations: vtkMRMLSegmentationNodes that somebody has corrected; all that have a scan if None.
            folder: Where it goes; a new folder among HeartSeg's data if None.
            trust: Whether structures of a model's result that nobody edited have been found right, too; otherwise
                nothing is learned from them.

        Raises:
            InputError: There is none, or one of them cannot be learned from.
        """
        if segmentations is None:
            segmentations = [case.segmentation for case in scene_cases(trust) if case.usable]
        target = Path(folder) if folder else job_settings.new_folder(job_settings.sets_folder(), "scene")
        run = TrainingSetRun(segmentations, target.expanduser().absolute(), trust)
        run.start()
        return run

    def training_set(self, segmentations: Sequence[Any] | None = None,
                     folder: Path | str | None = None, trust: bool = False) -> TrainingSet:
        """Make a training set and wait for it; see `start_training_set`.

        Raises:
            HeartSegError: With a sentence and a remedy; nothing half-made is left.
        """
        return self.start_training_set(segmentations, folder, trust).wait()

    def estimate(self, wish: Wish) -> dict[str, Any]:
        """Return what a training would take, from a few steps that are computed and thrown away.

        Raises:
            HeartSegError: Something in it cannot work.
        """
        return dict(ask_for_estimate(wish).wait()["estimate"])

    def start_job(self, wish: Wish, name: str) -> JobStart:
        """Start a job in the background; call its `step` until it has finished, which is when the job trains.

        Args:
            wish: What it shall do.
            name: Of the job and its folder, which gets a number if it is taken.

        Raises:
            HeartSegError: The child process cannot be started.
        """
        return JobStart(job_settings.new_folder(job_settings.jobs_folder(), name), wish)

    def start(self, stage: str = FINETUNE, data: TrainingSet | None = None, recipe: str = "demo", *,
              name: str = "", start_from: str | None = None, **changes: Any) -> Path:
        """Start a job, wait until it trains, and return its folder.

        Args:
            stage: ssl, ressl or finetune.
            data: What it learns from; the recipe's own data if None.
            recipe: demo, lab or cluster.
            name: Of the job; the stage's if empty.
            start_from: `scratch`, `model:ID` or `job:FOLDER`; None for what is usual.
            changes: Entries of the job file that replace the recipe's, such as `steps=100`.

        Raises:
            HeartSegError: It does not begin to train; the sentence says why.
        """
        start = start_from or (DEFAULT_START if stage == FINETUNE else SCRATCH)
        wish = Wish(stage, recipe, str(data.index) if data else "", str(data.store) if data else "", start,
                    changes or None)
        return self.start_job(wish, name or stage).wait()

    def jobs(self) -> list[Any]:
        """Return a `JobSummary` of each job, running ones first."""
        return job_watch.list_jobs()

    def stop(self, folder: Path | str) -> None:
        """Ask a job to write a checkpoint and end after its current step; returns at once.

        Raises:
            UsageError: It does not run.
        """
        job_control.stop(Path(folder))

    def start_resume(self, folder: Path | str) -> JobStart:
        """Start to go on with a job; see `start_job`.

        Raises:
            HeartSegError: It runs, or is none.
        """
        return JobStart(Path(folder), None)

    def resume(self, folder: Path | str) -> Path:
        """Go on with a job from its newest checkpoint, and wait until it trains.

        Raises:
            HeartSegError: It does not; the sentence says why.
        """
        return self.start_resume(folder).wait()

    def curves(self, folder: Path | str) -> Columns:
        """Return the figures of a job by name, one number a line of its metrics.csv."""
        return read_columns(Path(folder))

    def log(self, folder: Path | str) -> str:
        """Return the last lines of a job's log."""
        return job_control.log_text(Path(folder))

    def checkpoints(self, folder: Path | str) -> list[str]:
        """Return the names of a job's checkpoints that can become models, newest first, the best one last."""
        path = Path(folder)
        names = [checkpoint_name(step) for step in job_watch.kept_steps(path)]
        return [*names, job_control.BEST] if job_watch.best_step(path) is not None else names

    def use_model(self, folder: Path | str, which: str = job_control.NEWEST) -> str:
        """Install a job's checkpoint as a model of HeartSeg3D, and return the model's id; the job may go on.

        Args:
            folder: Of the job.
            which: `newest`, `best` on cases that it does not learn from, or another name that `checkpoints` gives.

        Raises:
            HeartSegError: There is no such checkpoint, or the job does not learn to segment.
        """
        return str(job_control.use_model(Path(folder), which).wait()["id"])
