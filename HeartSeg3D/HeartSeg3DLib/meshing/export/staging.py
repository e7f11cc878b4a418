"""Several files and folders that appear together: written into a hidden folder, moved to their places in the end."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import UsageError
from ...imaging.output import not_written


@contextlib.contextmanager
def staging_folder(folder: Path, stem: str) -> Iterator[Path]:
    """Gives a hidden folder inside `folder`, on the same disk, and removes it with what is left in it.

    Raises:
        UsageError: The file system refuses something that is done inside the block.
    """
    staging = folder / f".{stem}-{secrets.token_hex(4)}.partial"
    try:
        staging.mkdir()
        yield staging
    except OSError as error:
        raise not_written(folder) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def remove_partial_folders(folder: Path, stem: str) -> None:
    """Removes hidden folders that `staging_folder` gave to processes that were killed."""
    partial = re.compile(rf"\.{re.escape(stem)}-[0-9a-f]{{8}}\.partial")
    with contextlib.suppress(OSError):
        for place in folder.iterdir():
            if partial.fullmatch(place.name):
                shutil.rmtree(place, ignore_errors=True)


def put_in_place(
    staging: Path, folder: Path, names: Sequence[str], places: Sequence[Path], *, force: bool
) -> tuple[Path, ...]:
    """Moves what was written to its place and returns it; where a move fails, all are taken back.

    Args:
        staging: Where it was written.
        folder: Where it belongs.
        names: What to move, the sidecar last: an export that has one is complete.
        places: Everything that an earlier export may have left, its sidecar first.
        force: Whether what is in these places may go.

    Raises:
        UsageError: Something is in a place and may not go.
        OSError: The file system refuses a move.
    """
    old, new = staging / "replaced", [folder / name for name in names]
    old.mkdir()
    try:
        for place in filter(os.path.lexists, places):
            refuse_overwriting(place, force=force)
            os.replace(place, old / place.name)
        for place in new:
            os.replace(staging / place.name, place)
    except BaseException:
        for place in new:
            if not os.path.lexists(staging / place.name):  # it has been moved; what else lies there is somebody's
                _remove(place)
        for moved in old.iterdir():
            os.replace(moved, folder / moved.name)
        raise
    return tuple(new)


def refuse_overwriting(place: Path, *, force: bool) -> None:
    """Makes sure that what is in a place may go.

    Raises:
        UsageError: It may not.
    """
    if not force:
        raise UsageError(f"The output {place} exists already.", "Choose another folder or add --force.")


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
