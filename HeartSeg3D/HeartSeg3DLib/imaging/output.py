"""Output paths: judged before the work starts, replaced in one step after it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import UsageError
from .header import suffix_of

_FILE_ENDINGS = frozenset({
    ".html", ".htm", ".pdf", ".txt", ".md", ".csv", ".tsv", ".json", ".xml", ".doc", ".docx", ".xls", ".xlsx", ".zip",
    ".png", ".jpg", ".jpeg", ".nii", ".nii.gz", ".nrrd", ".nhdr", ".seg.nrrd", ".seq.nrrd", ".mha", ".mhd", ".dcm",
    ".vtk", ".vtp", ".vtu", ".stl", ".ply", ".obj", ".msh", ".mesh", ".inp", ".xdmf",
})
"""Endings of names that are meant for files, never for folders."""


def check_output(path: Path, *, force: bool, kinds: tuple[str, ...]) -> None:
    """Makes sure that a file can be written before any work is done for it.

    Args:
        path: File to be written.
        force: Whether an existing file may be replaced.
        kinds: Allowed suffixes, such as (".nii.gz", ".nrrd", ".seg.nrrd").

    Raises:
        UsageError: Wrong suffix, the folder is missing or cannot be written, or the file exists.
    """
    path = Path(path)
    if suffix_of(path) not in kinds:
        raise UsageError(f"The output {path.name} has no known ending.", f"Use one of {', '.join(kinds)}.")
    check_output_folder(path.parent)
    if path.is_dir():
        raise UsageError(f"The output {path} is a folder.", "Give a file name.")
    if path.exists() and not force:
        raise UsageError(f"The output {path} exists already.",
                         "Choose another name, or remove it first (on the command line, --force replaces it).")


def check_output_folder(folder: Path) -> None:
    """Makes sure that files can be written into a folder.

    Raises:
        UsageError: The folder is missing, a file is in its place, or it refuses a new file.
    """
    refuse_file_in_the_way(folder)
    if not folder.is_dir():
        raise UsageError(f"The output folder {folder} does not exist.", "Create the folder or choose another.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"Files cannot be written to the folder {folder}.",
                         "Choose a folder that you may write to, or free some space.") from error


def refuse_file_in_the_way(folder: Path) -> None:
    """Makes sure that no file has the place of a folder or of one above it.

    Raises:
        UsageError: One has.
    """
    nearest = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    if nearest.exists() and not nearest.is_dir():
        raise UsageError(f"A file is in the way: {nearest} is not a folder.",
                         "Choose another output, or move that file.")


def refuse_name_of_file(folder: Path) -> None:
    """Makes sure that no new folder gets a name that is meant for a file, such as `page.pdf`.

    Raises:
        UsageError: It would.
    """
    if suffix_of(folder) in _FILE_ENDINGS and not folder.exists():
        raise UsageError(f"{folder.name} is the name of a file, and a folder is needed there.",
                         f"Give a folder, such as {folder.name[:-len(suffix_of(folder))] or 'results'}.")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary name beside `path` and moves it there when the block ends well.

    On any failure, Ctrl-C included, the temporary file is removed and an older `path` stays as it was.

    Raises:
        UsageError: The file system refuses the file.
    """
    path = Path(path)
    suffix = suffix_of(path)
    temporary = path.with_name(f".{path.name[:len(path.name) - len(suffix)]}-{secrets.token_hex(4)}.partial{suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise not_written(path) from error
    finally:
        temporary.unlink(missing_ok=True)


def not_written(path: Path) -> UsageError:
    """The error for a file that the file system refuses."""
    return UsageError(f"{path} could not be written.",
                      "Check the free space and your rights in that folder, and that no program has the file open.")


def remove_partial(path: Path) -> None:
    """Removes what `replacing` was writing for `path` in a process that was killed.

    Only names that `replacing` gives; nothing happens where there is none or the system still holds it.
    """
    suffix = suffix_of(path)
    stem = re.escape(path.name[:len(path.name) - len(suffix)])
    partial = re.compile(rf"\.{stem}-[0-9a-f]{{8}}\.partial{re.escape(suffix)}", re.IGNORECASE)
    with contextlib.suppress(OSError):
        for file in path.parent.iterdir():
            if partial.fullmatch(file.name):
                file.unlink(missing_ok=True)
