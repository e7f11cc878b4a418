"""Observers of nodes that are all let go together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Observations:
    """Remembers what is observed, so that nothing calls a panel that has gone."""

    def __init__(self) -> None:
        self._tags: list[tuple[Any, int]] = []

    @property
    def active(self) -> bool:
        """Whether anything is observed."""
        return bool(self._tags)

    def add(self, observed: Any, event: Any, react: Callable[..., None]) -> None:
        """Call `react(caller, event)` at each event of a VTK object."""
        self._tags.append((observed, observed.AddObserver(event, react)))

    def remove_all(self) -> None:
        """Let go of everything."""
        for observed, tag in self._tags:
            observed.RemoveObserver(tag)
        self._tags.clear()
