"""Label maps of a data set in the project's values; a value without a meaning stops the work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import read_labels
from HeartSeg3DLib.imaging.files import frame_images
from HeartSeg3DLib.imaging.header import read_header
from HeartSeg3DLib.imaging.reading import readable
from HeartSeg3DLib.imaging.schemes import MASK_NAMES

from .entry import Entry
from .index import DatasetRecord
from .layout import BACKGROUND, IGNORE

IGNORED_VOXEL = 255
"""Voxel value of what says nothing, as the losses expect it."""

_WHOLE_WITHIN = 0.02
"""How far a voxel may be from a whole number: a scaled or float label map is off by rounding alone."""
_LARGEST = 65535
_NAMED = 5


class UnknownLabelError(InputError):
    """A label map holds a value that nobody explained; building an index stops there."""


def read_case_labels(entry: Entry, record: DatasetRecord, path: Path) -> sitk.Image:
    """The label map of a case.

    Args:
        entry: The case; of a 4-D label map its frame is taken.
        record: Its data set, with the meaning of the values.
        path: Label map or folder of masks.

    Returns:
        uint8 image of canonical values and IGNORED_VOXEL on the label map's own grid, LPS.

    Raises:
        UnknownLabelError: A value has no meaning in this data set.
        InputError: It cannot be read, or its voxels are no labels.
    """
    if record.scheme == "masks":
        return _without_others(read_labels(path, "totalsegmentator"), entry)
    return translated(_stored(path, entry.frame), table_of(record.values), f"{entry.id} ({path.name})", record)


def table_of(values: Mapping[int, str]) -> dict[int, int]:
    """Value in a file to canonical value or IGNORED_VOXEL; 0 is background unless the data set says otherwise."""
    meanings = {BACKGROUND: 0, IGNORE: IGNORED_VOXEL, **{id_: one.value for id_, one in BY_ID.items()}}
    return {0: 0, **{value: meanings[id_] for value, id_ in values.items()}}


def translated(stored: sitk.Image, table: Mapping[int, int], case: str, record: DatasetRecord) -> sitk.Image:
    """A stored label map in canonical values.

    Raises:
        UnknownLabelError: A value is not in the table; the message names data set, case and value.
        InputError: A voxel is no whole number.
    """
    voxels = _whole_numbers(sitk.GetArrayViewFromImage(stored), case, record)
    low, high = int(voxels.min()), int(voxels.max())
    found = [] if low >= 0 and high <= _LARGEST else [value for value in (low, high) if not 0 <= value <= _LARGEST]
    if not found:
        found = sorted(set(np.flatnonzero(np.bincount(voxels.ravel())).tolist()) - set(table))
    if found:
        raise _unknown(found, case, record)
    exchange = np.zeros(high + 1, np.uint8)
    for value, meaning in table.items():
        if value <= high:
            exchange[value] = meaning
    labels = sitk.GetImageFromArray(exchange[voxels])
    labels.CopyInformation(stored)
    return labels


def structures_in(labels: sitk.Image) -> tuple[str, ...]:
    """Ids of the structures that a label map of canonical values holds."""
    values = np.flatnonzero(np.bincount(sitk.GetArrayViewFromImage(labels).ravel(), minlength=256))
    return tuple(STRUCTURES[value].id for value in values.tolist() if value in STRUCTURES)


def mask_files(folder: Path) -> dict[str, Path]:
    """Structure id to its file in a folder of masks under TotalSegmentator's names."""
    found = {}
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            id_ = MASK_NAMES.get(path.name.split(".")[0])
            if id_ is not None:
                found[id_] = path
    return found


def _stored(path: Path, frame: int | None) -> sitk.Image:
    with readable(path):
        frames = frame_images(read_header(path))
        if len(frames) == 1:
            return frames[0].image
        if frame is None or frame >= len(frames):
            raise InputError(f"{path.name} holds {len(frames)} label maps, and the case does not say which is its own.",
                             "Build the index again with the data set's table of frames beside the images.")
        return frames[frame].image


def _whole_numbers(voxels: np.ndarray, case: str, record: DatasetRecord) -> np.ndarray:
    if voxels.ndim != 3 or voxels.dtype.kind not in "iuf":
        raise InputError(f"{case} of {record.name} has several numbers per voxel instead of one label.",
                         "Look at the file; it is no label map.")
    if voxels.dtype.kind != "f":
        return voxels.astype(np.int64)
    whole = np.rint(voxels)
    if not np.isfinite(voxels).all() or float(np.abs(voxels - whole).max()) > _WHOLE_WITHIN:
        raise InputError(f"{case} of {record.name} has voxels that are no whole numbers, so it is no label map or was "
                         "resampled with interpolation.", "Take the label map as it was distributed.")
    return whole.astype(np.int64)


def _unknown(values: list[int], case: str, record: DatasetRecord) -> UnknownLabelError:
    shown = ", ".join(str(value) for value in values[:_NAMED])
    more = f" and {len(values) - _NAMED} more" if len(values) > _NAMED else ""
    known = ", ".join(f"{value} {id_}" for value, id_ in record.values.items()) or "none"
    return UnknownLabelError(
        f"Data set {record.name}, case {case}: label value {shown}{more} has no known meaning.",
        f"Known are {known}. Look at the case; if the value has a meaning, give it with --values TABLE.csv (columns "
        "value,structure).")


def _without_others(labels: sitk.Image, entry: Entry) -> sitk.Image:
    """Drops structures that the masks hold beside those that the case counts as annotated."""
    others = set(structures_in(labels)) - set(entry.present)
    return sitk.ChangeLabel(labels, {BY_ID[id_].value: 0 for id_ in others}) if others else labels
