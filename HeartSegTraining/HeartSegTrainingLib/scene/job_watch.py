"""Looks at all jobs in a thread: folders may lie on a slow disk, and the window never waits for one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.scene.failures import unexpected
from HeartSeg3DLib.scene.transfer import BackgroundTask
from HeartSegTrainingLib.scene.curves import Columns, read_columns
from HeartSegTrainingLib.scene.job_settings import jobs_folder


@dataclass(frozen=True)
class Seen:
    """What a look at the jobs found.

    Attributes:
        jobs: A `JobSummary` each, running ones first.
        chosen: Folder of the job whose curves were read, None without one.
        columns: Its figures.
        best: Step of its checkpoint that is best on other cases, None where there is none.
        kept: Steps of its other checkpoints, newest first.
        error: Why nothing could be found.
    """

    jobs: tuple[Any, ...] = ()
    chosen: Path | None = None
    columns: Columns = field(default_factory=dict)
    best: int | None = None
    kept: tuple[int, ...] = ()
    error: HeartSegError | None = None


class JobWatch:
    """One look at a time: `look` begins it, `step` says whether it has ended and `seen` what it found."""

    def __init__(self) -> None:
        self.seen = Seen()
        self._task: BackgroundTask[Seen] | None = None
        self._curves: dict[Path, tuple[tuple[int, int], Columns]] = {}

    @property
    def looking(self) -> bool:
        """Whether a look goes on."""
        return self._task is not None

    def look(self, chosen: Path | None) -> None:
        """Begin to look at all jobs and at one job's curves; does nothing while a look goes on."""
        if self._task is None:
            self._task = BackgroundTask(lambda: self._look(chosen))

    def step(self) -> bool:
        """Take what was found; returns whether the look has ended. Never waits."""
        if self._task is None:
            return True
        if not self._task.done:
            return False
        task, self._task = self._task, None
        try:
            self.seen = task.result()
        except HeartSegError as error:
            self.seen = Seen(error=error)
        except Exception as error:  # whatever it is, the panel shows it and looks again
            self.seen = Seen(error=unexpected(error))
        return True

    def _look(self, chosen: Path | None) -> Seen:
        if chosen is None:
            return Seen(tuple(list_jobs()))
        return Seen(tuple(list_jobs()), chosen, self._columns(chosen), best_step(chosen), kept_steps(chosen))

    def _columns(self, folder: Path) -> Columns:
        """Return a job's figures; the file is read only after it has changed."""
        try:
            found = (folder / "metrics.csv").stat()
        except OSError:
            return {}
        stamp = found.st_mtime_ns, found.st_size
        known = self._curves.get(folder)
        if known is None or known[0] != stamp:
            known = self._curves[folder] = stamp, read_columns(folder)
        return known[1]


def best_step(folder: Path) -> int | None:
    """Return the step of a job's checkpoint that is best on other cases, by its name alone; None without one."""
    return max(_steps(folder, "best"), default=None)


def kept_steps(folder: Path) -> tuple[int, ...]:
    """Return the steps of a job's checkpoints, newest first, by their names alone; `checkpoint_name` names each."""
    return tuple(sorted(_steps(folder, "step"), reverse=True))


def _steps(folder: Path, kind: str) -> list[int]:
    """Steps of the checkpoints of a kind; one without its JSON, which is written last, is not complete."""
    found = (re.fullmatch(rf"{kind}_(\d{{7,}})", path.stem) for path in (folder / "checkpoints").glob(f"{kind}_*.json"))
    return [int(match[1]) for match in found if match]


def list_jobs() -> list[Any]:
    """Return a `JobSummary` of each job that this user started, and of those in the folder of this module.

    Raises:
        InputError: The list of jobs is damaged.
    """
    from HeartSegTrainingLib.jobs.listing import find_jobs  # needs a package that Slicer may lack

    return find_jobs([jobs_folder()] if jobs_folder().is_dir() else [])
