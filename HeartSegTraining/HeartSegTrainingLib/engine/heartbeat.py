"""Tells other machines that a run is alive while a step, a validation or the preparation of data takes long."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

_EVERY_S = 15.0


class Heartbeat:
    """Renews the time of a file while it is entered.

    The state's own time (`updated`) stays that of the last step: a run that hangs can be told from one that works.

    Args:
        file: state.json of the job; nothing happens while it does not exist.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._done.wait(_EVERY_S):
            try:
                os.utime(self._file)
            except OSError:
                continue  # not written yet, or the disk is away for a moment: the next beat may do
