"""Asks jobs to stop, and waits until they have."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from HeartSeg3DLib.errors import HeartSegError, UsageError

from .job_folder import JobFolder
from .launching import is_supervised
from .listing import JobSummary, folds_of, summary

_LOOK_EVERY_S = 0.5


def ask_to_stop(folder: str | Path) -> None:
    """Ask a job, with all its folds, to write a checkpoint and stop after its current step; returns at once.

    Raises:
        UsageError: Nothing runs in the folder.
    """
    found = summary(folder)
    if not found.is_active:
        raise UsageError(f"The job {found.name} is not running ({found.state}).", "There is nothing to stop.")
    JobFolder(folder).stop_file.touch()
    for fold in folds_of(folder):
        if fold.is_active:
            JobFolder(fold.folder).stop_file.touch()


def wait_until_stopped(folder: str | Path, *, seconds: float,
                       show: Callable[[JobSummary], None] = lambda found: None) -> JobSummary:
    """Wait until a job that was asked to stop has saved and gone.

    Args:
        folder: Its folder.
        seconds: Longest wait.
        show: Called with how the job is doing, every now and then.

    Raises:
        HeartSegError: It has not stopped by then.
    """
    end = time.monotonic() + seconds
    while True:
        found = summary(folder)
        if not found.is_active and not is_supervised(Path(folder)):
            return found
        if time.monotonic() > end:
            raise HeartSegError(
                f"The job {found.name} was asked to stop and is still in its step after {seconds:.0f} s.",
                "Wait: it will stop after the step. Its log.txt says more.")
        show(found)
        time.sleep(_LOOK_EVERY_S)
