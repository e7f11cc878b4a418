"""Entries of a JSON file that nobody has vouched for, taken out one by one, with plain words on what is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class DamagedEntryError(ValueError):
    """An entry is missing or not what it must be; the text ends a sentence such as `The file is damaged: ...`."""


@dataclass(frozen=True)
class Entries:
    """One table of the file.

    Attributes:
        values: Its entries.
        place: What goes before their names in words, such as `risk.`.

    Example:
        >>> Entries({"amber": "high"}, "risk.").number("amber", 0.0, 1.0)
        Traceback (most recent call last):
            ...
        HeartSeg3DLib.trust.entries.DamagedEntryError: its entry 'risk.amber' must be a number from 0 to 1
    """

    values: Mapping[str, Any]
    place: str = ""

    def of(self, name: str) -> Any:
        """Return an entry of any type.

        Raises:
            DamagedEntryError: There is none.
        """
        if name not in self.values:
            raise DamagedEntryError(f"its entry '{self.place}{name}' is missing")
        return self.values[name]

    def table(self, name: str) -> Entries:
        """Return a table.

        Raises:
            DamagedEntryError: There is none.
        """
        value = self.of(name)
        if not isinstance(value, dict):
            raise self.wrong(name, "must be a table")
        return Entries(value, f"{self.place}{name}.")

    def number(self, name: str, low: float = -math.inf, high: float = math.inf) -> float:
        """Return a finite number from `low` to `high`.

        Raises:
            DamagedEntryError: It is something else.
        """
        value = _finite(self.of(name))
        if value is None or not low <= value <= high:
            bounded = f" from {low:g} to {high:g}" if math.isfinite(low) and math.isfinite(high) else ""
            raise self.wrong(name, f"must be a number{bounded}")
        return value

    def numbers(self, name: str, count: int | None = None) -> tuple[float, ...]:
        """Return a list of finite numbers, at least one.

        Raises:
            DamagedEntryError: It is something else, or there are not `count` of them.
        """
        found = self.of(name)
        values = [_finite(value) for value in found] if isinstance(found, (list, tuple)) else []
        numbers = tuple(value for value in values if value is not None)
        if not numbers or len(numbers) != len(values) or count not in (None, len(numbers)):
            raise self.wrong(name, f"must be a list of {'' if count is None else f'{count} '}numbers")
        return numbers

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts.

        Raises:
            DamagedEntryError: It is something else.
        """
        found = self.of(name)
        if not isinstance(found, (list, tuple)) or not all(isinstance(value, str) for value in found):
            raise self.wrong(name, "must be a list of texts")
        return tuple(found)

    def wrong(self, name: str, rule: str) -> DamagedEntryError:
        """Return the error for an entry that breaks a rule, such as `must be a table`."""
        return DamagedEntryError(f"its entry '{self.place}{name}' {rule}")


def _finite(value: Any) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
