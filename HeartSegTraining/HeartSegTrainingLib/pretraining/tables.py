"""Checks of tables within a job file: names, types, and what lists hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.engine.fields import check_entries


def check_table(kind: type, table: object, name: str) -> dict[str, Any]:
    """Make sure that a table fits the dataclass it is for.

    Args:
        kind: The dataclass.
        table: What the job file has in its place.
        name: The table's, for the message.

    Returns:
        The entries; lists have become tuples.

    Raises:
        UsageError: It is no table, or an entry is unknown or of another type.
    """
    if not isinstance(table, Mapping):
        raise UsageError(f"[{name}] in the job file is {table!r}.", f"Make it a table, with a line [{name}].")
    check_entries(kind, dict(table))
    types = {field.name: str(field.type) for field in fields(kind)}
    for key, value in table.items():
        if isinstance(value, (list, tuple)):
            holds_numbers = "float" in types[key]
            if not (are_numbers(value) if holds_numbers else all(isinstance(one, str) for one in value)):
                raise UsageError(f"'{key}' in the job file is {list(value)}.",
                                 f"Give a list of {'numbers' if holds_numbers else 'words'}.")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def are_numbers(values: object) -> bool:
    """Whether it is a list or tuple of finite numbers.

    Example:
        >>> are_numbers([0.5, 1]), are_numbers(["a"]), are_numbers([True])
        (True, False, False)
    """
    return isinstance(values, (list, tuple)) and all(
        isinstance(one, (int, float)) and not isinstance(one, bool) and math.isfinite(one) for one in values)
