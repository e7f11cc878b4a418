"""Starts the child process with Slicer's own Python, and says where files for it may lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import slicer

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.scene.runner import ChildProcess, worker_command
from HeartSeg3DLib.scene.text import _


def start_child(module: str = "HeartSeg3DLib.worker", folders: Sequence[Path] = ()) -> ChildProcess:
    """Start a worker; `ready` is its first event.

    Args:
        module: The worker.
        folders: Where it finds packages beside HeartSeg3DLib.

    Raises:
        HeartSegError: Python does not start.
    """
    command, variables = worker_command(environment(), module, folders)
    try:
        return ChildProcess(command, variables)
    except OSError as error:
        raise HeartSegError(_("The background process could not be started ({reason}).").format(reason=error.strerror),
                            _("Restart 3D Slicer; if that does not help, install it again.")) from error


def environment() -> dict[str, str]:
    """Return what a child inherits; with Slicer's own variables it would load Slicer's libraries."""
    return {str(name): str(value) for name, value in slicer.util.startupEnvironment().items()}


def temporary_folder() -> Path | None:
    """Return the folder for temporary files that is set in Slicer, None for that of the system."""
    application = getattr(slicer, "app", None)  # a Python without the application has none
    chosen = application.temporaryPath if application is not None else ""
    return Path(chosen) if chosen else None
