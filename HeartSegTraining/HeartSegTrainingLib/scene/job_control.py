"""What can be done with a job that exists: stop it, read its log, take it off the list, use its model."""

from __future__ import annotations

from pathlib import Path

from HeartSegTrainingLib.scene.training_request import TrainingRequest

NEWEST, BEST = "newest", "best"
"""Checkpoints that become models, whichever they are then; a name of `checkpoint_name` is one for good."""

_TAIL_BYTES = 64_000


def stop(folder: Path) -> None:
    """Ask a job to write a checkpoint and end after its current step; returns at once.

    Raises:
        UsageError: It does not run.
    """
    from HeartSegTrainingLib.jobs.stopping import ask_to_stop  # needs a package that Slicer may lack

    ask_to_stop(folder)


def forget(folder: Path) -> None:
    """Take a job off this user's list; its folder stays."""
    from HeartSegTrainingLib.jobs import registry

    registry.forget(folder)


def log_text(folder: Path) -> str:
    """Return the last lines of a job's log, and what else it printed; empty before its first word."""
    texts = [_tail(folder / name) for name in ("log.txt", "output.txt")]
    return "\n".join(text.rstrip() for text in texts if text.strip())


def use_model(folder: Path, which: str = NEWEST) -> TrainingRequest:
    """Start to install a checkpoint of a job as a model that HeartSeg3D lists; the job may go on.

    Args:
        folder: Job folder.
        which: NEWEST, BEST on cases that the job does not learn from, or a name of `job_wish.checkpoint_name`.

    Returns:
        The request to a child process, to be stepped until it is done. Its `result` tells `id`, `title` and `step`.

    Raises:
        HeartSegError: The child process cannot be started.
    """
    return TrainingRequest("use_model", job_folder=str(folder), which=which)


def _tail(file: Path) -> str:
    try:
        with open(file, "rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(stream.tell() - _TAIL_BYTES, 0))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
