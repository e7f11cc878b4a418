"""One door for every kind of scan."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import InputError
from .dicom import read_dicom
from .dicom_header import NotDicomError, read_dicom_header
from .dicom_slices import dicom_files
from .files import read_file
from .header import kind_of
from .scan import Scan

READABLE = ".nii, .nii.gz, .nrrd, .nhdr, .mha, .mhd, .seq.nrrd or a folder of DICOM files"


def read_scan(paths: Path | Sequence[Path], *, series: str | int | None = None) -> Scan:
    """Reads a CT or MR scan, 3-D or 4-D.

    Args:
        paths: An image file, a DICOM file or folder (searched to the bottom), or several DICOM files and folders that
            are taken together as one scan.
        series: For DICOM: Series Instance UID, or 1-based number in `list_series`.

    Raises:
        InputError: The scan is missing, damaged, no 3-D image, or not usable; the message says why and what to do.
    """
    chosen = [Path(paths)] if isinstance(paths, (str, Path)) else [Path(path) for path in paths]
    if not chosen:
        raise InputError("No scan was given.", f"Give {READABLE}.")
    with readable(chosen[0]):
        for path in chosen:
            _check_there(path)
        if len(chosen) == 1 and chosen[0].is_file() and kind_of(chosen[0]):
            scan = read_file(chosen[0])
            if series is not None:
                scan.warn(f"{chosen[0].name} is no DICOM file, so the choice of series {series} has no effect.")
            return scan
        _check_dicom(chosen)
        return read_dicom(chosen, series)


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what the operating system refuses (rights, lost network drives) into an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{error.filename or path} cannot be opened ({error.strerror}).",
                         "Check that you may read it and that its drive is connected.") from error


def _check_there(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} does not exist.", "Check the path.")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty.", "Export or download the file again.")


def _check_dicom(paths: Sequence[Path]) -> None:
    """Stops with a fitting sentence where something else stands in the place of DICOM files."""
    for path in (path for path in paths if path.is_file()):
        if kind_of(path):
            raise InputError(f"{path.name} is a scan of its own and cannot be joined with other files.",
                             "Give one image file at a time; only DICOM files are taken together.")
        if not _is_dicom(path):
            raise InputError(f"{path.name} is not an image that can be read.", f"Give {READABLE}.")
    for folder in (path for path in paths if path.is_dir()):
        images = sorted(path.name for path in folder.iterdir() if path.is_file() and kind_of(path))
        if images and not any(_is_dicom(path) for path in dicom_files([folder])):
            raise InputError(f"{folder.name} holds no DICOM files but other images ({', '.join(images[:3])}).",
                             "Give the image file itself instead of its folder.")


def _is_dicom(path: Path) -> bool:
    try:
        read_dicom_header(path)
    except NotDicomError:
        return False
    return True
