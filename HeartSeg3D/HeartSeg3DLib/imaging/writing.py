"""Writes images and label maps; every file appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import UsageError
from .header import suffix_of
from .nrrd_writer import write_nrrd
from .output import not_written, replacing
from .quiet import silenced
from .scan import Frame
from .segmentation_nrrd import write_segmentation_nrrd
from .voxels import SLAB

IMAGE_KINDS = (".nii.gz", ".nii", ".nrrd", ".mha")
"""Endings of files that hold one image or label map."""
SEGMENTATION_KINDS = (*IMAGE_KINDS, ".seg.nrrd")
"""Endings of files that hold one segmentation."""
SEQUENCE_KINDS = (".nii.gz", ".nii", ".nrrd", ".seq.nrrd")
"""Endings of files that hold a label map per frame."""


def write_image(path: Path, image: sitk.Image) -> None:
    """Writes a 3-D image or label map on exactly its own grid.

    NIfTI stores spacing and direction as 32-bit numbers, so they come back rounded to 7 digits; NRRD and MHA keep
    every digit. Nothing but voxels and geometry is written: no names, no dates.

    Raises:
        UsageError: The ending is unknown or the file system refuses the file.
    """
    _check_kind(path, IMAGE_KINDS)
    _write(path, image)


def write_segmentation(path: Path, labels: sitk.Image) -> None:
    """Writes a label map of canonical values; a .seg.nrrd opens in Slicer with names, colors and SNOMED codes.

    Args:
        path: .nii.gz, .nii, .nrrd, .mha or .seg.nrrd.
        labels: uint8 or uint16 label map.

    Raises:
        UsageError: The ending is unknown or the file system refuses the file.
        InputError: A label value is no canonical structure (.seg.nrrd only).
    """
    _check_kind(path, SEGMENTATION_KINDS)
    if suffix_of(path) == ".seg.nrrd":
        with replacing(path) as temporary:
            write_segmentation_nrrd(temporary, labels)
    else:
        _write(path, labels)


def write_sequence(path: Path, frames: Sequence[Frame]) -> None:
    """Writes images or label maps of one grid as a 4-D file; all of them are in memory at once.

    A .nrrd is a Slicer sequence and keeps the time of every frame; NIfTI has one time step for all, so uneven times
    become their average step, and unknown times a step of 1 s.

    Args:
        path: .nii.gz, .nii, .nrrd or .seq.nrrd.
        frames: At least two images or label maps with equal size and type.

    Raises:
        UsageError: The ending is unknown or the file system refuses the file.
    """
    _check_kind(path, SEQUENCE_KINDS)
    frames = list(frames)  # each access may read a frame anew, and a view does not keep its image alive
    if suffix_of(path) in (".nii.gz", ".nii"):
        joined = sitk.JoinSeries([frame.image for frame in frames], 0.0, _step_seconds(frames))
        _write(path, joined)
        return
    times = [frame.time_ms for frame in frames]
    timed = None not in times
    pairs = {"DataNodeClassName": "vtkMRMLLabelMapVolumeNode", "axis 0 index type": "numeric",
             "axis 0 index values": " ".join(f"{time:.10g}" for time in (times if timed else range(len(frames)))
                                             if time is not None)}
    views = [sitk.GetArrayViewFromImage(frame.image) for frame in frames]
    with replacing(path) as temporary:
        write_nrrd(temporary, frames[0].image, _interleaved(views), views[0].dtype, pairs=pairs,
                   list_size=len(frames), list_label="time" if timed else "frame", list_unit="ms" if timed else "")


def _interleaved(views: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Slabs with the frames of each voxel side by side."""
    for start in range(0, len(views[0]), SLAB):
        yield np.stack([view[start:start + SLAB] for view in views], axis=-1)


def _step_seconds(frames: Sequence[Frame]) -> float:
    first, last = frames[0].time_ms, frames[-1].time_ms
    return 1.0 if first is None or last is None or last <= first else (last - first) / (len(frames) - 1) / 1000.0


def _check_kind(path: Path, kinds: tuple[str, ...]) -> None:
    if suffix_of(path) not in kinds:
        raise UsageError(f"The output {path.name} has no ending that fits what is written.",
                         f"Use one of {', '.join(kinds)}.")


def _write(path: Path, image: sitk.Image) -> None:
    bare = sitk.Cast(image, image.GetPixelID()) if image.GetMetaDataKeys() else image  # filters drop header fields
    try:
        with replacing(path) as temporary, silenced():
            sitk.WriteImage(bare, str(temporary), useCompression=suffix_of(path) not in (".nii", ".mha"))
    except RuntimeError as error:  # ITK's kind of error
        raise not_written(path) from error
