"""The folder in which a run says what was asked, what is happening and what came out."""

from __future__ import annotations

import csv
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import UsageError

_SILENT_AFTER_S = 60.0
"""A process that has not written its state for so long is taken for dead."""


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace a file in one step: temporary name, then rename; where durable, with fsync against a power cut."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as stream:
        stream.write(content)
        if durable:
            stream.flush()
            os.fsync(stream.fileno())
    os.replace(temporary, path)


class JobFolder:
    """Reads and writes one job folder.

    Args:
        path: The folder; made when absent.

    Raises:
        UsageError: It cannot be made.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"The job folder {self.path} cannot be made.", "Choose another folder.") from error

    @property
    def job_file(self) -> Path:
        """What was asked."""
        return self.path / "job.json"

    @property
    def state_file(self) -> Path:
        """What is happening."""
        return self.path / "state.json"

    @property
    def metrics_file(self) -> Path:
        """One line of figures every few steps."""
        return self.path / "metrics.csv"

    @property
    def stop_file(self) -> Path:
        """Exists when somebody asks the run to stop."""
        return self.path / "STOP"

    def log(self, message: str) -> None:
        """Add a line with the time to log.txt."""
        with open(self.path / "log.txt", "a", encoding="utf-8") as stream:
            stream.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}\n")

    def write_job(self, job: dict[str, Any]) -> None:
        """Write what was asked."""
        write_atomically(self.job_file, json.dumps(job, indent=2).encode())

    def read_job(self) -> dict[str, Any] | None:
        """What was asked at the last start, None for a new folder."""
        return json.loads(self.job_file.read_text("utf-8")) if self.job_file.exists() else None

    def write_state(self, state: dict[str, Any]) -> None:
        """Replace the state; readers never see half of it."""
        stamped = {**state, "pid": os.getpid(), "host": platform.node(),
                   "updated": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
        write_atomically(self.state_file, json.dumps(stamped, indent=2).encode(), durable=False)

    def is_running(self) -> bool:
        """Whether another process works in this folder: it says so, said so lately, and is alive."""
        try:
            state = json.loads(self.state_file.read_text("utf-8"))
            age_s = time.time() - self.state_file.stat().st_mtime
        except (OSError, ValueError):
            return False
        if state["status"] != "running" or age_s > _SILENT_AFTER_S or state["pid"] == os.getpid():
            return False
        return state.get("host") != platform.node() or _is_alive(state["pid"])

    def append_metrics(self, row: dict[str, float | int]) -> None:
        """Add a line to metrics.csv, with a header when it is the first."""
        is_new = not self.metrics_file.exists()
        with open(self.metrics_file, "a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)

    def drop_metrics_after(self, step: int) -> None:
        """Forget the lines that a resumed run will write again, and a torn last line."""
        if not self.metrics_file.exists():
            return
        header, *lines = self.metrics_file.read_text("utf-8").splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n") and line.count(",") == header.count(",")]
        kept = [line for line in whole if int(line.split(",")[0]) <= step]
        write_atomically(self.metrics_file, "".join([header, *kept]).encode())


def _is_alive(pid: int) -> bool:
    if os.name != "posix":
        return True  # signal 0 would end the process there; the age of its last word has to do
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
