"""Why a job ended, in words."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from .launch_note import ExitNote, last_words

_KILLED = ("It was killed (signal 9), most likely by the system because memory ran out. What helps: fewer workers, a "
           "smaller part or window; then resume.")
_VANISHED = ("Its process is gone without a word: it was killed, memory ran out, or the machine was switched off. The "
             "newest checkpoint is kept; resume.")
_CRASHED = {"SIGSEGV", "SIGBUS", "SIGILL", "SIGABRT", "SIGFPE"}


def words_of_exit(folder: Path, code: int) -> str:
    """What an exit code means, together with what the process said last."""
    if code < 0:
        return _words_of_signal(-code)
    if code > 128 and code - 128 in {int(signal.SIGTERM), 9}:  # torchrun and shells say it like this
        return _words_of_signal(code - 128)
    # With several processes torchrun's own report stands below.
    said = [line for line in last_words(folder, lines=None) if line.startswith("Error: ")]
    if said:
        return said[-1].removeprefix("Error: ")
    last = last_words(folder, lines=1)
    return f"it ended with exit code {code}" + (f" ({last[0]})" if last else "") + "."


def why_it_ended(folder: Path, state: dict[str, Any] | None, status: str) -> str:
    """One or two sentences on why a job does not run; empty while it runs or when it is done.

    Args:
        folder: The job folder.
        state: Its state.json.
        status: As the listing found it.
    """
    if status in ("running", "starting", "finished", "queued", "new"):
        return ""
    if status == "gone":
        return "Its folder is not there any more: removed, renamed, or on a disk that is not connected."
    exit_note = ExitNote.of_job(folder)
    if status == "silent":
        return words_of_exit(folder, exit_note.code) if exit_note is not None and exit_note.code else _VANISHED
    reason = str((state or {}).get("reason", ""))
    if status == "failed" and not reason and exit_note is not None:
        return words_of_exit(folder, exit_note.code)
    return _in_plain_words(reason)


def _words_of_signal(number: int) -> str:
    if number == 9:
        return _KILLED
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if name in _CRASHED:
        return (f"It crashed ({name}) inside a library, most often PyTorch or the graphics driver. The newest "
                "checkpoint is kept; resume, on the CPU if it happens again.")
    return f"It was ended by {name} before it could save. The newest checkpoint is kept; resume."


def _in_plain_words(reason: str) -> str:
    if "killed by signal: Killed" in reason:
        return ("A process that prepares samples was killed, most likely because memory ran out; lower workers. "
                f"({reason})")
    if "No space left on device" in reason:
        return f"The disk is full; make room, then resume. ({reason})"
    return reason
