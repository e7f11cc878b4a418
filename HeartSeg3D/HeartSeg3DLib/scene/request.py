"""One question to a child process of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.scene import child
from HeartSeg3DLib.scene.failures import error_of
from HeartSeg3DLib.scene.transfer import BackgroundTask

_JOB = "request"
_PAUSE_SECONDS = 0.02


class Request:
    """Asks a new child process for one thing and ends it after the answer.

    Args:
        action: What the worker shall do.
        details: What else the request says.

    Attributes:
        result: The `result` event, None until it came.
        error: Why there is none.
        detail: Where in the program it went wrong.
        warnings: Sentences for the user.
        fraction: Progress, 0-1.
        stage: What is being done, a few words.
        question: What the child asks and waits for; None where it asks nothing.

    Raises:
        HeartSegError: The child cannot be started.
    """

    def __init__(self, action: str, **details: Any) -> None:
        self.result: Mapping[str, Any] | None = None
        self.error: HeartSegError | None = None
        self.detail = ""
        self.warnings: list[str] = []
        self.fraction, self.stage = 0.0, ""
        self.question: str | None = None
        self._closing: BackgroundTask[None] | None = None
        self._child: Any = self._start_child()
        self._child.send({"job": _JOB, "action": action, **details})

    @property
    def done(self) -> bool:
        """Whether the answer has come, or never will."""
        return self._child is None

    def step(self) -> bool:
        """Look for the answer; returns whether it has come. Never waits."""
        for event in self._child.poll() if self._child is not None else ():
            if event["event"] == "progress":
                self.fraction, self.stage = float(event["fraction"]), event["stage"]
            elif event["event"] == "warning":
                self.warnings.append(event["message"])
            elif event["event"] == "question":
                self.question = event["message"]
            elif event["event"] == "result":
                self.result = event
                self.close()
            elif event["event"] == "error":
                self.error, self.detail = error_of(event), event.get("detail", "")
                self.close()
        return self.done

    def answer(self, yes: bool) -> None:
        """Say yes or no to the question."""
        if self.question is not None and self._child is not None:
            self.question = None
            self._child.send({"job": _JOB, "action": "answer", "yes": yes})

    def wait(self) -> Mapping[str, Any]:
        """Wait for the answer and return the `result` event.

        Raises:
            HeartSegError: What went wrong.
        """
        while not self.step():
            time.sleep(_PAUSE_SECONDS)
        self.wait_closed()
        if self.error is not None:
            raise self.error
        assert self.result is not None  # a request ends with a result or an error
        return self.result

    def _start_child(self) -> Any:
        return child.start_child()

    def close(self) -> None:
        """End the child process, in the background; without an answer there will be none."""
        if self._child is not None:
            self._closing = BackgroundTask(self._child.kill)  # removes what it was writing, once it has ended
            self._child = None

    def wait_closed(self) -> None:
        """Wait until the child process has ended."""
        if self._closing is not None:
            self._closing.join()
