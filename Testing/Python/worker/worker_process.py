"""A worker in a process of its own, with random models."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from HeartSeg3DLib.scene.runner import ChildProcess, worker_command

PATIENCE_SECONDS = 120

# The worker with nothing that comes with HeartSeg, so that the user's random models are the default ones; `first` is
# run before it starts.
PROGRAM = """
from pathlib import Path
from HeartSeg3DLib import resources
from HeartSeg3DLib.worker.__main__ import main
resources.folders = lambda: (Path("nowhere"),)
{first}
main()
"""


def start_worker(first: str = "", **variables: str) -> ChildProcess:
    """Starts the worker; `first` is code that it runs before."""
    _, environment = worker_command()
    return ChildProcess([sys.executable, "-c", PROGRAM.format(first=first)], {**environment, **variables})


def answer(child: ChildProcess, kinds: tuple[str, ...] = ("result", "error")) -> list[dict[str, Any]]:
    """Events up to the first of these kinds."""
    events: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(event["event"] in kinds for event in events):
        assert time.monotonic() < deadline, (events, child.stderr_tail)
        events += child.poll()
        time.sleep(0.005)
    return events


def is_alive(process: int) -> bool:
    """Whether a process runs; one that has ended and was not buried does not."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def wait_until(condition: Any, what: str) -> None:
    """Until something is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
