"""What the header of an image says, and the checksum of what lies on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import SeriesInfo, list_series, read_scan
from HeartSeg3DLib.imaging.header import read_header
from HeartSeg3DLib.imaging.reading import readable

_BLOCK = 1 << 20


@dataclass(frozen=True)
class ImageFacts:
    """Geometry of an image as its header states it.

    Attributes:
        shape: Voxels along x, y, z.
        spacing: mm along x, y, z.
        orientation: Directions that x, y, z point to, such as "LPS"; empty where the header does not say.
        frames: Images over time, 1 for 3-D.
        series: Series Instance UID, empty for files.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    orientation: str
    frames: int = 1
    series: str = ""


def file_facts(path: Path) -> ImageFacts:
    """Reads the header of an image file, no voxels.

    Raises:
        InputError: The file is missing, damaged, or no volume.
    """
    with readable(path):
        if not path.is_file():
            raise InputError(f"{path.name} is missing.", "Copy or download it again.")
        header = read_header(path)
    said = orientation_of(header.direction) if header.states_orientation else ""
    return ImageFacts(header.size, _rounded(header.spacing), said, len(header.times_ms))


def dicom_stacks(folder: Path) -> list[tuple[SeriesInfo, ImageFacts | None]]:
    """Stacks of images in a folder; without facts where one cannot be used.

    Raises:
        InputError: There is no DICOM image.
    """
    with readable(folder):
        return [(info, None if info.problem or info.spacing_mm is None else ImageFacts(
            (*info.voxels, info.slices), _rounded(info.spacing_mm), "", info.phases, info.uids[0]))
            for info in list_series(folder)]


def read_frame(path: Path, series: str, frame: int | None) -> sitk.Image:
    """One volume of a case, tidied and judged as `heartseg segment` does.

    Raises:
        InputError: It cannot be read; see `read_scan`.
    """
    frames = read_scan(path, series=series or None).frames
    if (frame or 0) >= len(frames):
        raise InputError(f"{path.name} has no frame {frame}; it holds {len(frames)}.", "Build the index again.")
    return frames[frame or 0].image


def orientation_of(direction: np.ndarray) -> str:
    """Directions that the axes of an LPS direction matrix point to.

    >>> orientation_of(np.diag([1.0, 1.0, 1.0])), orientation_of(np.diag([-1.0, -1.0, 1.0]))
    ('LPS', 'RAS')
    """
    return sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(np.asarray(direction, float).ravel().tolist())


def checksum(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder in the order of their names."""
    digest = hashlib.sha256()
    for file in _files(path):
        with open(file, "rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def size_on_disk(path: Path) -> int:
    """Bytes of a file or folder."""
    return sum(file.stat().st_size for file in _files(path))


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.is_file())
    else:
        yield path


def _rounded(spacing: tuple[float, ...]) -> tuple[float, float, float]:
    """NIfTI keeps 7 digits; more would only make equal spacings look different."""
    x, y, z = (float(f"{value:.6g}") for value in spacing)
    return x, y, z
