"""One door for every kind of scan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from .dicom import read_dicom
from .dicom_header import NotDicomError, read_dicom_header
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
    for path in chosen:
        _check_there(path)
    if len(chosen) == 1 and kind_of(chosen[0]) and chosen[0].is_file():
        return read_file(chosen[0])
    files = [path for path in chosen if path.is_file()]
    for path in files:
        if kind_of(path):
            raise InputError(f"{path.name} is a scan of its own and cannot be joined with other files.",
                             "Give one image file at a time; only DICOM files are taken together.")
        if not _is_dicom(path):
            raise InputError(f"{path.name} is not an image that can be read.", f"Give {READABLE}.")
    if len(chosen) == 1 and not files:
        _check_folder(chosen[0])
    return read_dicom(chosen, series)


def _check_there(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} does not exist.", "Check the path.")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty.", "Export or download the file again.")


def _check_folder(folder: Path) -> None:
    """Stops with the names of image files in a folder where DICOM files were expected."""
    images = sorted(path.name for path in folder.iterdir() if path.is_file() and kind_of(path))
    if images and not any(_is_dicom(path) for path in folder.rglob("*") if path.is_file()):
        raise InputError(f"{folder.name} holds no DICOM files but other images ({', '.join(images[:3])}).",
                         "Give the image file itself instead of its folder.")


def _is_dicom(path: Path) -> bool:
    try:
        read_dicom_header(path)
    except NotDicomError:
        return False
    return True
