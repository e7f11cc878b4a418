"""Progress for the caller and cancellation by the caller, in one small object."""

from __future__ import annotations

from collections.abc import Callable

from HeartSeg3DLib.errors import CancelledError


class Monitor:
    """Reports a fraction that never falls and stops the work when the caller asks for it.

    Args:
        progress: Called with (fraction 0-1, stage text).
        cancelled: Polled at every step; True stops the work.
    """

    def __init__(
        self,
        progress: Callable[[float, str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self._progress = progress
        self._cancelled = cancelled
        self._fraction = 0.0

    def step(self, fraction: float, stage: str) -> None:
        """Report a stage.

        Raises:
            CancelledError: The caller asked to stop.
        """
        if self._cancelled is not None and self._cancelled():
            raise CancelledError("The segmentation was cancelled.", "Nothing was written.")
        self._fraction = min(max(self._fraction, fraction), 1.0)
        if self._progress is not None:
            self._progress(self._fraction, stage)

    def part(self, start: float, end: float, stage: str) -> Callable[[float], None]:
        """Return a function that maps 0-1 of one stage to start-end of the whole."""
        return lambda done: self.step(start + (end - start) * done, stage)
