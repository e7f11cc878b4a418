"""What an earlier mesh of the project left in a folder, by what its sidecar lists, and nothing that is not its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from .format_table import FORMAT_TABLE

SOFTWARE = "HeartSeg"
"""Who a sidecar says wrote it."""

FAILED = "_FAILED"
"""Ends the name of a mesh that failed its own check."""

REPORT_ENDINGS = ("_report.json", "_report.html", "_report.png", "_report_fibers.png")
"""Follow the name of a mesh in those of the files that report on it."""


def earlier_places(folder: Path, stem: str) -> list[Path]:
    """Return files and folders of an earlier mesh of a name that must not stay beside a new one, sidecars first.

    They are what its sidecar lists, and a mesh of the name that failed its own check. A folder that holds other files,
    too, is not among them, but the listed files in it are.
    """
    sidecar, failed = folder / f"{stem}.json", folder / f"{stem}{FAILED}.json"
    found = [sidecar, *_listed(sidecar)] if _is_ours(_read(sidecar)) else []
    if not stem.endswith(FAILED) and _is_ours(_read(failed)):
        found += [failed, *(folder / f"{stem}{FAILED}{ending}" for ending in REPORT_ENDINGS), *_listed(failed)]
    return [place for place in found if os.path.lexists(place)]


def removal_sentences(places: Iterable[Path]) -> list[str]:
    """Return a sentence on those of an earlier mesh's places that are gone; none where all were written anew."""
    gone = sorted({place.name for place in places if not os.path.lexists(place)})
    return [f"Removed of the earlier mesh in this folder: {', '.join(gone)}."] if gone else []


def _read(sidecar: Path) -> dict[str, Any]:
    try:
        statement = json.loads(sidecar.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return statement if isinstance(statement, dict) else {}


def _is_ours(statement: dict[str, Any]) -> bool:
    software = statement.get("software")
    return isinstance(software, dict) and software.get("name") == SOFTWARE and isinstance(
        statement.get("formats"), dict)


def _listed(sidecar: Path) -> Iterator[Path]:
    """Yield what a sidecar lists: a whole folder where everything in it is listed, else each file."""
    folder = sidecar.parent
    by_entry: dict[str, set[Path]] = {}
    for path in _paths(_read(sidecar), sidecar.stem):
        by_entry.setdefault(path.parts[0], set()).add(folder / path)
    for entry, files in by_entry.items():
        top = folder / entry
        if top.is_symlink() or not top.is_dir() or files >= set(files_in(top)):
            yield top
        else:
            yield from sorted(files)


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files and links in a folder and in those below it."""
    return (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _paths(statement: dict[str, Any], stem: str) -> Iterator[PurePosixPath]:
    """Yield the paths that a sidecar lists and that a format of the project may have written; others it cannot mean."""
    possible = {name for facts in FORMAT_TABLE for name in facts.entries_for(stem)}
    for details in statement["formats"].values():
        files = details.get("files") if isinstance(details, dict) else None
        for file in files if isinstance(files, list) else ():
            path = PurePosixPath(str(file.get("path", ""))) if isinstance(file, dict) else PurePosixPath()
            if path.parts and path.parts[0] in possible and ".." not in path.parts:
                yield path
