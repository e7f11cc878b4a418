"""Events on their way to the parent, one JSON object a line."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

from HeartSeg3DLib.worker.failures import error_event


class ParentGoneError(BaseException):
    """Nobody reads the events; no handler of ordinary failures shall stop this on its way out."""


class EventPipe:
    """Writes events; threads may share it.

    Args:
        pipe: Unbuffered stream that only events go to.
    """

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, event: dict[str, Any]) -> None:
        """Send one event.

        Raises:
            ParentGoneError: The other end of the pipe is closed.
        """
        line = json.dumps(event, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"
        try:
            with self._lock:
                while line:
                    line = line[self._pipe.write(line):]
        except OSError as error:  # Windows says EINVAL where others say EPIPE
            raise ParentGoneError from error


class Job:
    """One request and the way to report about it.

    Args:
        request: As it came in.
        pipe: Where its events go.
        answer: Waits for what a person says to a question; without it nobody agrees to anything.

    Attributes:
        request: As it came in.
    """

    def __init__(self, request: dict[str, Any], pipe: EventPipe, answer: Callable[[], bool] = lambda: False) -> None:
        self.request = request
        self._pipe = pipe
        self._answer = answer
        self._fraction = 0.0
        self._stage = ""

    @property
    def id(self) -> object:
        """What the parent calls it."""
        return self.request.get("job")

    def progress(self, fraction: float, stage: str) -> None:
        """Report a fraction (0-1) that never falls, and what is being done; the same twice is sent once."""
        fraction = round(min(max(fraction, self._fraction), 1.0), 3)
        if (fraction, stage) != (self._fraction, self._stage):
            self._fraction, self._stage = fraction, stage
            self._pipe.send({"event": "progress", "job": self.id, "fraction": fraction, "stage": stage})

    def warning(self, message: str) -> None:
        """Report something that the user should know."""
        self._pipe.send({"event": "warning", "job": self.id, "message": message})

    def ask(self, question: str) -> bool:
        """Ask a person, through the parent, and wait for yes or no."""
        self._pipe.send({"event": "question", "job": self.id, "message": question})
        return self._answer()

    def frame(self, **values: Any) -> None:
        """Report a finished frame."""
        self._pipe.send({"event": "frame", "job": self.id, **values})

    def result(self, **values: Any) -> None:
        """Report the end of the work."""
        self._pipe.send({"event": "result", "job": self.id, **values})

    def error(self, error: BaseException) -> None:
        """Report a failure as the end of the work."""
        self._pipe.send(error_event(self.id, error))
