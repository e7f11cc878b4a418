"""What a person sees when a command fails: what happened and what to do, never a traceback."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from datetime import UTC, datetime

from HeartSeg3DLib import __version__
from HeartSeg3DLib.errors import CancelledError, DeviceError, HeartSegError


def explain(error: BaseException) -> HeartSegError:
    """Return any failure as one with a sentence, a remedy and an exit code.

    Of a failure that HeartSeg did not foresee the technical details go to a log file, whose name is in the remedy.
    """
    if isinstance(error, HeartSegError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return CancelledError("Cancelled.", "Nothing half-written was left behind.")
    if isinstance(error, MemoryError):
        return DeviceError("There is not enough memory.", "Close other programs or use a computer with more memory.")
    said = str(error).strip().split("\n")[0]
    kind = type(error).__name__
    return HeartSegError(
        f"Something happened that HeartSeg did not expect ({kind}{': ' + said if said else ''}).",
        f"Technical details are in {write_log(error)}; please send them to the developers.",
    )


def write_log(error: BaseException) -> str:
    """Write where an error came from to a new file in the temporary folder and return its path.

    Only code places and error types: messages may quote paths and headers, and those may name a patient.
    """
    lines = [f"HeartSeg {__version__}, Python {sys.version.split()[0]}, {platform.platform()}",
             datetime.now(UTC).isoformat(timespec="seconds")]
    cause: BaseException | None = error
    while cause is not None:
        lines += ["", type(cause).__name__]
        lines += [entry.rstrip() for entry in traceback.format_tb(cause.__traceback__)]
        cause = cause.__cause__ or cause.__context__
    with tempfile.NamedTemporaryFile("w", prefix="heartseg-error-", suffix=".log", encoding="utf-8",
                                     delete=False) as file:
        file.write("\n".join(lines) + "\n")
    return file.name
