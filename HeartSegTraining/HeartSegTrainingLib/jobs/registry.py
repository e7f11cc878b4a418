"""Job folders that this user has started, so that jobs are found again wherever they lie."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from HeartSeg3DLib.errors import DiskError, InputError
from HeartSeg3DLib.models.store import data_folder

from .job_folder import write_atomically

_PATIENCE_S = 10.0


@dataclass(frozen=True)
class KnownJob:
    """A job folder that was started once.

    Attributes:
        folder: Where it was.
        kind: Kind of training.
        started: When it was started last, local time in ISO 8601.
    """

    folder: str
    kind: str
    started: str


def registry_file() -> Path:
    """Where the list lies: in the user's HeartSeg data, see HEARTSEG_DATA."""
    return data_folder() / "jobs.json"


def known_jobs() -> list[KnownJob]:
    """All jobs on the list, the one started last first.

    Raises:
        InputError: The list is damaged.
    """
    file = registry_file()
    if not file.exists():
        return []
    try:
        return [KnownJob(**entry) for entry in json.loads(file.read_text("utf-8"))["jobs"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"The list of known jobs {file} cannot be read.",
                         "Remove it; jobs are found again below the folders that you name.") from error


def remember(folder: str | Path, kind: str) -> None:
    """Put a job on top of the list.

    Raises:
        InputError: The list is damaged.
        DiskError: It cannot be written.
    """
    file = registry_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock"), timeout=_PATIENCE_S):
            entry = KnownJob(str(Path(folder).absolute()), kind, time.strftime("%Y-%m-%dT%H:%M:%S%z"))
            _write([entry, *(other for other in known_jobs() if other.folder != entry.folder)])
    except (OSError, Timeout) as error:
        raise DiskError(f"The list of known jobs {file} cannot be written.",
                        "Give write access, or set HEARTSEG_DATA to another folder.") from error


def forget(folder: str | Path) -> bool:
    """Take a job off the list, its folder stays; False when it was not on it."""
    file = registry_file()
    if not file.exists():
        return False
    with FileLock(file.with_suffix(".lock"), timeout=_PATIENCE_S):
        jobs = known_jobs()
        kept = [job for job in jobs if job.folder != str(Path(folder).absolute())]
        _write(kept)
    return len(kept) < len(jobs)


def _write(jobs: list[KnownJob]) -> None:
    write_atomically(registry_file(), json.dumps({"jobs": [asdict(job) for job in jobs]}, indent=2).encode())
