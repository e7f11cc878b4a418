"""Several files and folders that appear together: written into a hidden folder, moved to their places in the end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import UsageError
from ...imaging.output import not_written
from .earlier import earlier_places, files_in

_REPLACED, _NAMES, _FOREIGN = "replaced", ".names", ".foreign"
"""In a hidden folder: what was in places before, the names of what is moved into them, in their order, and which files
in replaced folders are not the project's and return."""


@contextlib.contextmanager
def staging_folder(folder: Path, stem: str) -> Iterator[Path]:
    """Gives a hidden folder inside `folder`, on the same disk, and removes it with what is left in it.

    Moves of `put_in_place` that did not come to their end are taken back before.

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
        _settle(staging)


def remove_partial_folders(folder: Path, stem: str) -> None:
    """Removes hidden folders that `staging_folder` gave to processes that were killed.

    One that was killed while it put files in place had not finished: an earlier export goes back to where it was.
    """
    partial = re.compile(rf"\.{re.escape(stem)}-[0-9a-f]{{8}}\.partial")
    with contextlib.suppress(OSError):
        for place in folder.iterdir():
            if partial.fullmatch(place.name):
                _settle(place)


def put_in_place(
    staging: Path, folder: Path, names: Sequence[str], places: Sequence[Path], *, force: bool
) -> tuple[Path, ...]:
    """Moves what was written to its place and returns it; where a move fails, `staging_folder` takes all back.

    With `force`, what an earlier export lists goes as well, and so does one of the same name that failed its check.
    Other files in a folder that is replaced stay in it, unless the new one has files of these names.

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
    old, new = staging / _REPLACED, [folder / name for name in names]
    earlier = earlier_places(folder, places[0].stem) if force else []
    (staging / _FOREIGN).write_text(json.dumps(_foreign(folder, places, earlier)), "utf-8")
    (staging / _NAMES).write_text("\n".join(names), "utf-8")
    old.mkdir()
    for place in filter(os.path.lexists, [*places, *earlier]):
        refuse_overwriting(place, force=force)
        kept = old / place.relative_to(folder)
        kept.parent.mkdir(parents=True, exist_ok=True)
        os.replace(place, kept)
    for place in new:
        os.replace(staging / place.name, place)
    _return_foreign(staging)
    return tuple(new)


def _foreign(folder: Path, places: Sequence[Path], earlier: Sequence[Path]) -> list[str]:
    """Returns the files in folders among the places that no earlier export lists."""
    ours = set(earlier)
    folders = [place for place in places if place.is_dir() and not place.is_symlink() and place not in ours]
    return [str(path.relative_to(folder)) for place in folders for path in files_in(place) if path not in ours]


def _return_foreign(staging: Path) -> None:
    """Moves files that are not the project's back into the new folders, where nothing of their names is."""
    for name in json.loads((staging / _FOREIGN).read_text("utf-8")):
        kept, place = staging / _REPLACED / name, staging.parent / name
        if os.path.lexists(kept) and not os.path.lexists(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(kept, place)


def _settle(staging: Path) -> None:
    """Removes a hidden folder; where moves out of it were cut short, takes them back first.

    It may be cut short itself and called again: a name is either in the hidden folder or in its place.
    """
    try:
        names = (staging / _NAMES).read_text("utf-8").splitlines() if (staging / _NAMES).is_file() else []
        if not names or os.path.lexists(staging / names[-1]):  # the sidecar comes last: the export is not complete
            for name in names:
                if not os.path.lexists(staging / name) and os.path.lexists(staging.parent / name):
                    os.replace(staging.parent / name, staging / name)
            _put_back(staging / _REPLACED, staging.parent)
        else:
            _return_foreign(staging)
    except OSError:
        return  # what was there before is in it, so it stays
    shutil.rmtree(staging / _REPLACED, ignore_errors=True)  # before the names, without which it would be put back
    shutil.rmtree(staging, ignore_errors=True)


def _put_back(kept: Path, place: Path) -> None:
    """Moves files and folders back to where nothing is."""
    if not os.path.lexists(kept):
        return
    if not os.path.lexists(place):
        os.replace(kept, place)
    elif not kept.is_symlink() and kept.is_dir() and place.is_dir():
        for inner in list(kept.iterdir()):
            _put_back(inner, place / inner.name)


def refuse_overwriting(place: Path, *, force: bool) -> None:
    """Makes sure that what is in a place may go.

    Raises:
        UsageError: It may not.
    """
    if not force:
        raise UsageError(f"The output {place} exists already.", "Choose another folder or add --force.")
