"""What parent and child agree on: the private folder through which voxels travel, and the group of processes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

OWN_GROUP = "HEARTSEG_OWN_PROCESS_GROUP"
"""Environment variable of a worker whose process group holds it and its children alone, so that it may end them all."""

_NAME = re.compile(r"heartseg-(\d+)-[0-9a-f]{16}")


def folder_name(process: int, token: str) -> str:
    """Return the name of a process's private folder.

    Args:
        process: Id of the process that made it.
        token: 16 hexadecimal digits.
    """
    return f"heartseg-{process}-{token}"


def owner_of(folder: Path) -> int | None:
    """Return the id of the process that made a private folder, None for any other folder.

    Example:
        >>> owner_of(Path("/tmp/heartseg-17-0123456789abcdef"))
        17
        >>> owner_of(Path("/home/me/heartseg-results"))
    """
    match = _NAME.fullmatch(folder.name)
    return int(match[1]) if match else None


def remove_folder(folder: Path) -> None:
    """Remove a private folder with everything in it, as far as the system lets go of it; other folders stay."""
    if owner_of(folder) is not None and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
