"""Class probabilities of a heart: how likely each voxel belongs to each structure, in memory and in a file.

The file is a NRRD with a list axis, as 3D Slicer writes sequences: one frame a structure, 0 to 255, its label value as
the frame's index. A key in the header tells it from scans and label maps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import InputError
from .files import read_pixels
from .header import NRRD, kind_of, read_header
from .nrrd_writer import write_nrrd
from .output import replacing
from .reading import readable
from .text_header import read_nrrd_fields
from .voxels import SLAB

PROBABILITY_KINDS = (".nrrd", ".seq.nrrd")
"""Endings of files that hold class probabilities."""

CERTAIN = 255
"""What stands for a probability of one."""

_KEY = "HeartSeg class probabilities of labels"
_HIGHEST_LABEL = 255
_REMEDY = "Write it again with `heartseg segment --probabilities`, or mesh the label map."


@dataclass(frozen=True)
class ClassProbabilities:
    """How likely each voxel belongs to each structure.

    Attributes:
        values: Label value of each channel, ascending, without the background.
        shares: (z, y, x, C) uint8, the probability times 255; what is left to 255 is the background's.
        labels: The most probable label of each voxel, uint8; its geometry is that of the shares.
    """

    values: tuple[int, ...]
    shares: NDArray[np.uint8]
    labels: sitk.Image

    def resampled(self, pitch_mm: float) -> ClassProbabilities:
        """Return the same on voxels of about this size in mm, interpolated linearly; the image ends where it ended."""
        size, spacing = np.array(self.labels.GetSize()), np.array(self.labels.GetSpacing())
        counts = np.maximum(np.rint(size * spacing / pitch_mm), 1).astype(int)
        finer = size * spacing / counts
        grid = sitk.Image(counts.tolist(), sitk.sitkUInt8)
        grid.SetSpacing(finer.tolist())
        grid.SetDirection(self.labels.GetDirection())
        grid.SetOrigin(self.labels.TransformContinuousIndexToPhysicalPoint((finer / spacing / 2 - 0.5).tolist()))
        channels = []
        for channel in range(len(self.values)):
            share = sitk.GetImageFromArray(np.ascontiguousarray(self.shares[..., channel]))
            share.CopyInformation(self.labels)
            # Half a voxel at the border lies outside the voxels' middles: there the border's own value goes on.
            channels.append(sitk.GetArrayFromImage(sitk.Resample(
                share, grid, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkUInt8, True)))
        return class_probabilities_on(grid, self.values, np.stack(channels, axis=-1))


def class_probabilities_on(grid: sitk.Image, values: Sequence[int], shares: NDArray[np.uint8]) -> ClassProbabilities:
    """Return probabilities with the most probable labels.

    Args:
        grid: 3-D image whose geometry they have.
        values: Label value of each channel, ascending.
        shares: (z, y, x, C) uint8, the probability times 255.
    """
    table = np.array([0, *values], np.uint8)
    voxels = np.empty(shares.shape[:3], np.uint8)
    for start in range(0, len(shares), SLAB):
        slab = shares[start:start + SLAB]
        background = CERTAIN - slab.sum(axis=-1, dtype=np.int16)
        voxels[start:start + SLAB] = table[np.where(slab.max(axis=-1) > background, slab.argmax(axis=-1) + 1, 0)]
    labels = sitk.GetImageFromArray(voxels)
    labels.CopyInformation(grid)
    return ClassProbabilities(tuple(values), shares, labels)


def write_probabilities(path: Path, probabilities: ClassProbabilities) -> None:
    """Writes class probabilities; the file appears whole or not at all, and replaces an older one.

    Args:
        path: .nrrd or .seq.nrrd.
        probabilities: What is written.

    Raises:
        UsageError: The file system refuses the file.
    """
    values = " ".join(str(value) for value in probabilities.values)
    pairs = {_KEY: values, "DataNodeClassName": "vtkMRMLScalarVolumeNode", "axis 0 index type": "numeric",
             "axis 0 index values": values}
    shares = probabilities.shares
    with replacing(path) as temporary:
        write_nrrd(temporary, probabilities.labels, _slabs(shares), shares.dtype, pairs=pairs,
                   list_size=len(probabilities.values), list_label="label")


def holds_probabilities(path: Path) -> bool:
    """Whether a file says in its header that it holds class probabilities; False for a file that is missing."""
    if kind_of(path) != NRRD or not path.is_file():
        return False
    with readable(path):
        return _KEY.lower() in read_nrrd_fields(path)


def read_probabilities(path: Path) -> ClassProbabilities:
    """Reads class probabilities.

    Raises:
        InputError: The file is no such file, damaged, or what it holds are no probabilities.
    """
    if not holds_probabilities(path):
        raise InputError(f"{path.name} holds no class probabilities.",
                         "Give a file that `heartseg segment --probabilities` wrote.")
    with readable(path):
        header = read_header(path)
        values = _values(path, read_nrrd_fields(path)[_KEY.lower()])
        image = read_pixels(header)
    if header.rank != 3 or header.components != len(values):
        raise _unusable(path, f"its header names {len(values)} labels, and each voxel has {header.components} numbers")
    if "8-bit unsigned" not in image.GetPixelIDTypeAsString():
        raise _unusable(path, f"its voxels are of the type {image.GetPixelIDTypeAsString()}, not 8-bit unsigned")
    shares = sitk.GetArrayFromImage(image).reshape(*image.GetSize()[::-1], len(values))
    largest = max(int(slab.sum(axis=-1, dtype=np.int32).max()) for slab in _slabs(shares))
    if largest > CERTAIN + len(values):  # each channel is rounded
        raise _unusable(path, f"the probabilities of a voxel add up to {largest / CERTAIN:.2f}")
    return class_probabilities_on(image, values, shares)


def _slabs(shares: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    return (shares[start:start + SLAB] for start in range(0, len(shares), SLAB))


def _values(path: Path, text: str) -> tuple[int, ...]:
    try:
        values = tuple(int(word) for word in text.split())
    except ValueError:
        values = ()
    if not values or list(values) != sorted(set(values)) or not 0 < values[0] <= values[-1] <= _HIGHEST_LABEL:
        raise _unusable(path, f"{text[:40]!r} in its header are no ascending label values")
    return values


def _unusable(path: Path, why: str) -> InputError:
    return InputError(f"The class probabilities in {path.name} cannot be used: {why}.", _REMEDY)
