"""The folder in which a run says what was asked, what is happening and what came out."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from HeartSeg3DLib.errors import DiskError, InputError, UsageError

_SILENT_AFTER_S = 60.0
"""A process on another machine that has not written its state for so long is taken for dead."""

_LOCK_WAIT_S = 1.0
"""Whoever only looks whether a job runs holds its lock for an instant."""


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors about a file that is written into a sentence.

    Raises:
        DiskError: The disk is full, or the folder may not be written.
    """
    try:
        yield
    except OSError as error:
        raise DiskError(f"{path.name} could not be written in {path.parent} ({error.strerror}).",
                        "Make room or give write access, then resume; what was there before is whole.") from error


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace a file in one step: temporary name, then rename; where durable, with fsync against a power cut.

    Raises:
        DiskError: The disk is full, or the folder may not be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    with disk_errors(path):
        try:
            with open(temporary, "wb") as stream:
                stream.write(content)
                if durable:
                    stream.flush()
                    os.fsync(stream.fileno())
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


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
        """Add a line with the time to log.txt.

        Raises:
            DiskError: The disk is full.
        """
        file = self.path / "log.txt"
        with disk_errors(file), open(file, "a", encoding="utf-8") as stream:
            stream.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}\n")

    def write_job(self, job: dict[str, Any]) -> None:
        """Write what was asked."""
        write_atomically(self.job_file, json.dumps(job, indent=2).encode())

    def read_job(self) -> dict[str, Any] | None:
        """What was asked at the last start, None for a new folder.

        Raises:
            InputError: The file is damaged.
        """
        if not self.job_file.exists():
            return None
        try:
            asked: dict[str, Any] = json.loads(self.job_file.read_text("utf-8"))
        except ValueError as error:
            raise InputError(f"{self.job_file} is damaged: it does not say what this job was asked.",
                             "Bring it back from a copy, or start again in another folder; checkpoints are whole, and "
                             "each has what was asked in its own JSON file under 'config'.") from error
        return asked

    def write_state(self, state: dict[str, Any]) -> None:
        """Replace the state; readers never see half of it."""
        stamped = {**state, "pid": os.getpid(), "host": platform.node(),
                   "updated": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
        write_atomically(self.state_file, json.dumps(stamped, indent=2).encode(), durable=False)

    def read_state(self) -> dict[str, Any] | None:
        """What was said last, None before the first word."""
        try:
            state: dict[str, Any] = json.loads(self.state_file.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return state

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder for this process as long as it works in it.

        The lock is the operating system's: it ends with the process, whatever the clock says. A process on another
        machine is believed by its word, if that is fresh.

        Raises:
            UsageError: Another process works in it.
        """
        lock = FileLock(self.path / "LOCK", timeout=_LOCK_WAIT_S)
        try:
            lock.acquire()
        except Timeout as error:
            raise self._is_in_use() from error
        try:
            if self._runs_elsewhere():
                raise self._is_in_use()
            yield
        finally:
            lock.release()

    def is_running(self) -> bool:
        """Whether a process works in this folder."""
        lock = FileLock(self.path / "LOCK", timeout=0)
        try:
            with lock:
                return self._runs_elsewhere()
        except Timeout:
            return True

    def _is_in_use(self) -> UsageError:
        state = self.read_state() or {}
        ahead = self.state_file.stat().st_mtime - time.time() if self.state_file.exists() else 0.0
        if ahead > _SILENT_AFTER_S and state.get("host") != platform.node():
            return UsageError(
                f"A process on {state.get('host')} said that it trains in {self.path}, and its word is dated in the "
                f"future (by {ahead / 60:.0f} minutes): a clock was set back.",
                "If nothing trains there, delete state.json and resume; checkpoints stay as they are.")
        return UsageError(f"Another process is training in {self.path} (process {state.get('pid', 'unknown')} on "
                          f"{state.get('host', 'an unknown machine')}).", "Stop it with a file STOP, or wait.")

    def _runs_elsewhere(self) -> bool:
        """Whether a process on another machine said lately that it runs; locks do not always reach that far."""
        state = self.read_state()
        if state is None or state["status"] != "running" or state.get("host") == platform.node():
            return False
        return time.time() - self.state_file.stat().st_mtime < _SILENT_AFTER_S
