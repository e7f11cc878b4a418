"""An event loop that keeps Python's lock while it waits, as that of 3D Slicer does.

PySide gives the lock away whenever it calls Qt, so that threads work while the loop waits; Slicer's loop (CTK,
PythonQt) keeps it, and threads stand still between the functions that Qt calls. Linux alone: Qt is
called by its symbol.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PySide6

_PROCESS_EVENTS = "_ZN16QCoreApplication13processEventsE6QFlagsIN10QEventLoop17ProcessEventsFlagEE"
"""void QCoreApplication::processEvents(QEventLoop::ProcessEventsFlags)"""
_WAIT_FOR_MORE_EVENTS = 4


def process_events_locked(seconds: float, until: Callable[[], Any] | None = None) -> bool:
    """Run the event loop for a time, or until a function is true; false if that did not happen in the time.

    A timer must be running, for without events it waits on and on.
    """
    library = ctypes.PyDLL(str(Path(PySide6.__file__).parent / "Qt" / "lib" / "libQt6Core.so.6"))  # keeps the lock
    process = library[_PROCESS_EVENTS]
    process.argtypes, process.restype = [ctypes.c_int], None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        process(_WAIT_FOR_MORE_EVENTS)
        if until is not None and until():
            return True
    return until is None
