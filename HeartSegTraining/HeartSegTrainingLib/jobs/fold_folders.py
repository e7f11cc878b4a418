"""Folders of a job of several folds: one run after the other, each in a job folder below the job's own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .job_folder import write_atomically

_NAMES = "folds.json"


def note_folds(folder: Path, folds: Iterable[Path]) -> None:
    """Write down which folds a job is going to run, so that those which have not begun are known, too."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / _NAMES, json.dumps({"folds": [fold.name for fold in folds]}).encode())


def fold_folders(folder: str | Path) -> list[Path]:
    """Job folders of a job's folds in their order, there or not yet; empty for a job of one run."""
    path = Path(folder)
    if (path / "job.json").is_file():
        return []
    try:
        names = json.loads((path / _NAMES).read_text("utf-8"))["folds"]
    except (OSError, ValueError, KeyError, TypeError):
        names = sorted((run.parent.name for run in path.glob("fold_*/job.json") if run.parent.name[5:].isdigit()),
                       key=lambda name: int(name[5:]))
    return [path / name for name in names]
