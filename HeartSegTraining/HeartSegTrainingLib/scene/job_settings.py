"""What this user's Slicer remembers of training from one session to the next, and where its files lie."""

from __future__ import annotations

import re
from pathlib import Path

import slicer

from HeartSeg3DLib.models.store import data_folder

_GROUP = "HeartSegTraining/"
_CHOICES = ("stage", "recipe", "start", "device", "index", "store", "job")


def jobs_folder() -> Path:
    """Return the folder in which jobs of this module lie; with HeartSeg's other data, so that it outlives updates."""
    return data_folder() / "jobs"


def sets_folder() -> Path:
    """Return the folder of training sets that were made from scenes."""
    return data_folder() / "training_sets"


def new_folder(parent: Path, name: str) -> Path:
    """Return a folder of this name that is not there yet, numbered if need be; it is not made.

    Args:
        parent: Where it shall lie.
        name: What a person calls it; other characters than letters, digits, `-` and `_` become `-`.
    """
    safe = re.sub(r"[^\w-]+", "-", name).strip("-")[:60] or "training"
    numbers = ("", *(f"-{number}" for number in range(2, 10_000)))
    return next(parent / f"{safe}{number}" for number in numbers if not (parent / f"{safe}{number}").exists())


def remembered(choice: str) -> str:
    """Return what was chosen last, an empty text before the first time.

    Args:
        choice: stage, recipe, start, device, index, store or job.
    """
    return str(slicer.app.userSettings().value(_GROUP + choice, "") or "")


def remember(**choices: str) -> None:
    """Keep choices for the next session."""
    for choice, value in choices.items():
        if choice not in _CHOICES:
            raise KeyError(choice)
        slicer.app.userSettings().setValue(_GROUP + choice, value)
