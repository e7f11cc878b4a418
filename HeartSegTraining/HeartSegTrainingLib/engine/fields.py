"""Fields of a job file: what each may hold, what it means, and how a wrong one is refused."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import UsageError

_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "str": (str,), "bool": (bool,), "None": (type(None),), "dict": (dict,),
    "list": (list, tuple), "tuple": (list, tuple)}


def read_toml(path: str | Path) -> dict[str, Any]:
    """Tables of a job file.

    Raises:
        UsageError: The file is missing or not TOML.
    """
    try:
        with open(path, "rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise UsageError(f"The job file {path} cannot be read.", "Check the path.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The job file {path} is not valid TOML: {error}.", "Correct that line.") from error


def check_entries(kind: type, values: dict[str, Any]) -> None:
    """Refuse entries that the dataclass `kind` does not have, or of another type.

    Raises:
        UsageError: With the nearest known name, or the type that is wanted.
    """
    fields = {entry.name: entry for entry in dataclasses.fields(kind) if not entry.name.startswith("network")}
    for name, value in values.items():
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            raise UsageError(f"The job file has an unknown entry '{name}'.",
                             f"Did you mean '{near[0]}'?" if near else f"Known entries: {', '.join(fields)}.")
        wanted = _accepted_types(str(fields[name].type))
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise UsageError(f"'{name}' in the job file is {value!r}.", f"Its type is {fields[name].type}.")


def meanings(kind: type) -> dict[str, str]:
    """What each field means, from the Attributes of the dataclass and of those that it extends."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        _, _, attributes = (inspect.getdoc(base) or "").partition("Attributes:\n")
        for match in re.finditer(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE):
            found[match[1]] = " ".join(match[2].split())
    return found


def _accepted_types(annotation: str) -> tuple[type, ...]:
    names = (name.partition("[")[0].strip() for name in annotation.split(" | "))
    return tuple(kind for name in names for kind in _TYPES[name])
