"""Watches a detached job: starts it, passes on requests to stop, and notes how it ended when it cannot do so itself.

python -m HeartSegTrainingLib.jobs.supervised JOBDIR PROGRAM ARGUMENT...

The system's killer of processes that take too much memory picks the large one; this one stays small (no torch) and
outlives it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from filelock import FileLock

from .launch_note import SUPERVISOR_LOCK, ExitNote

_PASSED_ON = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2") if hasattr(signal, name)]


def supervise(folder: Path, command: list[str]) -> int:
    """Run a command to its end and note how it ended in the job folder; returns its exit code."""
    with FileLock(folder / SUPERVISOR_LOCK):
        process = subprocess.Popen(command)

        def pass_on(number: int, frame: FrameType | None) -> None:
            process.send_signal(number)

        for number in _PASSED_ON:
            signal.signal(number, pass_on)
        code = process.wait()
        ExitNote(code, time.strftime("%Y-%m-%dT%H:%M:%S%z")).save(folder)
    return code


if __name__ == "__main__":
    sys.exit(supervise(Path(sys.argv[1]), sys.argv[2:]))
