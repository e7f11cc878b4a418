"""How a job of several folds is doing, from how each of them is."""

from __future__ import annotations

from pathlib import Path

from .job_summary import JobSummary
from .launch_note import ExitNote, LaunchNote
from .reasons import words_of_exit


def summary_of_folds(folder: Path, folds: list[JobSummary], note: LaunchNote | None, *,
                     is_beginning: bool) -> JobSummary:
    """The whole job: its state is that of the fold at which it is, its progress the mean of all.

    Args:
        folder: The job's folder.
        folds: Its folds in their order, those that have not begun included.
        note: How it was started, None where nobody noted it.
        is_beginning: Whether its process lives, or was started just now.
    """
    at = _at(folds)
    state, reason = _state(folder, folds, at, note, is_beginning)
    kind = next((fold.kind for fold in folds if fold.kind), note.kind if note is not None else "")
    return JobSummary(
        folder, folder.name, kind, state, at.step, at.steps, sum(_progress(fold) for fold in folds) / len(folds),
        None, at.loss, at.dice, reason, max((fold.updated for fold in folds), default=""), at.quiet_seconds)


def _at(folds: list[JobSummary]) -> JobSummary:
    """The fold at which it is: the active one, else the first that has begun and is not finished, else the last."""
    for wanted in (lambda fold: fold.is_active, lambda fold: fold.state not in ("finished", "new")):
        if found := [fold for fold in folds if wanted(fold)]:
            return found[0]
    return [fold for fold in folds if fold.state == "finished" or fold is folds[0]][-1]


def _state(folder: Path, folds: list[JobSummary], at: JobSummary, note: LaunchNote | None,
           is_beginning: bool) -> tuple[str, str]:
    """State and why it does not run."""
    if at.is_active:
        return at.state, ""
    if is_beginning:
        return "starting", ""
    if note is not None and note.mode == "slurm" and _is_newer_than(folder, folds):
        return "queued", ""
    if all(fold.state == "finished" for fold in folds):
        return "finished", ""
    done = f"{sum(fold.state == 'finished' for fold in folds)} of {len(folds)} folds are finished."
    exit_note = ExitNote.of_job(folder)
    if exit_note is not None and exit_note.code not in (0, 130) and (at.state != "failed" or
                                                                      _is_newer_than(folder, folds)):
        return "failed", f"{words_of_exit(folder, exit_note.code)} {done}"
    if at.state in ("finished", "new"):
        return "stopped", f"It ended between two folds. {done}"
    return at.state, f"{at.name}: {at.reason} {done}"


def _is_newer_than(folder: Path, folds: list[JobSummary]) -> bool:
    """Whether no fold has said anything since the job was started last."""
    started = (folder / "launch.json").stat().st_mtime_ns
    said = [(fold.folder / "state.json") for fold in folds]
    return all(file.stat().st_mtime_ns < started for file in said if file.exists())


def _progress(fold: JobSummary) -> float:
    return 1.0 if fold.state == "finished" else fold.progress
