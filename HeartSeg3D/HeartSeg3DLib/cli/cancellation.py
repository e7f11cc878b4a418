"""Ctrl-C and SIGTERM stop the work at once, except while files are being put in place; twice do no more than once."""

from __future__ import annotations

import _thread
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_CANCELLED = 130
_CLEANING_UP_S = 2.0
"""So long after a signal the next one does not interrupt what the first one has begun to clean up."""

_LOOK_AGAIN_S = 0.05
"""A signal that comes while a module is loaded waits for its end and looks for it so often."""


def run_as_process(app: Callable[[], object]) -> None:
    """Run a command line as the whole process, which no signal may end in the midst of a library.

    Before a command begins, a signal ends the process where it is: nothing has been written, and an exception in the
    midst of an import leaves libraries of C++ half set up. After a command was cancelled, the interpreter is not shut
    down piece by piece: torch and VTK crash when they are taken down half loaded, or when a second signal comes then.
    """
    earlier = {number: signal.signal(number, _end_at_once) for number in _SIGNALS}
    try:
        app()
    except SystemExit as end:
        if end.code == _CANCELLED and signal.getsignal(signal.SIGINT) is _too_late:
            _end()
        raise
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _end_at_once(number: int, frame: FrameType | None) -> None:
    os.write(2, b"Error: Cancelled.\n")
    _end()


def _too_late(number: int, frame: FrameType | None) -> None:
    """Do nothing: the process is about to end."""


def _end() -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, RuntimeError):  # nobody reads it any more, or the signal came while it was written
            continue
    os._exit(_CANCELLED)


class Cancellation:
    """Notes that the user wants to stop; calling it tells whether that has happened."""

    def __init__(self) -> None:
        self._wanted = False
        self._held = False
        self._since = -math.inf

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
                signal.signal(number, _too_late if self._wanted and handler is _end_at_once else handler)

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
        now = time.monotonic()
        if self._held or now - self._since < _CLEANING_UP_S:
            return
        if _is_importing(frame):
            threading.Timer(_LOOK_AGAIN_S, _thread.interrupt_main, (number,)).start()
            return
        self._since = now
        raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    """Whether the main thread loads a module: an exception there crashes libraries of C++ (VTK: signal 11)."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
