"""One timer for everything that goes on in the background while the panel stays alive."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import qt

from HeartSeg3DLib.scene.transfer import work_in_background

INTERVAL_MS = 20

BREATH_SECONDS = 0.01
"""How long threads may work in each interval; otherwise they stand still: Slicer's event loop keeps Python's lock."""

Step = Callable[[], bool]
"""Does a short piece of work; returns True once there is nothing left to do."""


class Pump:
    """Calls every running step each 20 ms; rests while there is none and no thread is at work.

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
        """Call `step` no more; threads that end what it began go on."""
        if step in self._steps:
            self._steps.remove(step)

    def tick(self) -> None:
        """Call every step once, then let threads work."""
        for step in list(self._steps):
            if step in self._steps and step():
                self.stop(step)
        if work_in_background():
            time.sleep(BREATH_SECONDS)
        elif not self._steps:
            self._timer.stop()
