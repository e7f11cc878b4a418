"""Memory that a container, a batch job or a service may still take: less than the machine's where Linux limits it.

Files after the kernel's documentation, Admin Guide: "Control Group v2" (memory.max, memory.current) and "Memory
Resource Controller" of version 1 (memory.limit_in_bytes, memory.usage_in_bytes).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_UNLIMITED = 1 << 60
"""Version 1 has no word for "no limit": it states the largest number of pages that there is."""


@dataclass(frozen=True)
class _Version:
    """What a version of control groups calls its files, and the line of memory.stat on files that can be dropped."""

    folder: str
    limit: str
    usage: str
    droppable: str


_TWO = _Version("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file")
_ONE = _Version("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def free_in_container(root: Path = Path("/")) -> int | None:
    """Return the bytes that the tightest limit on this process leaves; None without a limit.

    Args:
        root: Root of the file system.
    """
    left = [free for version, group in _groups(root) for free in _free_in(root / version.folder, group, version)]
    return min(left, default=None)


def _groups(root: Path) -> Iterator[tuple[_Version, PurePosixPath]]:
    """Yield the groups of this process that can limit memory.

    A line of /proc/self/cgroup is number:controllers:path; version 2 has the number 0 and no controllers.
    """
    for line in _lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            yield _TWO, PurePosixPath(path.lstrip("/"))
        elif "memory" in controllers.split(","):
            yield _ONE, PurePosixPath(path.lstrip("/"))


def _free_in(mounted: Path, group: PurePosixPath, version: _Version) -> Iterator[int]:
    """Yield what is left in a group and in those above it, of those that have a limit.

    In a container, the path may be that of the host while the folder shows the container's group alone.
    """
    for place in (group, *group.parents):
        folder = mounted / place
        limit, usage = _number(folder / version.limit), _number(folder / version.usage)
        if limit is not None and usage is not None and limit < _UNLIMITED:
            yield max(limit - usage + _droppable(folder, version), 0)


def _droppable(folder: Path, version: _Version) -> int:
    """Return the bytes of copies of files, which count as used and go as soon as they are in the way."""
    for line in _lines(folder / "memory.stat"):
        name, _, number = line.partition(" ")
        if name == version.droppable and number.strip().isdigit():
            return int(number)
    return 0


def _number(path: Path) -> int | None:
    """Return the number in a file; None where there is none, as in a limit that says "max"."""
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("ascii", "replace").splitlines()
    except OSError:  # another system, another version, or a group that only the host sees
        return []
