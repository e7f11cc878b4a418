"""Ctrl-C and SIGTERM stop the work at once, except while files are being put in place."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Cancellation:
    """Notes that the user wants to stop; calling it tells whether that has happened."""

    def __init__(self) -> None:
        self._wanted = False
        self._held = False

    def __call__(self) -> bool:
        """Return True once the user has asked to stop."""
        return self._wanted

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Turn Ctrl-C and SIGTERM into KeyboardInterrupt inside the block; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        earlier = {number: signal.signal(number, self._note) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    @contextmanager
    def held_back(self, *, last: bool = False) -> Iterator[None]:
        """Let the block finish before a signal counts, so that outputs appear together or not at all.

        A signal that came before the block stops it from starting; one that comes inside it is too late.

        Args:
            last: After the block nothing is left that could be cancelled: later signals are too late, too, because who
                is told "cancelled" would not expect that all files are there.
        """
        self._held = True
        finished = False
        try:
            if self._wanted:
                raise KeyboardInterrupt
            yield
            finished = True
        finally:
            self._held = last and finished

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._wanted = True
        if not self._held:
            raise KeyboardInterrupt
