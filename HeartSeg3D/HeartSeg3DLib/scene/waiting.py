"""Waits in scripts, with Slicer's window alive."""

from __future__ import annotations

import time
from collections.abc import Callable

import slicer

_PAUSE_SECONDS = 0.02


def work_until(finished: Callable[[], bool], step: Callable[[], None]) -> None:
    """Do pieces of work until they are finished; between them the window takes its turn."""
    process_events = getattr(getattr(slicer, "app", None), "processEvents", None)
    while not finished():
        step()
        if process_events is not None:
            process_events()
        time.sleep(_PAUSE_SECONDS)
