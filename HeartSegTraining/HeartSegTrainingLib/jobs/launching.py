"""Starts jobs in processes of their own, which go on when the window or the shell that started them is closed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

import HeartSeg3DLib
from HeartSeg3DLib.errors import HeartSegError, InputError, UsageError
from HeartSeg3DLib.worker.process_group import start_options

from .fold_folders import fold_folders
from .job_folder import JobFolder
from .launch_note import OUTPUT, SUPERVISOR_LOCK, ExitNote, LaunchNote, heading, last_words
from .registry import remember

_LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class DetachedJob:
    """A job that was started in a process of its own.

    Attributes:
        folder: Its job folder.
        pid: Process that watches it; a signal to it reaches the job.
        process: The same as Python knows it, as long as this program lives.
    """

    folder: Path
    pid: int
    process: subprocess.Popen[bytes]

    def has_begun(self) -> bool:
        """Whether it has written its first word; before, it loads PyTorch and checks its data."""
        job = JobFolder(self.folder)
        return job.is_running() and (job.read_state() or {}).get("status") == "running"

    def failure(self) -> HeartSegError | None:
        """Why it is gone, None while it lives or if it ended in order; asks the system and returns at once."""
        code = self.process.poll()
        if code is None or code == 0:
            return None
        state = JobFolder(self.folder).read_state() or {}
        if state.get("status") in ("finished", "stopped"):
            return None
        return _failure(self.folder, code)


def start_detached(kind: str, config_file: str | Path, job_dir: str | Path, *, resume: bool = False,
                   processes: int = 1, working_folder: str | Path | None = None, python: str | None = None,
                   environment: Mapping[str, str] | None = None) -> DetachedJob:
    """Start a job that outlives this program; returns at once, before the job has loaded anything.

    Args:
        kind: ssl, ressl or finetune.
        config_file: Job file (TOML), or job.json of the folder to go on with what was asked there.
        job_dir: Job folder; made when absent. What the job prints goes to its output.txt.
        resume: Go on from the newest checkpoint.
        processes: Processes on this machine, one a graphics card; several are joined by torchrun.
        working_folder: Against which paths in the job file are taken; the current folder if None.
        python: Python to start it with; this one if None.
        environment: What the job shall inherit, in 3D Slicer its start-up environment; this process's own if None.

    Raises:
        UsageError: The folder is in use, or holds a run and `resume` is False.
        HeartSegError: The job's process cannot be started.
    """
    job = JobFolder(Path(job_dir).absolute())
    check_free(job, resume=resume)
    note = LaunchNote(kind, str(Path(config_file).absolute()), str(Path(working_folder or Path.cwd()).absolute()),
                      processes, "detached")
    note.save(job.path)
    remember_or_log(job, kind)
    program = python or sys.executable
    command = [program, "-m", "HeartSegTrainingLib.jobs.supervised", str(job.path),
               *job_command(program, note, job.path, resume=resume)]
    with open(job.path / OUTPUT, "ab") as output:
        output.write(heading())
        output.flush()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                       cwd=note.working_folder, env=job_environment(environment),
                                       **start_options(sys.platform))
        except OSError as error:
            raise InputError(f"The job's process cannot be started ({error.strerror}).",
                             "Check the Python and the working folder.") from error
    return DetachedJob(job.path, process.pid, process)


def resume_detached(job_dir: str | Path, *, python: str | None = None,
                    environment: Mapping[str, str] | None = None) -> DetachedJob:
    """Go on with the job of a folder as it was asked for, from its newest checkpoint; see `start_detached`.

    Raises:
        UsageError: It is in use, no job's folder, or was handed to SLURM.
    """
    folder = Path(job_dir).absolute()
    note = note_to_resume(folder)
    if note.mode == "slurm":
        raise UsageError(f"The job {folder.name} was handed to SLURM, and this machine may not be made for training.",
                         f"Queue it again on the cluster: heartseg jobs resume {folder}")
    return start_detached(note.kind, note.config_file, folder, resume=True, processes=note.processes,
                          working_folder=note.working_folder, python=python, environment=environment)


def note_to_resume(folder: Path) -> LaunchNote:
    """How to go on with the job of a folder: what job.json says was asked, else the job file of its first start.

    Raises:
        UsageError: The folder holds no job.
    """
    note = LaunchNote.of_job(folder) or _note_of_folds(folder)
    job_file = folder / "job.json"
    if job_file.is_file():
        kind = str((JobFolder(folder).read_job() or {}).get("kind", ""))
        known = note or LaunchNote(kind, "", str(Path.cwd()))
        return replace(known, kind=kind, config_file=str(job_file))
    if note is None:
        raise UsageError(f"{folder} is not a job folder.", "Give a folder that `heartseg train` made.")
    return note


def _note_of_folds(folder: Path) -> LaunchNote | None:
    """How a job of several folds was started, where only the folds say so; not how one of them was resumed alone."""
    notes = [LaunchNote.of_job(fold) for fold in fold_folders(folder)]
    return next((note for note in notes if note is not None and Path(note.config_file).name != "job.json"), None)


def wait_for_beginning(job: DetachedJob, seconds: float, show: Callable[[], None] = lambda: None) -> bool:
    """Wait until a job has begun to train, at most so long; False if it still prepares itself then.

    Raises:
        HeartSegError: The job has died; the error says of what.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (failure := job.failure()) is not None:
            raise failure
        if job.process.poll() is not None or job.has_begun():
            return True
        show()
        time.sleep(_LOOK_EVERY_S)
    return False


def check_free(job: JobFolder, *, resume: bool) -> None:
    """Make sure that a job may be started in a folder.

    Raises:
        UsageError: It is in use, or holds a run and `resume` is False.
    """
    if job.is_running() or is_supervised(job.path):
        raise UsageError(f"A job is running in {job.path} already.", "Stop it, wait for it, or give another folder.")
    if not resume and any(job.checkpoints.glob("step_*.safetensors")):
        raise UsageError(f"The folder {job.path} already holds a run.", "Resume it, or give another folder.")


def is_supervised(folder: Path) -> bool:
    """Whether the process that watches a detached job lives on this machine."""
    if not (folder / SUPERVISOR_LOCK).exists():
        return False
    try:
        with FileLock(folder / SUPERVISOR_LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # somebody else's folder: whoever may not write there did not start it either
        return False


def remember_or_log(job: JobFolder, kind: str) -> None:
    """Put a job on the user's list; where that is not possible the job's log says so, and the job goes on."""
    try:
        remember(job.path, kind)
    except HeartSegError as error:
        job.log(f"Not on the list of known jobs: {error}")


def job_command(program: str, note: LaunchNote, folder: Path, *, resume: bool) -> list[str]:
    """Command line of a job's process, with torchrun for several."""
    module = ["-m", "HeartSegTrainingLib.jobs.run_job", note.kind, note.config_file, str(folder),
              *(["--resume"] if resume else [])]
    if note.processes == 1:
        return [program, *module]
    return [program, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(note.processes), *module]


def job_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a job's process inherits: both libraries on its path, wherever it is started."""
    inherited = dict(os.environ if environment is None else environment)
    ours = [str(Path(__file__).resolve().parents[2]), str(Path(HeartSeg3DLib.__file__).resolve().parents[1])]
    others = [folder for folder in inherited.get("PYTHONPATH", "").split(os.pathsep) if folder and folder not in ours]
    return {**inherited, "PYTHONPATH": os.pathsep.join([*dict.fromkeys(ours), *others]), "PYTHONSAFEPATH": "1",
            "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def _failure(folder: Path, code: int) -> HeartSegError:
    from .reasons import words_of_exit

    exit_note = ExitNote.of_job(folder)
    said = words_of_exit(folder, exit_note.code if exit_note is not None else code)
    return HeartSegError(f"The job ended before it began to train: {said}",
                         f"All that it printed is in {folder / OUTPUT}." if last_words(folder)
                         else "Start it without --detach to see more.")
