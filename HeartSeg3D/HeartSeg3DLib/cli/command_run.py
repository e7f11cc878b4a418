"""One run of a command: where its words go, how it is cancelled, and how its failures end it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import typer

from HeartSeg3DLib import __version__
from HeartSeg3DLib.cli.cancellation import Cancellation
from HeartSeg3DLib.cli.failures import explain
from HeartSeg3DLib.cli.progress import ProgressDisplay
from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.notice import NOTE, NOTE_SENTENCE

if TYPE_CHECKING:
    from HeartSeg3DLib.trust.light import Light

_FILE_WIDTH = 240
"""Columns where no terminal says how wide it is: lines for other programs are not broken."""

_USAGE_PROBLEM: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__base__ is Exception)
"""What typer raises for wrong options, whether it brings its own click or uses the installed one."""


class CommandRun:
    """Speaks for a command: people read stdout, progress and trouble go to stderr, programs ask for JSON.

    Args:
        command: Name of the command.
        as_json: Print one JSON object to stdout in place of words.
        quiet: No progress and no summary; warnings, lights that are not green, and errors stay.
    """

    def __init__(self, command: str, *, as_json: bool = False, quiet: bool = False) -> None:
        from rich.console import Console

        self.command = command
        self.quiet = quiet
        self.as_json = as_json
        self.cancelled = Cancellation()
        self._out = Console(highlight=False)
        if not self._out.is_terminal:
            self._out.width = _FILE_WIDTH
        self._err = Console(stderr=True, highlight=False)

    @property
    def writing(self) -> Callable[[], AbstractContextManager[None]]:
        """Makes the block in which files are put in place and Ctrl-C has to wait."""
        return self.cancelled.held_back

    @property
    def last_writing(self) -> Callable[[], AbstractContextManager[None]]:
        """Makes the same block for all files of a command: after it, Ctrl-C comes too late."""
        return lambda: self.cancelled.held_back(last=True)

    def progress(self) -> ProgressDisplay:
        """Return a display of progress, to be entered."""
        return ProgressDisplay(self._err, visible=not self.quiet)

    def say(self, text: str = "") -> None:
        """Print a line of the summary."""
        if not (self.quiet or self.as_json):
            self._out.print(text, markup=False, soft_wrap=True)

    def table(self, columns: Mapping[str, str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table of the summary; columns are titles with `left` or `right`."""
        if self.quiet or self.as_json:
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
        for number, (title, side) in enumerate(columns.items(), start=1):
            table.add_column(title, justify="right" if side == "right" else "left", overflow="fold",
                             no_wrap=number < len(columns))
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._out.print(table)

    def say_note(self) -> None:
        """End a summary with what every output says."""
        self.say(NOTE_SENTENCE)

    def warn(self, sentence: str, about: str = "") -> None:
        """Print a warning, also when quiet."""
        self._err.print(f"Warning: {_with_name(sentence, about)}", markup=False, soft_wrap=True, style="yellow")

    def light(self, light: Light, about: str = "") -> None:
        """Print how far a result or structure can be trusted: a green light in the summary, others as warnings are."""
        text = _with_name(light.text, about)
        if light.level == "green":
            self.say(text)
        else:
            self._err.print(text, markup=False, soft_wrap=True, style="red" if light.level == "red" else "yellow")

    def trouble(self, error: HeartSegError, about: str = "") -> None:
        """Print a failure: one line says what happened, the next what to do."""
        self._err.print(f"Error: {_with_name(error.message, about)}", markup=False, soft_wrap=True, style="bold red")
        if error.remedy:
            self._err.print(error.remedy, markup=False, soft_wrap=True)

    def report(self, result: Mapping[str, Any], exit_code: int = 0) -> None:
        """Print the machine-readable summary, if it was asked for."""
        if self.as_json:
            whole = {"note": NOTE, "software": f"HeartSeg {__version__}", "command": self.command,
                     "exit_code": exit_code, **result}
            typer.echo(json.dumps(whole, indent=2, allow_nan=False, default=str))


def _with_name(sentence: str, name: str) -> str:
    """Put the name of a file or model before a sentence that does not say it; most sentences do.

    A name without a dot may be a word like any other, and counts only in quotes or where the sentence begins.
    """
    known = re.escape(name)
    anywhere = rf"|(?<![\w.-]){known}(?![\w-])" if "." in name else ""
    if not name or re.search(rf"'{known}'|^(\S*[/\\])?{known}(?![\w.-]){anywhere}", sentence):
        return sentence
    return f"{name}: {sentence}"


def error_entry(error: HeartSegError) -> dict[str, Any]:
    """A failure for JSON."""
    return {"code": error.code, "message": error.message, "remedy": error.remedy, "exit_code": error.exit_code}


@contextmanager
def command_run(command: str, *, as_json: bool = False, quiet: bool = False) -> Iterator[CommandRun]:
    """Run the block as a command: signals cancel it, and every failure becomes two lines and an exit code."""
    run = CommandRun(command, as_json=as_json, quiet=quiet)
    try:
        with run.cancelled.listening():
            yield run
    except (typer.Exit, typer.Abort, BrokenPipeError, _USAGE_PROBLEM):
        raise
    except (Exception, KeyboardInterrupt) as failure:
        error = explain(failure)
        run.trouble(error)
        run.report({"error": error_entry(error)}, error.exit_code)
        raise typer.Exit(error.exit_code) from failure
