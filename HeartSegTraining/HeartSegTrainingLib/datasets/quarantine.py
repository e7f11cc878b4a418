"""quarantine.jsonl beside an index: the cases that are left out, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import replacing

QUARANTINE = "quarantine.jsonl"


@dataclass(frozen=True)
class Quarantined:
    """A case that is left out, and why."""

    id: str
    path: str
    reason: str
    remedy: str


def read_quarantine(index: Path) -> list[Quarantined]:
    """Cases that were put aside beside an index, none where there is no list.

    Raises:
        InputError: The list is damaged.
    """
    path = index.parent / QUARANTINE
    if not path.is_file():
        return []
    try:
        with open(path, encoding="utf-8") as file:
            return [Quarantined(**json.loads(line)) for line in file if line.strip()]
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged.", "Move it away and build the index again.") from error


def update_quarantine(index: Path, added: Iterable[Quarantined], *, rebuilt: Iterable[str] = ()) -> Path | None:
    """Adds cases to the list beside an index and returns it; None where nothing is left to list.

    Args:
        index: The index.
        added: Cases with reasons; an older reason of the same case is replaced.
        rebuilt: Data sets that were read anew, whose older cases leave the list.

    Raises:
        UsageError: The file system refuses the file.
        InputError: The older list is damaged.
    """
    anew = tuple(f"{name}/" for name in rebuilt)
    rows = {row.id: row for row in read_quarantine(index) if not (anew and row.id.startswith(anew))}
    rows |= {row.id: row for row in added}
    path = index.parent / QUARANTINE
    if not rows:
        path.unlink(missing_ok=True)
        return None
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows.values())
    return path
