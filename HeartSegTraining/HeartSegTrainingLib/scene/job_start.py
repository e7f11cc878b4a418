"""Starts a training: the child process writes what is asked for, then the job runs in a process of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import HeartSegError, UsageError
from HeartSeg3DLib.models.store import data_folder
from HeartSeg3DLib.scene import child
from HeartSeg3DLib.scene.failures import unexpected
from HeartSeg3DLib.scene.runner import worker_command
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.waiting import work_until
from HeartSegTrainingLib.scene.training_request import TrainingRequest
from HeartSegTrainingLib.worker.job_wish import Wish

_ERROR, _LAST_LINES = "Error: ", 12
"""A job prints what went wrong behind this word, and what to do about it on the next line."""


class JobStart:
    """Starts a job in the background: `step` until `finished`, which takes as long as loading PyTorch and the data.

    Args:
        folder: Job folder.
        wish: What a new job shall do; None to go on with the job of the folder.

    Attributes:
        finished: Whether the job has begun to train, or never will.
        error: Why it does not.
        stage: What is being done, a few words.
        notes: What a person should know of a job that was started: what becomes of the recipe's data.

    Raises:
        UsageError: The folder of a new job is there already.
        HeartSegError: The child process cannot be started, or the job cannot go on.
    """

    def __init__(self, folder: Path, wish: Wish | None) -> None:
        if wish is not None and folder.exists():  # a start that fails takes its folder with it
            raise UsageError(_("The folder {folder} is there already.").format(folder=folder),
                             _("Give the job another name."))
        self.folder = folder
        self.finished = False
        self.error: HeartSegError | None = None
        self.notes: tuple[str, ...] = ()
        self.stage = _("Checking what is asked for") if wish else _("Starting the job")
        self._job: Any = None
        self._new = wish is not None
        self._request: TrainingRequest | None = None
        if wish is not None:
            self._request = TrainingRequest("job_file", wish=asdict(wish), job_folder=str(folder))
        else:
            self._job = resume(folder)

    def step(self) -> None:
        """Look how far it is; never waits."""
        if self.finished:
            return
        try:
            if self._job is None:
                self._start_when_written()
            elif (failure := self._job.failure()) is not None:
                self._end(with_remedy(self.folder, failure))
            elif self._job.process.poll() is not None or self._job.has_begun():
                self._end(None)
        except HeartSegError as error:
            self._end(error)
        except Exception as error:  # whatever it is, the panel shows it and goes on
            self._end(unexpected(error))

    def cancel(self) -> None:
        """Forget it; a job that was started goes on."""
        if not self.finished:
            self._end(None)
            if self._job is None:
                shutil.rmtree(self.folder, ignore_errors=True)  # nothing has been learned in it

    def wait(self, progress: Callable[[float, str], None] | None = None) -> Path:
        """Wait until the job trains, for scripts; Slicer's window stays alive.

        Raises:
            HeartSegError: Why it does not.
        """
        def step() -> None:
            self.step()
            if progress is not None:
                progress(0.0, self.stage)

        work_until(lambda: self.finished, step)
        if self.error is not None:
            raise self.error
        return self.folder.resolve()  # as the list of jobs names it

    def _start_when_written(self) -> None:
        request = self._request
        assert request is not None
        if not request.step():
            return
        if request.error is not None:
            shutil.rmtree(self.folder, ignore_errors=True)  # nothing has been learned in it
            raise request.error
        assert request.result is not None
        self.stage, self.notes = _("Loading the data"), tuple(request.result.get("notes", ()))
        self._job = launch(str(request.result["kind"]), Path(request.result["file"]), self.folder)

    def _end(self, error: HeartSegError | None) -> None:
        self.finished, self.error = True, error
        if self._request is not None:
            self._request.close()


def launch(kind: str, file: Path, folder: Path) -> Any:
    """Start a job that outlives Slicer; returns its `DetachedJob` at once.

    Raises:
        HeartSegError: It cannot be started.
    """
    from HeartSegTrainingLib.jobs.launching import start_detached  # needs a package that Slicer may lack

    python, variables = python_and_environment()
    # Paths in recipes are relative: what they make lies with HeartSeg's other data.
    return start_detached(kind, file, folder, working_folder=data_folder(), python=python, environment=variables)


def resume(folder: Path) -> Any:
    """Go on with a job from its newest checkpoint; returns its `DetachedJob` at once.

    Raises:
        HeartSegError: It is running, or no job.
    """
    from HeartSegTrainingLib.jobs.launching import resume_detached

    python, variables = python_and_environment()
    return resume_detached(folder, python=python, environment=variables)


def with_remedy(folder: Path, failure: HeartSegError) -> HeartSegError:
    """Return the failure of a job that does not begin with the remedy that the job itself named.

    Args:
        folder: Job folder.
        failure: What became of its process; its remedy names the file with all that was printed.
    """
    from HeartSegTrainingLib.jobs.launch_note import last_words

    lines = last_words(folder, lines=_LAST_LINES)
    said = [number for number, line in enumerate(lines) if line.startswith(_ERROR)]
    if not said or said[-1] + 1 >= len(lines) or lines[said[-1]].removeprefix(_ERROR) not in failure.message:
        return failure
    return HeartSegError(failure.message, lines[said[-1] + 1])


def python_and_environment() -> tuple[str, dict[str, str]]:
    """Return Slicer's Python for processes of their own, and what they inherit."""
    command, _variables = worker_command()
    return command[0], child.environment()
