"""One timer for everything that goes on in the background while the panel stays alive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

INTERVAL_MS = 50

Step = Callable[[], bool]
"""Does a short piece of work; returns True once there is nothing left to do."""


class Pump:
    """Calls every running step each 50 ms and rests while there is none.

    Args:
        parent: Qt object that owns the timer.
    """

    def __init__(self, parent: Any) -> None:
        self._steps: list[Step] = []
        self._timer = qt.QTimer(parent)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.connect("timeout()", self.tick)

    def start(self, step: Step) -> None:
        """Call `step` from now on, until it returns True."""
        if step not in self._steps:
            self._steps.append(step)
        self._timer.start()

    def stop(self, step: Step) -> None:
        """Call `step` no more."""
        if step in self._steps:
            self._steps.remove(step)
        if not self._steps:
            self._timer.stop()

    def tick(self) -> None:
        """Call every step once."""
        for step in list(self._steps):
            if step in self._steps and step():
                self.stop(step)
