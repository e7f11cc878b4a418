"""Reads a scan from one NIfTI, NRRD or MetaImage file, 3-D or 4-D, or takes it from memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from .header import FileHeader, check_grid, check_size, itk_header, read_header
from .nifti_header import not_finite
from .orientation import orientation_believable
from .quiet import silenced
from .scan import Frame, LazyFrames, Scan
from .voxels import TidyFrame, refuse_label_map, tidy


def read_file(path: Path) -> Scan:
    """Reads a scan from one file; a 4-D file stays on disk and gives its frames one by one.

    Raises:
        InputError: The file cannot be used; see `read_header`, `tidy` and `refuse_label_map`.
    """
    header = read_header(path)
    frames = frame_images(header)
    scan = Scan(frames, None, True, path, list(header.warnings))
    first = tidy_into(scan, frames[0].image)
    refuse_label_map(first, path.name)
    scan.orientation_known = orientation_believable(first.image, first.low, header.states_orientation)
    if len(frames) == 1:
        scan.frames = [Frame(None, first.image)]
    else:
        scan.frames = LazyFrames(frames.times_ms, lambda index: tidy_into(scan, frames[index].image).image)
    return scan


def scan_of_image(image: sitk.Image, name: str = "the image") -> Scan:
    """Takes an image in memory as a scan, judged and tidied as one from a file is.

    Args:
        image: 3-D scalar image, LPS in mm; its orientation is believed. It is not changed.
        name: What to call it in messages.

    Raises:
        InputError: It cannot be used; see `check_size`, `check_grid`, `tidy` and `refuse_label_map`.
    """
    scan = Scan([], None, True, Path(name))
    try:
        check_size(name, image.GetSize())
        if image.GetDimension() > 3:
            raise InputError(f"{name} has several frames (4-D).", "Give one 3-D frame of it.")
        check_grid(name, image.GetSpacing(), image.GetOrigin(), np.array(image.GetDirection()).reshape(3, 3))
        tidied = tidy_into(scan, image)
        refuse_label_map(tidied, name)
    except InputError as error:
        raise InputError(error.message[0].upper() + error.message[1:], error.remedy) from error
    scan.frames = [Frame(None, tidied.image)]
    return scan


def frame_images(header: FileHeader) -> LazyFrames:
    """The frames of a file as they are stored, read on access.

    Raises:
        InputError: Several numbers per voxel that are no sequence.
    """
    if header.is_sequence:
        return _sequence_frames(header)
    if header.components > 1:
        raise InputError(f"{header.path.name} has {header.components} numbers per voxel (colors or vectors) "
                         "instead of one grey value.", "Export the scan itself, not a picture of it.")
    return LazyFrames(header.times_ms, lambda index: _read_frame(header, index))


def tidy_into(scan: Scan, image: sitk.Image) -> TidyFrame:
    """Tidies one frame of a scan and hands its warnings to the scan."""
    tidied = tidy(image, scan.source.name)
    for sentence in tidied.warnings:
        scan.warn(sentence)
    return tidied


def _read_frame(header: FileHeader, index: int) -> sitk.Image:
    reader = itk_header(header.path)
    if header.rank == 4:
        reader.SetExtractIndex([0, 0, 0, index])
        reader.SetExtractSize([*header.size, 0])
    image = _without_metadata(_execute(reader, header.path))
    return image if header.not_finite is None else _with_gaps(image, not_finite(header.path, header.not_finite, index))


def _with_gaps(image: sitk.Image, gaps: np.ndarray) -> sitk.Image:
    """Puts the NaN back that ITK's NIfTI reader turned to 0."""
    voxels = sitk.GetArrayFromImage(image)
    voxels[gaps] = np.nan
    restored = sitk.GetImageFromArray(voxels)
    restored.CopyInformation(image)
    return restored


def _sequence_frames(header: FileHeader) -> LazyFrames:
    """Frames of a Slicer sequence; its file interleaves them, so the first access reads the whole of it."""
    whole: list[sitk.Image] = []

    def load(index: int) -> sitk.Image:
        if not whole:
            whole.append(read_pixels(header))
        return sitk.VectorIndexSelectionCast(whole[0], index)

    return LazyFrames(header.times_ms, load)


def read_pixels(header: FileHeader) -> sitk.Image:
    """The whole file as ITK stores it: frames of a sequence are the components of each voxel.

    Raises:
        InputError: The voxels are incomplete or damaged.
    """
    return _without_metadata(_execute(itk_header(header.path), header.path))


def _execute(reader: sitk.ImageFileReader, path: Path) -> sitk.Image:
    try:
        with silenced():
            return reader.Execute()
    except RuntimeError as error:
        if "allocat" in str(error):
            raise InputError(f"{path.name} does not fit into this machine's memory.",
                             "Crop the scan to the chest, or use a machine with more memory.") from error
        raise InputError(f"The voxels of {path.name} could not be read: the file is incomplete or damaged, or the "
                         "data file that belongs to it is missing.", "Export or download the file again.") from error


def _without_metadata(image: sitk.Image) -> sitk.Image:
    """Drops header fields that ITK would carry into every output, names of patients among them."""
    for key in image.GetMetaDataKeys():
        image.EraseMetaData(key)
    return image
