"""How a job was started and how its process ended: launch.json and exit.json of the job folder."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .job_folder import write_atomically

OUTPUT = "output.txt"
"""What a detached job prints, beside its log.txt."""

_STARTED = "--- Started "
"""Begins a line of OUTPUT at each start; what stands above is of earlier ones."""

SUPERVISOR_LOCK = "SUPERVISOR"
"""Lock of the process that watches a detached job."""


@dataclass(frozen=True)
class LaunchNote:
    """How a job was started last.

    Attributes:
        kind: Kind of training.
        config_file: Job file, absolute.
        working_folder: Against which paths in the job file are taken.
        processes: Processes of the run on this machine.
        mode: foreground, detached or slurm.
        started: Local time in ISO 8601.
        cluster_job: Number of SLURM's job.
        cluster_request: What it asked of SLURM, see `cluster.ClusterRequest`.
    """

    kind: str
    config_file: str
    working_folder: str
    processes: int = 1
    mode: str = "foreground"
    started: str = ""
    cluster_job: str = ""
    cluster_request: dict[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write it, and forget how an earlier process ended."""
        (folder / "exit.json").unlink(missing_ok=True)
        note = {**asdict(self), "started": self.started or time.strftime("%Y-%m-%dT%H:%M:%S%z")}
        write_atomically(folder / "launch.json", json.dumps(note, indent=2).encode())

    @classmethod
    def of_job(cls, folder: Path) -> LaunchNote | None:
        """How the job of a folder was started last, None if nobody noted it."""
        values = _read(folder / "launch.json")
        try:
            return None if values is None else cls(**values)
        except TypeError:  # of another version
            return None


@dataclass(frozen=True)
class ExitNote:
    """How the process of a detached job ended.

    Attributes:
        code: Exit code; negative for a signal.
        ended: Local time in ISO 8601.
    """

    code: int
    ended: str

    def save(self, folder: Path) -> None:
        """Write it."""
        write_atomically(folder / "exit.json", json.dumps(asdict(self)).encode())

    @classmethod
    def of_job(cls, folder: Path) -> ExitNote | None:
        """How the process that was started last ended, None while it runs or if nobody watched it."""
        values = _read(folder / "exit.json")
        try:
            return None if values is None else cls(**values)
        except TypeError:
            return None


def heading() -> bytes:
    """What is written into OUTPUT before a job prints anything."""
    return f"{_STARTED}{time.strftime('%Y-%m-%dT%H:%M:%S%z')}\n".encode()


def last_words(folder: Path, lines: int | None = 3) -> list[str]:
    """Last lines that a detached job printed since it was started last; all of them for None."""
    try:
        said = (folder / OUTPUT).read_text("utf-8", errors="replace")
    except OSError:
        return []
    found = [line.strip() for line in said.splitlines() if line.strip()]
    starts = [number for number, line in enumerate(found) if line.startswith(_STARTED)]
    found = found[starts[-1] + 1:] if starts else found
    return found if lines is None else found[-lines:]


def _read(file: Path) -> dict[str, Any] | None:
    try:
        values = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None
