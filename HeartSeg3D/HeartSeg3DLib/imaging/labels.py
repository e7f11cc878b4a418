"""Reads label maps, our own and those of other projects, into the canonical label values."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from .files import frame_images
from .header import NIFTI, kind_of, read_header, suffix_of
from .nifti_header import GZIP_MAGIC
from .orientation import orientation_believable
from .reading import readable
from .scan import Frame, LazyFrames
from .schemes import MASK_NAMES, named_table, structure_value, value_table
from .segmentation_nrrd import read_segments
from .voxels import slabs, values_of_label_map

_LABEL_NAME = re.compile(rb'<Label Key="(\d+)"[^>]*><!\[CDATA\[([^\]]+)\]\]></Label>')
_EXTENSION_LIMIT = 1 << 18
_NAMED_VALUES = 5
_COUNTABLE = 1 << 16
"""Range of values from which they are sorted and not counted."""
_MOST_LABELS = 1000


def read_labels(path: Path, scheme: str | Path | None = None) -> sitk.Image:
    """Reads one label map.

    A value or segment without a known meaning stops the reading, because dropped in silence it would be missing from
    every volume and mesh.

    Args:
        path: .nii, .nii.gz, .nrrd, .mha, a .seg.nrrd of 3D Slicer, or a folder with one mask per structure.
        scheme: See `schemes.value_table`. A .seg.nrrd is read by its segments' ids, names or SNOMED codes and a
            label map with TotalSegmentator's names by these.

    Returns:
        uint8 image of canonical label values on the label map's own grid.

    Raises:
        InputError: The file cannot be used, holds several frames, or a value has no meaning in the scheme.
        UsageError: The scheme is unknown.
    """
    frames = read_label_frames(path, scheme)
    if len(frames) > 1:
        raise InputError(f"{Path(path).name} holds {len(frames)} label maps (4-D) where one is needed.",
                         "Choose one frame.")
    return frames[0].image


def read_label_frames(path: Path, scheme: str | Path | None = None) -> Sequence[Frame]:
    """Reads a 3-D or 4-D label map frame by frame; arguments and errors as in `read_labels`."""
    with readable(Path(path)):
        return _read_label_frames(Path(path), scheme)


def labels_state_orientation(path: Path) -> bool:
    """Whether a label map's header says believably how the patient lay; of a folder, that of its first mask.

    Raises:
        InputError: The file cannot be used.
    """
    with readable(Path(path)):
        files = sorted(one for one in Path(path).iterdir() if kind_of(one)) if Path(path).is_dir() else [Path(path)]
        if not files:
            return False
        header = read_header(files[0])
        return orientation_believable(frame_images(header)[0].image, 0.0, header.states_orientation)


def _read_label_frames(path: Path, scheme: str | Path | None) -> Sequence[Frame]:
    if path.is_dir():
        return [Frame(None, _read_masks(path, scheme))]
    if not path.is_file():
        raise InputError(f"{path} does not exist.", "Check the path.")
    if not kind_of(path):
        raise InputError(f"{path.name} is not a label map that can be read.", "Give .nii.gz, .nrrd, .mha or .seg.nrrd.")
    header = read_header(path)
    if suffix_of(path) == ".seg.nrrd" and scheme is None:
        return [Frame(None, read_segments(header))]
    table = _table(path, scheme)
    stored = frame_images(header)
    return LazyFrames(stored.times_ms, lambda index: translate(stored[index].image, table, path.name))


def translate(image: sitk.Image, table: dict[int, int], name: str) -> sitk.Image:
    """Exchanges label values by a table.

    Args:
        image: Label map of any number type; numbers with a fraction are refused.
        table: Value in the image, 0 to 65535, to canonical value.
        name: What to call the image in messages.

    Returns:
        uint8 label map with the geometry of the image.

    Raises:
        InputError: The image is a scan, a voxel is no whole number, or its value is not in the table.
    """
    voxels = sitk.GetArrayViewFromImage(image)
    if voxels.ndim != 3 or voxels.dtype.kind not in "iuf":
        raise InputError(f"{name} is not a label map: it has several numbers per voxel.", "Give one label per voxel.")
    if voxels.dtype.kind == "f" and not all(_whole(slab) for slab in slabs(voxels)):
        raise InputError(f"{name} is not a label map: its voxels are no whole numbers.",
                         "Resample label maps with nearest neighbor, or give the label map instead of the scan.")
    unknown = sorted({value for slab in slabs(voxels) for value in _values(slab)} - set(table))
    if unknown and _is_scan(voxels, len(unknown)):
        raise InputError(f"{name} is a scan, not a label map.",
                         "Segment it first with `heartseg segment`, and give the label map that it writes.")
    if unknown:
        shown = ", ".join(str(value) for value in unknown[:_NAMED_VALUES])
        more = f" and {len(unknown) - _NAMED_VALUES} more" if len(unknown) > _NAMED_VALUES else ""
        raise InputError(f"{name} has label values without a known meaning: {shown}{more}.",
                         "Name its scheme with --scheme, or give a CSV table with the columns value,structure.")
    result = np.empty(voxels.shape, np.uint8)
    exchange = np.zeros(max(table) + 1, np.uint8)
    exchange[list(table)] = list(table.values())
    for source, target in zip(slabs(voxels), slabs(result), strict=True):
        target[...] = exchange[source.astype(np.uint16)]
    labels = sitk.GetImageFromArray(result)
    labels.CopyInformation(image)
    return labels


def _whole(slab: np.ndarray) -> bool:
    return bool(np.isfinite(slab).all() and (slab == np.rint(slab)).all())


def _is_scan(voxels: np.ndarray, unknown: int) -> bool:
    low, high = int(voxels.min()), int(voxels.max())
    if high - low >= _COUNTABLE:
        return unknown > _MOST_LABELS
    return not values_of_label_map(voxels.astype(np.int64), low)


def _values(slab: np.ndarray) -> Iterator[int]:
    """Values that occur in a slab, found by counting because sorting millions of voxels is slow."""
    low, high = float(slab.min()), float(slab.max())
    if not high - low < _COUNTABLE:
        yield from (int(value) for value in np.unique(slab))
    else:
        counts = np.bincount((slab.astype(np.int64) - int(low)).ravel())
        yield from (int(value) + int(low) for value in np.flatnonzero(counts))


def _table(path: Path, scheme: str | Path | None) -> dict[int, int]:
    table = value_table(scheme)
    if str(scheme).lower() == "totalsegmentator" and kind_of(path) == NIFTI:
        names = _label_names(path)
        return named_table(names) if names else table
    return table


def _label_names(path: Path) -> dict[int, str]:
    """Names that TotalSegmentator writes behind the NIfTI header, empty where there are none."""
    with path.open("rb") as file:
        start = file.read(_EXTENSION_LIMIT)
    if start[:2] == GZIP_MAGIC:
        start = zlib.decompressobj(wbits=31).decompress(start, _EXTENSION_LIMIT)
    return {int(value): name.decode("utf-8") for value, name in _LABEL_NAME.findall(start)}


def _read_masks(folder: Path, scheme: str | Path | None) -> sitk.Image:
    """Joins a folder with one mask file per structure; where masks overlap, the lower label value stays."""
    values: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if kind_of(path):
            stem = path.name[:-len(suffix_of(path))]
            value = structure_value(MASK_NAMES.get(stem, "") if scheme is not None else stem)
            if value:
                values[value] = path
    if not values:
        raise InputError(f"{folder.name} has no mask of a heart structure.", "Give a folder of masks named after "
                         "structures (LV.nii.gz), or use --scheme totalsegmentator for its output folder.")
    joined: sitk.Image | None = None
    for value, path in sorted(values.items()):
        mask = translate(frame_images(read_header(path))[0].image, {0: 0, 1: value, 255: value}, path.name)
        if joined is None:
            joined = mask
        elif not _same_grid(joined, mask):
            raise InputError(f"The masks in {folder.name} do not lie on one grid: {path.name} differs.",
                             "Export all masks from the same scan.")
        else:
            joined = sitk.Maximum(joined, sitk.Mask(mask, joined == 0))
    assert joined is not None
    return joined


def _same_grid(one: sitk.Image, other: sitk.Image) -> bool:
    return one.GetSize() == other.GetSize() and all(
        np.allclose(a, b, atol=1e-3) for a, b in ((one.GetOrigin(), other.GetOrigin()),
                                                  (one.GetSpacing(), other.GetSpacing()),
                                                  (one.GetDirection(), other.GetDirection())))
