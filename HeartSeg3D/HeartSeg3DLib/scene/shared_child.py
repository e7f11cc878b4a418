"""One child process for many jobs, lent to one after the other; it is started anew if a job took it down."""

from __future__ import annotations

from typing import Any

from HeartSeg3DLib.scene import child


class SharedChild:
    """Keeps a child process alive between jobs, so that its libraries and models are loaded once."""

    def __init__(self) -> None:
        self._child: Any = None
        self._lent: LentChild | None = None

    def lend(self) -> LentChild:
        """Return the child for one job.

        Raises:
            HeartSegError: It does not start.
        """
        if self._lent is not None and self._lent.busy:
            self._child = None  # its borrower is about to kill it
        if self._child is None or not self._child.running:
            self._child = child.start_child()
        self._lent = LentChild(self, self._child)
        return self._lent

    def close(self) -> None:
        """End the child process; waits for its end, so a GUI thread calls it in the background."""
        used, self._child = self._child, None
        if used is not None:
            used.kill()

    def forget(self, used: Any) -> None:
        """Lend a child no more."""
        if self._child is used:
            self._child = None


class LentChild:
    """A child process for one job, used as a `runner.ChildProcess` is; `kill` spares a child whose job has ended.

    Attributes:
        busy: Whether a job was sent and has not ended.
    """

    def __init__(self, owner: SharedChild, shared: Any) -> None:
        self._owner = owner
        self._shared = shared
        self.busy = False

    def send(self, request: dict[str, Any]) -> None:
        """Send the job."""
        self.busy = True
        self._shared.send(request)

    def poll(self) -> list[dict[str, Any]]:
        """Return the events since the last call."""
        events: list[dict[str, Any]] = self._shared.poll()
        if any(event["event"] in ("result", "error") for event in events):
            self.busy = False
        return events

    def kill(self) -> None:
        """End the job: its child is killed if it still works on it, which takes a moment."""
        if self.busy:
            self._owner.forget(self._shared)  # first, so that nobody borrows it meanwhile
            self.busy = False
            self._shared.kill()
