"""Runs a scripted Slicer module without the Slicer application: see README.md in this folder.

Call :func:`start` before anything imports ``slicer``, ``qt`` or ``ctk``.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

_started: dict[str, Any] = {}

# Packages of Debian and Ubuntu that Qt and VTK need for drawing without a screen.
SYSTEM_PACKAGES = "libgl1 libegl1 libgl1-mesa-dri libglib2.0-0 libgssapi-krb5-2 libxkbcommon0 libfontconfig1"


class SystemLibraryMissingError(RuntimeError):
    """A library of the operating system is missing, without which Qt or VTK cannot be loaded."""


def start() -> None:
    """Make the modules ``slicer``, ``qt`` and ``ctk`` as a module of Slicer finds them; again, it does nothing.

    Raises SystemLibraryMissingError where a library of the operating system is missing.
    """
    if _started:
        return
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    try:
        importlib.import_module("PySide6.QtWidgets")
        importlib.import_module("slicer")
    except ImportError as error:
        if ".so" in str(error):
            raise SystemLibraryMissingError(str(error)) from error
        raise
    from .starting import start_once

    _started.update(start_once())


def load_module(path: Any) -> Any:
    """Import a module's file as Slicer does and return the Python module; ``slicer.modules`` has its description."""
    from .modules import load

    start()
    return load(path)


def show_module(module: Any) -> Any:
    """Make a module's widget in a window and enter it; ``.self()`` of what is returned is the module's widget."""
    from .modules import show

    return show(module)


def leave_module(window: Any) -> None:
    """Leave a shown module and clean it up, as Slicer does when it closes."""
    from .modules import leave

    leave(window)


def process_events(seconds: float = 0.0, until: Any = None) -> bool:
    """Run the event loop for a time, or until a function is true; false if that did not happen in the time."""
    from .modules import process_events as process

    return process(seconds, until)


def screenshot(widget: Any, path: Any) -> None:
    """Write a picture of a widget, drawn offscreen."""
    from .modules import screenshot as take

    take(widget, path)


def slot_failures() -> list[BaseException]:
    """Errors in functions that Qt or VTK called, since the last call: both only print them."""
    failures = list(_started["failures"])
    _started["failures"].clear()
    return failures


def using_slicers_own_files() -> bool:
    """Whether HEARTSEG_SLICER_PYTHON names a folder with Slicer's own Python files, used instead of the stand-ins."""
    return bool(os.environ.get("HEARTSEG_SLICER_PYTHON"))


def is_started() -> bool:
    """Whether this process runs in the test runtime and not in Slicer."""
    return bool(_started) and "slicer" in sys.modules
