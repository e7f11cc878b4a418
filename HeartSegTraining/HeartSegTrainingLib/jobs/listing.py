"""Finds jobs and tells how each is doing, from their folders alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import InputError, UsageError

from .fold_folders import fold_folders
from .fold_summary import summary_of_folds
from .job_folder import JobFolder
from .job_summary import JobSummary
from .launch_note import ExitNote, LaunchNote
from .launching import is_supervised
from .reasons import why_it_ended
from .registry import known_jobs

_DEPTH = 4
"""Folders below a root in which jobs are looked for."""

_BEGINS_S = 30.0
"""So long after its start a job that has not said anything yet is about to begin."""


def find_jobs(roots: Iterable[str | Path] = (), *, known: bool = True) -> list[JobSummary]:
    """Jobs below some folders, and those that this user started; running ones first, then the one that spoke last.

    Args:
        roots: Job folders, or folders that hold some, up to four levels below.
        known: Add those on the user's list; where a folder is not there any more, its job is shown as gone.

    Raises:
        InputError: A root does not exist, or the user's list is damaged.
    """
    folders: dict[Path, str] = {}
    for root in roots:
        if not Path(root).is_dir():
            raise InputError(f"There is no folder {root}.", "Give a job folder, or one that holds some.")
        folders |= dict.fromkeys((path.resolve() for path in _job_folders(Path(root), _DEPTH)), "")
    if known:
        for job in known_jobs():
            folders.setdefault(Path(job.folder).resolve(), job.kind)
    jobs = [summary(folder, kind) for folder, kind in folders.items()]
    jobs.sort(key=lambda job: job.updated, reverse=True)
    return sorted(jobs, key=lambda job: not job.is_active)


def named_job(name: str | Path) -> JobSummary:
    """The job of a folder, or the one on the user's list with this name.

    Raises:
        UsageError: There is none, or there are several.
    """
    if Path(name).is_dir() and is_job_folder(name):
        return summary(Path(name).resolve())
    known = [job for job in known_jobs() if str(name) in (Path(job.folder).name, job.folder)]
    if len(known) > 1:
        raise UsageError(f"Several jobs are called {name}.",
                         f"Give the folder: {' or '.join(job.folder for job in known)}.")
    if not known:
        raise UsageError(f"{name} is not a job folder.", "Give a folder that `heartseg train` made, or a name that "
                         "`heartseg jobs list` shows.")
    return summary(Path(known[0].folder), known[0].kind)


def is_job_folder(folder: str | Path) -> bool:
    """Whether a job was ever started there."""
    return any((Path(folder) / name).is_file() for name in ("job.json", "launch.json")) or bool(fold_folders(folder))


def folds_of(folder: str | Path) -> list[JobSummary]:
    """How each fold of a job is doing, those that have not begun included; empty for a job of one run."""
    return [summary(fold) if is_job_folder(fold) else JobSummary(fold, fold.name) for fold in fold_folders(folder)]


def summary(folder: str | Path, kind: str = "") -> JobSummary:
    """How the job of a folder is doing; reads some small files and never waits.

    Args:
        folder: Job folder; need not exist any more.
        kind: Its kind, for a folder that does not say.
    """
    path = Path(folder)
    if not is_job_folder(path):
        return JobSummary(path, path.name, kind, "gone", reason=why_it_ended(path, None, "gone"))
    job, note = JobFolder(path), LaunchNote.of_job(path)
    if folds := folds_of(path):
        is_beginning = note is not None and ExitNote.of_job(path) is None and _is_about_to_begin(path, note)
        return summary_of_folds(path, folds, note, is_beginning=is_beginning)
    said = job.read_state()
    status = _status(job, note, said)
    values = said or {}
    return JobSummary(
        path, path.name, str(values.get("kind") or (note.kind if note else kind)), status, values.get("step"),
        values.get("steps"), float(values.get("progress") or 0.0),
        values.get("eta_seconds") if status == "running" else None, values.get("loss"), dict(values.get("dice") or {}),
        why_it_ended(path, said, status), str(values.get("updated") or (note.started if note else "")),
        _quiet_seconds(job), values)


def _status(job: JobFolder, note: LaunchNote | None, said: dict[str, Any] | None) -> str:
    status = str((said or {}).get("status", ""))
    if _is_held(job):
        return "running" if status == "running" else "starting"
    if note is not None and ExitNote.of_job(job.path) is None and _is_about_to_begin(job.path, note):
        return "starting"
    if note is not None and _spoke_before(job, note):  # what it says is of an earlier session
        exit_note = ExitNote.of_job(job.path)
        if note.mode == "slurm":
            return "queued"
        if exit_note is not None and exit_note.code != 0:
            return "failed"
    if status == "running":
        return "silent"
    return status or ("new" if note is None or ExitNote.of_job(job.path) is not None else "silent")


def _is_held(job: JobFolder) -> bool:
    try:
        return job.is_running()
    except OSError:  # somebody else's folder on a disk that may only be read: its word has to do
        state = job.read_state() or {}
        return state.get("status") == "running" and _quiet_seconds(job) < 60.0


def _is_about_to_begin(folder: Path, note: LaunchNote) -> bool:
    if note.mode != "detached":
        return False
    return is_supervised(folder) or 0.0 <= _age(folder / "launch.json") < _BEGINS_S  # below 0: a clock was set back


def _spoke_before(job: JobFolder, note: LaunchNote) -> bool:
    """Whether the job has not said anything since it was started last."""
    if not job.state_file.exists():
        return True
    return job.state_file.stat().st_mtime_ns < (job.path / "launch.json").stat().st_mtime_ns


def _quiet_seconds(job: JobFolder) -> float:
    return round(max(_age(job.state_file), 0.0), 1) if job.state_file.exists() else 0.0


def _age(file: Path) -> float:
    return time.time() - file.stat().st_mtime


def _job_folders(root: Path, depth: int) -> Iterator[Path]:
    if is_job_folder(root):
        yield root
    if depth == 0 or (root / "job.json").is_file():  # below a job of several folds lie their runs
        return
    try:
        entries = sorted(entry.path for entry in os.scandir(root)
                         if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."))
    except PermissionError:  # not this user's business
        return
    for entry in entries:
        yield from _job_folders(Path(entry), depth - 1)
