"""From any exception to the event that tells the parent about it."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import DependencyError, DeviceError, DiskError, HeartSegError

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
_WINDOWS_NO_SPACE = {39, 112}
"""ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL."""


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that caused it, says that the disk or the user's quota is full."""
    while error is not None:
        if isinstance(error, OSError) and (
            error.errno in _NO_SPACE or getattr(error, "winerror", None) in _WINDOWS_NO_SPACE
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def disk_full() -> DiskError:
    """Return the failure of a full disk."""
    return DiskError("The disk is full.",
                     "Free some space on the disk of the temporary folder and of the output, and start again.")


def error_event(job: object, error: BaseException) -> dict[str, Any]:
    """Return the event that reports a failure.

    Args:
        job: Id of the request.
        error: What happened.
    """
    failure = explain(error)
    code = failure.code if failure.code != HeartSegError.code else "internal"
    return {"event": "error", "job": job, "code": code, "message": failure.message, "remedy": failure.remedy,
            "detail": where_from(error)}


def explain(error: BaseException) -> HeartSegError:
    """Return any failure as one with a sentence and a remedy."""
    if is_disk_full(error):
        return disk_full()
    if isinstance(error, HeartSegError):
        return error
    if isinstance(error, MemoryError):
        return DeviceError("There is not enough memory.", "Close other programs or use a computer with more memory.")
    if isinstance(error, ImportError):
        return DependencyError(f"The Python package {error.name or 'that HeartSeg needs'} is missing or broken.",
                               "Let HeartSeg install what it needs, then restart 3D Slicer.")
    return HeartSegError(f"Something happened that HeartSeg did not expect ({type(error).__name__}).",
                         "Copy the report and send it to the developers.")


def where_from(error: BaseException) -> str:
    """Return code places and error types, with causes.

    Messages and folders are left out: they may quote paths and headers, and those may name a patient or the user.
    """
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        said = cause.cause if isinstance(cause, HeartSegError) else ""
        lines.append(f"{type(cause).__name__}: {said}" if said else type(cause).__name__)
        lines += [f"  {_inside_package(place.filename)}:{place.lineno} in {place.name}: {place.line}"
                  for place in traceback.extract_tb(cause.__traceback__)]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(lines)


def _inside_package(file: str) -> str:
    """Return the path of a program file from its package on."""
    parts = Path(file).parts
    for number, part in enumerate(parts):
        if part == "site-packages":
            return "/".join(parts[number + 1:])
        if part == "HeartSeg3DLib":
            return "/".join(parts[number:])
    return parts[-1] if parts else ""
