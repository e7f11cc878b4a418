"""The slices in a set of DICOM files: one record per image plane, whether it lies in its own file or in a frame."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from .dicom_header import (
    CARDIAC_SYNCHRONIZATION,
    FRAME_CONTENT,
    PER_FRAME_GROUPS,
    PIXEL_MEASURES,
    PIXEL_TRANSFORMATION,
    PLANE_ORIENTATION,
    PLANE_POSITION,
    SHARED_GROUPS,
    DamagedDicomError,
    Dataset,
    DicomHeader,
    NotDicomError,
    read_dicom_header,
)

_ROWS, _COLUMNS, _SAMPLES = 0x00280010, 0x00280011, 0x00280002
_SKIPPED_NAMES = ("dicomdir", "thumbs.db", ".ds_store")


@dataclass(frozen=True)
class SeriesFacts:
    """What all slices of a series share.

    Attributes:
        patient: Patient ID, or the name where there is no ID.
        uid: Series Instance UID.
        number: Series Number, 0 where absent.
        frame_of_reference: Slices with the same value share one coordinate system.
        image_type: Values after ORIGINAL\\PRIMARY, and the echo time: they tell apart what repeats at one position.
    """

    patient: str
    study: str
    uid: str
    number: int
    description: str
    modality: str
    frame_of_reference: str
    image_type: tuple[str, ...]


@dataclass(frozen=True)
class Slice:
    """One image plane.

    Attributes:
        series: The series it belongs to.
        path: Its file.
        frame: Index of the plane in a multi-frame file, 0 elsewhere.
        instance: SOP Instance UID.
        shape: Rows and columns.
        samples: Numbers per pixel, 3 for color.
        axes: (3, 2) unit vectors along a row and down a column, LPS; NaN where the file does not place the image.
        position: Center of the first pixel, LPS in mm; NaN as above.
        spacing: mm between columns (x) and between rows (y); NaN as above.
        times: What may order the phases at one position, the most trustworthy first; None where absent.
        rescale: Slope and intercept.
    """

    series: SeriesFacts
    path: Path
    frame: int
    instance: str
    shape: tuple[int, int]
    samples: int
    axes: np.ndarray
    position: np.ndarray
    spacing: tuple[float, float]
    times: tuple[float | None, ...]
    rescale: tuple[float, float]

    @property
    def placed(self) -> bool:
        """Whether the file says where the image lies in the patient."""
        return bool(np.isfinite(self.position).all())

    @cached_property
    def along(self) -> float:
        """Place on the normal of the plane in mm."""
        return float(np.cross(self.axes[:, 0], self.axes[:, 1]) @ self.position)


def dicom_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Files in the given files and folders, folders searched to the bottom, in a stable order."""
    for path in paths:
        if path.is_dir():
            for folder, folders, names in os.walk(path):
                folders.sort()
                for name in sorted(names):
                    file = Path(folder, name)
                    if name.lower() not in _SKIPPED_NAMES and not name.startswith(".") and file.is_file():
                        yield file
        elif path.is_file():
            yield path


def read_slices(paths: Iterable[Path]) -> tuple[list[Slice], list[Path]]:
    """Slices of all DICOM images among the files; other files, reports and directories are passed over.

    Returns:
        The slices, and the DICOM files that are too damaged to be read.

    Raises:
        OSError: A file cannot be read.
    """
    slices: dict[tuple[str, int], Slice] = {}
    damaged: list[Path] = []
    for path in dicom_files(paths):
        try:
            header = read_dicom_header(path)
        except DamagedDicomError:
            damaged.append(path)
            continue
        except NotDicomError:
            continue
        for one in _slices_of(path, header):
            slices.setdefault((one.instance or str(path), one.frame), one)  # copies of one image count once
    return list(slices.values()), damaged


def _slices_of(path: Path, header: DicomHeader) -> Iterator[Slice]:
    rows, columns = header.binary(_ROWS, "H"), header.binary(_COLUMNS, "H")
    if not rows or not columns or header.text(0x00020002).startswith("1.2.840.10008.1.3.10"):
        return
    facts = _series_facts(header)
    shared = header.items(SHARED_GROUPS)[:1]
    frames = header.items(PER_FRAME_GROUPS)
    count = int((header.numbers(0x00280008) or [1])[0])
    for index in range(max(len(frames), 1)):
        places = [*frames[index:index + 1], *shared]
        yield _slice(path, header, facts, index, (int(rows[0]), int(columns[0])), places, count)


def _series_facts(header: DicomHeader) -> SeriesFacts:
    echo = header.text(0x00180081) or header.text(0x00180086)
    return SeriesFacts(
        patient=header.text(0x00100020) or header.text(0x00100010), study=header.text(0x0020000D),
        uid=header.text(0x0020000E), number=int((header.numbers(0x00200011) or [0])[0]),
        description=header.text(0x0008103E) or header.text(0x00181030), modality=header.text(0x00080060).upper(),
        frame_of_reference=header.text(0x00200052), image_type=(*header.texts(0x00080008)[2:], echo))


def _slice(path: Path, header: DicomHeader, facts: SeriesFacts, index: int, shape: tuple[int, int],
           places: list[Dataset], count: int) -> Slice:
    """Builds one slice; an enhanced image states per frame or once for all what a classic one states directly."""

    def find(group: int, tag: int) -> list[float]:
        for place in places:
            for item in header.items(group, place):
                if values := header.numbers(tag, item):
                    return values
        return header.numbers(tag) if count == 1 else []

    axes = _axes(find(PLANE_ORIENTATION, 0x00200037))
    position = find(PLANE_POSITION, 0x00200032)
    spacing = find(PIXEL_MEASURES, 0x00280030)
    if not (np.isfinite(axes).all() and len(position) == 3 and len(spacing) == 2 and min(spacing) > 0):
        position, spacing = [np.nan] * 3, [np.nan] * 2
    slope, intercept = find(PIXEL_TRANSFORMATION, 0x00281053), find(PIXEL_TRANSFORMATION, 0x00281052)
    return Slice(
        series=facts, path=path, frame=index, instance=header.text(0x00080018), shape=shape,
        samples=int((header.binary(_SAMPLES, "H") or [1])[0]), axes=axes,
        position=np.array(position), spacing=(spacing[1], spacing[0]),
        times=_enhanced_times(header, places) if count > 1 else _classic_times(header),
        rescale=((slope or [1.0])[0], (intercept or [0.0])[0]))


def _axes(orientation: list[float]) -> np.ndarray:
    """Unit vectors at right angles from Image Orientation (Patient), which is rounded in the file; NaN if absent."""
    nothing = np.full((3, 2), np.nan)
    if len(orientation) != 6:
        return nothing
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    if not np.linalg.norm(np.cross(row, column)) > 0.9:
        return nothing
    row /= np.linalg.norm(row)
    column -= (column @ row) * row
    return np.stack([row, column / np.linalg.norm(column)], axis=1)


def _classic_times(header: DicomHeader) -> tuple[float | None, ...]:
    """Trigger time in ms, temporal position, acquisition number, acquisition time, instance number."""
    tags = (0x00181060, 0x00200100, 0x00200012, 0x00080032, 0x00200013)
    return tuple(next(iter(header.numbers(tag)), None) for tag in tags)


def _enhanced_times(header: DicomHeader, places: list[Dataset]) -> tuple[float | None, ...]:
    """Trigger delay in ms and temporal position of a frame."""

    def find(group: int, tag: int, code: str) -> float | None:
        values = [header.binary(tag, code, item) for place in places for item in header.items(group, place)]
        return next((value[0] for value in values if value), None)

    return (find(CARDIAC_SYNCHRONIZATION, 0x00209153, "d"), find(FRAME_CONTENT, 0x00209128, "I"), None, None, None)
