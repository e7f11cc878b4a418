"""Whether somebody wants the run to stop: a STOP file, Ctrl-C, or a signal of a cluster."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2") if hasattr(signal, name)]
_FROM_CLUSTERS = [number for number in _SIGNALS if number is not signal.SIGINT]
"""What clusters send before they end a job."""


class StopRequest:
    """Notes signals while it is entered; a second signal of a kind acts as without it.

    A signal of a cluster is passed on at the end to the handler that stood there before, when all is saved: submitit's
    puts the job back into the queue.

    Attributes:
        reason: Why the run was asked to stop, empty while it was not.
    """

    def __init__(self, stop_file: Path) -> None:
        self.stop_file = stop_file
        self.reason = ""
        self._earlier: dict[signal.Signals, Any] = {}
        self._noted: signal.Signals | None = None

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
        if self._noted is not None and callable(self._earlier[self._noted]):
            os.kill(os.getpid(), self._noted)

    def _note(self, number: int, frame: FrameType | None) -> None:
        signal_ = signal.Signals(number)
        self.reason = f"asked by {signal_.name}"
        if signal_ in _FROM_CLUSTERS:
            self._noted = signal_
        signal.signal(number, self._earlier[signal_])
