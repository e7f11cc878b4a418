"""Whether somebody wants the run to stop: a STOP file, SIGTERM or SIGINT."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """Notes signals while it is entered; a second signal of a kind acts as without it.

    Attributes:
        reason: Why the run was asked to stop, empty while it was not.
    """

    def __init__(self, stop_file: Path) -> None:
        self.stop_file = stop_file
        self.reason = ""
        self._earlier: dict[signal.Signals, Any] = {}

    def requested(self) -> bool:
        """Whether to stop after the current step."""
        if not self.reason and self.stop_file.exists():
            self.reason = "asked by the STOP file"
        return bool(self.reason)

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._earlier[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.reason = f"asked by {signal.Signals(number).name}"
        signal.signal(number, self._earlier[signal.Signals(number)])
