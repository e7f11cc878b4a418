"""Progress on stderr: a bar on a terminal, one line a stage in a log file."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


class ProgressDisplay:
    """Shows one piece of work at a time.

    Args:
        console: Where to show it.
        visible: False shows nothing.
    """

    def __init__(self, console: Console, *, visible: bool = True) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

        self._console = console
        self._visible = visible
        self._moving = visible and console.is_terminal
        self._name = ""
        self._stage = ""
        self._bar = Progress(TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(),
                             TimeElapsedColumn(), console=console, transient=True, disable=not self._moving)
        self._task = self._bar.add_task("", total=1.0)

    def __enter__(self) -> ProgressDisplay:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._bar.stop()

    def begin(self, name: str) -> None:
        """Start the next piece of work, such as one of several scans."""
        self._name, self._stage = name, ""
        self._bar.reset(self._task, description=name)

    def __call__(self, fraction: float, stage: str) -> None:
        """Show a fraction from 0 to 1 and what is being done."""
        text = f"{self._name}: {stage}" if self._name else stage
        self._bar.update(self._task, completed=fraction, description=text)
        if self._visible and not self._moving and stage != self._stage:
            self._console.print(f"{text} ({fraction:.0%})", markup=False, highlight=False, soft_wrap=True)
        self._stage = stage
