"""Keeps the chatter of ITK and the C libraries under it off the terminal."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

import SimpleITK as sitk

_STDERR = 2


class _Silence:
    """Standard error while it is silenced; threads share one silence, the last to leave ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._kept = -1
        self._shown = False

    def enter(self) -> None:
        with self._lock:
            self._depth += 1
            if self._depth > 1:
                return
            self._shown = sitk.ProcessObject.GetGlobalWarningDisplay()
            sitk.ProcessObject.SetGlobalWarningDisplay(False)
            try:
                self._kept = os.dup(_STDERR)
            except OSError:  # a program without a console has no standard error
                self._kept = -1
                return
            with open(os.devnull, "wb") as void:
                os.dup2(void.fileno(), _STDERR)

    def leave(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth > 0:
                return
            if self._kept >= 0:
                os.dup2(self._kept, _STDERR)
                os.close(self._kept)
            sitk.ProcessObject.SetGlobalWarningDisplay(self._shown)


_SILENCE = _Silence()


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Sends what C code prints to standard error into the void while a file is read or written.

    nifti_clib, MetaIO, VNL and GDCM print there directly, past every switch that ITK offers; what they report comes
    back as an exception anyway. Python's own messages of that moment are lost too, so keep the block short.
    """
    _SILENCE.enter()
    try:
        yield
    finally:
        _SILENCE.leave()
