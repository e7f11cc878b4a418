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
_TURN = 0.02
"""Difference of direction cosines that is rounding (1 degree)."""


@dataclass(frozen=True)
class ImageFacts:
    """Geometry of an image as its header states it.

    Attributes:
        shape: Voxels along x, y, z.
        spacing: mm along x, y, z.
        orientation: Directions that x, y, z point to, such as "LPS"; empty where the header does not say.
        frames: Images over time, 1 for 3-D.
        series: Series Instance UID, empty for files.
        direction: Columns are the axes x, y, z in LPS, row by row; empty for DICOM, whose labels are no files.
        origin: Place of the first voxel, mm LPS.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    orientation: str
    frames: int = 1
    series: str = ""
    direction: tuple[float, ...] = ()
    origin: tuple[float, ...] = (0.0, 0.0, 0.0)

    def is_turned_against(self, other: ImageFacts) -> bool:
        """Whether the axes of two headers differ, and not only because one box is stored in another order.

        A shift between equal axes is not judged: converters often drop the origin.
        """
        if not self.direction or not other.direction or np.allclose(self.direction, other.direction, atol=_TURN):
            return False
        (corner, axes), (other_corner, other_axes) = self._seen_from(), other._seen_from()
        return not (np.allclose(axes, other_axes, atol=_TURN)
                    and np.allclose(corner, other_corner, rtol=0, atol=0.5 * max(self.spacing)))

    def _seen_from(self) -> tuple[np.ndarray, np.ndarray]:
        """The corner that lies lowest along the world's axes, and the axes seen from it, in the world's order."""
        axes = np.reshape(self.direction, (3, 3))
        along = np.abs(axes).argmax(0)
        backwards = axes[along, range(3)] < 0
        corner = np.array(self.origin) + (axes * (np.subtract(self.shape, 1) * self.spacing * backwards)).sum(1)
        return corner, (axes * np.where(backwards, -1.0, 1.0))[:, np.argsort(along, kind="stable")]


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
    return ImageFacts(header.size, _rounded(header.spacing), said, len(header.times_ms), "",
                      tuple(np.ravel(header.direction).tolist()), header.origin)


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
