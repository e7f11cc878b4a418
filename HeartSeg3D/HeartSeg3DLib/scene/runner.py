"""Starts, reads and kills the child process that does the work; nothing here waits in the GUI thread."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from HeartSeg3DLib.worker.folder import OWN_GROUP
from HeartSeg3DLib.worker.process_group import start_options

_TAIL_LINES, _LONGEST_LINE = 200, 2000
_PATIENCE_SECONDS = 2.0
_POLITE_SECONDS = 0.5
_DRAIN_SECONDS = 1.0
"""How long the last words of a process that has ended may take to arrive."""

_KILLED_BY_SYSTEM = {-9, 137, 0xC0000017, 0xC000012D}
"""SIGKILL, as a launcher reports it, and Windows' STATUS_NO_MEMORY and STATUS_COMMITMENT_LIMIT."""

_MEMORY_SIGNS = ("MemoryError", "bad_alloc", "out of memory", "Cannot allocate memory")

_OUT_OF_MEMORY = (
    "The system ended the work, most likely because the computer's memory ran out.",
    "Close other programs, choose the quality 'fast', or crop the scan to the chest.",
)
_UNEXPECTED = (
    "The process that does the work ended unexpectedly.",
    "Try it again; if it happens again, choose the CPU as device and send the report to the developers.",
)
_END_OF_JOB = {"result", "error"}


def worker_command(environment: Mapping[str, str] | None = None, module: str = "HeartSeg3DLib.worker",
                   folders: Sequence[Path] = ()) -> tuple[list[str], dict[str, str]]:
    """Return the command that starts a worker, and its environment.

    Args:
        environment: What the child shall inherit; in 3D Slicer its start-up environment. This process's own if None.
        module: The worker, as `python -m` takes it.
        folders: Where it finds packages beside HeartSeg3DLib.
    """
    python = shutil.which("PythonSlicer") or sys.executable
    inherited = dict(os.environ if environment is None else environment)
    own = [str(folder) for folder in (*folders, Path(__file__).resolve().parents[2])]
    others = [folder for folder in inherited.get("PYTHONPATH", "").split(os.pathsep) if folder]
    return [python, "-m", module], {
        **inherited,
        "PYTHONPATH": os.pathsep.join([*own, *others]),
        "PYTHONSAFEPATH": "1",  # a file torch.py in the current folder is not PyTorch
        "PYTHONUTF8": "1",
        "PYTHONFAULTHANDLER": "1",  # says in the report where a library crashed
    }


class ChildProcess:
    """A child process that takes requests and gives events, one JSON object a line.

    Args:
        command: Program and arguments.
        environment: Its whole environment.
        on_exit: Called once from `poll` with the exit code when the process has ended.

    Raises:
        OSError: The program cannot be started.

    Attributes:
        exit_code: None while it runs.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_exit: Callable[[int], None] | None = None,
    ) -> None:
        self._on_exit = on_exit
        self._killed = False
        self._seen_ended: float | None = None
        self._pending: dict[object, dict[str, Any]] = {}
        self._private: set[str] = set()
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self.exit_code: int | None = None
        self._process = subprocess.Popen(
            list(command), env={**environment, OWN_GROUP: "1"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, **start_options(sys.platform),
        )
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read_events, self._read_errors)]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Id of the process that was started, which may be a launcher of the worker."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """False once the process has ended and `poll` has handed out its last events."""
        return self.exit_code is None

    @property
    def stderr_tail(self) -> str:
        """The last lines that the process printed, without names of files that it was given."""
        text = "".join(list(self._tail))
        for private in sorted(self._private, key=len, reverse=True):
            text = text.replace(private, "<scan>")
        return text

    def send(self, request: dict[str, Any]) -> None:
        """Send a request; whatever prevents its end is an error event of `poll`, never an exception."""
        if request.get("action") not in ("quit", "answer"):
            self._pending[request.get("job")] = request
            self._private |= _private_texts(request)
        if self.exit_code is not None:
            self._events.put(self._crashed(request.get("job")))
            return
        pipe = self._process.stdin
        assert pipe is not None
        with contextlib.suppress(OSError, ValueError):  # a process that is gone is reported by poll
            pipe.write(json.dumps(request, ensure_ascii=True).encode("ascii") + b"\n")
            pipe.flush()

    def poll(self) -> list[dict[str, Any]]:
        """Return the events since the last call at once; of a process that died, an error for each open request."""
        ended = self._process.poll() is not None
        events = self._drain()
        if ended and self.exit_code is None and self._all_read():
            events += self._drain()
            events += self._finish()
        return events

    def close(self) -> None:
        """Ask the process to quit, and kill it if it does not at once."""
        self.send({"action": "quit"})
        self._killed = True
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_POLITE_SECONDS)
        self.kill()

    def kill(self, wait: float = _PATIENCE_SECONDS) -> None:
        """Kill the process and all its children, and remove what they were writing into users' folders.

        Args:
            wait: Longest time in seconds to wait for the end; 0 in a GUI thread, which goes on polling.
        """
        self._killed = True
        kill_tree(self._process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(wait)
        if self._process.poll() is not None and self.exit_code is None:
            self._finish()

    def _drain(self) -> list[dict[str, Any]]:
        events = []
        with contextlib.suppress(queue.Empty):
            while True:
                event = self._events.get_nowait()
                if event.get("event") in _END_OF_JOB:
                    self._pending.pop(event.get("job"), None)
                events.append(event)
        return events

    def _all_read(self) -> bool:
        """Whether everything was read that a process said before its end; a grandchild may hold the pipe open."""
        now = time.monotonic()
        self._seen_ended = self._seen_ended or now
        return not any(reader.is_alive() for reader in self._readers) or now - self._seen_ended > _DRAIN_SECONDS

    def _finish(self) -> list[dict[str, Any]]:
        """Note the end, clean up, and return the errors of requests that it cut short."""
        self.exit_code = self._process.returncode
        kill_tree(self._process)  # children that outlived it
        if any("output" in request or "input" in request for request in self._pending.values()):
            from HeartSeg3DLib.worker.leftovers import remove_partial_outputs

            for request in self._pending.values():
                remove_partial_outputs(request)
        events = [] if self._killed else [self._crashed(job) for job in self._pending or (None,)]
        self._pending.clear()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None and not any(reader.is_alive() for reader in self._readers):
                with contextlib.suppress(OSError):
                    pipe.close()
        if self._on_exit is not None:
            self._on_exit(self.exit_code)
        return events

    def _crashed(self, job: object) -> dict[str, Any]:
        tail = self.stderr_tail
        memory = self.exit_code in _KILLED_BY_SYSTEM or any(sign in tail for sign in _MEMORY_SIGNS)
        message, remedy = _OUT_OF_MEMORY if memory else _UNEXPECTED
        return {"event": "error", "job": job, "code": "crashed", "message": message, "remedy": remedy,
                "detail": f"exit code {self.exit_code}\n{tail}".rstrip()}

    def _read_events(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        for line in pipe:
            try:
                event = json.loads(line)
                if not isinstance(event, dict):
                    raise ValueError("an event is an object")
            except ValueError:
                self._tail.append(line.decode("utf-8", "replace"))
                continue
            self._events.put(event)

    def _read_errors(self) -> None:
        pipe = self._process.stderr
        assert pipe is not None
        while line := pipe.readline(_LONGEST_LINE):
            self._tail.append(line.decode("utf-8", "replace"))


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that was started with `start_options`, and every process below it; do not wait."""
    if sys.platform == "win32":
        _kill_tree_on_windows(process)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone; macOS: only zombies are left
        os.killpg(process.pid, signal.SIGKILL)


def _kill_tree_on_windows(process: subprocess.Popen[bytes]) -> None:
    """Let taskkill walk down the tree; once the head is gone nobody knows its children, so it is not killed first."""
    if process.poll() is not None:
        return
    try:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_PATIENCE_SECONDS,
                       check=True, creationflags=start_options("win32")["creationflags"])
    except (OSError, subprocess.SubprocessError):
        process.kill()


def _private_texts(request: Mapping[str, Any]) -> set[str]:
    """Return what a request says that may name a patient: paths of files, their names and their folders' names."""
    found = set()
    for key in ("input", "output", "name"):
        if text := request.get(key):
            found |= {str(text), Path(text).name, Path(text).parent.name}
    return {text for text in found if len(text) > 2}
