"""Keeps the chatter of ITK and the C libraries under it off the terminal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import SimpleITK as sitk

_STDERR = 2


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Sends what C code prints to stderr into the void while a file is read or written.

    nifti_clib, MetaIO, VNL and GDCM print there directly, past every switch that ITK offers; what they report comes
    back as an exception anyway. Python's own messages of that moment are lost too, so keep the block short.
    """
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        kept = os.dup(_STDERR)
    except OSError:  # a program without a console has no stderr to silence
        kept = -1
    try:
        if kept >= 0:
            with open(os.devnull, "wb") as void:
                os.dup2(void.fileno(), _STDERR)
        yield
    finally:
        if kept >= 0:
            os.dup2(kept, _STDERR)
            os.close(kept)
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
