"""Decodes the pixels of DICOM slices through GDCM, compressed ones included."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from .dicom_slices import Slice
from .quiet import silenced


class PixelReader:
    """Reads volumes slice by slice; a multi-frame file is decoded once and kept for its other phases."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._frames = np.empty(0)

    def volume(self, slices: Sequence[Slice]) -> np.ndarray:
        """Voxels (slices, rows, columns) with rescale applied, in the narrowest type that holds every slice.

        Raises:
            InputError: A file cannot be decoded, or its frames are scaled differently.
        """
        volume = np.empty(0)
        for index, one in enumerate(slices):
            pixels = self._pixels(one)
            if index == 0:
                volume = np.empty((len(slices), *pixels.shape), pixels.dtype)
            elif pixels.dtype != volume.dtype:  # slope and intercept may differ from slice to slice
                volume = volume.astype(np.promote_types(volume.dtype, pixels.dtype))
            volume[index] = pixels
        if len({one.rescale for one in slices}) > 1 and len({one.path for one in slices}) < len(slices):
            raise InputError(f"The frames of {slices[0].path.name} are scaled differently from each other.",
                             "Convert the file to single-frame DICOM or to .nii.gz.")
        return volume

    def _pixels(self, one: Slice) -> np.ndarray:
        if one.path != self._path:
            self._frames, self._path = _decode(one.path), one.path
        if one.frame >= len(self._frames) or self._frames.shape[1:] != one.shape:
            raise _undecodable(one.path)
        return self._frames[one.frame]


def _decode(path: Path) -> np.ndarray:
    """All frames of a file, (frames, rows, columns)."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("GDCMImageIO")
    try:
        with silenced():
            image = reader.Execute()
    except RuntimeError as error:
        raise _undecodable(path) from error
    pixels = _narrow(sitk.GetArrayFromImage(image))
    return pixels[np.newaxis] if pixels.ndim == 2 else pixels


def _narrow(pixels: np.ndarray) -> np.ndarray:
    """GDCM widens to what slope and intercept could give; back to int16 where the values allow it, as in CT."""
    if pixels.dtype.kind == "f":
        return pixels.astype(np.float32, copy=False)
    limits = np.iinfo(np.int16)
    fits = pixels.itemsize > 2 and limits.min <= pixels.min() and pixels.max() <= limits.max
    return pixels.astype(np.int16) if fits else pixels


def _undecodable(path: Path) -> InputError:
    return InputError(f"The pixels of the DICOM file {path.name} cannot be decoded.",
                      "Export the series again, uncompressed if the system offers it.")
