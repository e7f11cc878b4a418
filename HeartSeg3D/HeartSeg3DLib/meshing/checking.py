"""Can a label map be meshed? Refuses what cannot, and says what a user should know about the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from ..anatomy import STRUCTURES
from ..errors import DeviceError, InputError
from .memory import USABLE
from .mesh import OUTSIDE

_HIGHEST_LABEL = 255
_FEWEST_VOXELS = 8
_FEWEST_SLICES = 4
"""With fewer, most of a structure's height is the guess of where its first and last slice end: half a slice each."""

_ROUNDING = 1e-3
"""Axes in headers are rounded; two whose cosine is larger do not stand upright on each other."""

_BYTES_PER_SAMPLE = 70
"""Peak of resampling and extracting a surface, by sample of the field: 30 to 68 measured, most with many labels."""

_COARSER = 1.1
"""Factor between pitches that are tried until one fits."""

_STRAY = 1e-3
"""A structure with a smaller part of all labeled voxels does not make the whole mesh finer."""

_SHORTEST_MM, _LONGEST_MM = 5.0, 2000.0
"""What is labelled is longer than the first in the heart of a mouse, and shorter than the second in any body."""

_COARSEST_MM, _FINEST_MM = 1.0, 0.5
"""Limits of the pitch that the voxels alone suggest; thin walls may ask for less."""


@dataclass(frozen=True)
class LabelFacts:
    """What a label map holds.

    Attributes:
        counts: Voxels of each label that occurs, by value; without the outside.
        wall_mm: Mean thickness of each structure if it were a wall: twice its volume over its surface.
        extent_mm: Longest side of each structure's box along the image's axes.
        cut: Labels at the image border, with the area in mm² that it cuts off.
        warnings: Sentences for the user.
    """

    counts: dict[int, int]
    wall_mm: dict[int, float]
    extent_mm: dict[int, float]
    cut: dict[int, float]
    warnings: tuple[str, ...]


def check_labels(labels: sitk.Image, asked: Sequence[int] = ()) -> LabelFacts:
    """Look a label map over before it is meshed.

    Args:
        labels: 3-D label map in the project's values.
        asked: Labels that the user wants; those that are absent are named in the warnings.

    Raises:
        InputError: Not 3-D, fewer than four slices or labels on fewer, fractional or negative values, singular or
            sheared axes, or nothing labeled.
    """
    _check_geometry(labels)
    voxels = _whole_numbers(labels)
    spacing = labels.GetSpacing()[::-1]
    counts: dict[int, int] = {}
    walls: dict[int, float] = {}
    extents: dict[int, float] = {}
    cut: dict[int, float] = {}
    for value, box in enumerate(ndimage.find_objects(voxels), 1):
        if box is None:
            continue
        mask = voxels[box] == value
        counts[value] = int(np.count_nonzero(mask))
        walls[value] = _mean_wall(mask, spacing)
        extents[value] = max(count * step for count, step in zip(mask.shape, spacing, strict=True))
        if area := _cut_area(mask, box, voxels.shape, spacing):
            cut[value] = area
    if not counts:
        raise InputError("The label map is empty: no voxel belongs to a structure.", "Segment the heart first.")
    if max(counts.values()) < _FEWEST_VOXELS:
        raise InputError(f"The largest structure has only {counted(max(counts.values()), 'voxel')}.",
                         "Mesh a segmentation of the whole heart, in its original resolution.")
    _check_slices(voxels)
    return LabelFacts(counts, walls, extents, cut, tuple(_warnings(counts, cut, asked)))


def suggested_pitch(labels: sitk.Image, facts: LabelFacts) -> float:
    """Return the distance of samples in mm that suits the voxels and gives the thinnest wall two samples.

    Between 0.5 and 1 mm by the voxels' size; finer where a wall asks for it. Stray voxels of a label do not.
    """
    usual = float(np.prod(labels.GetSpacing())) ** (1 / 3)
    return min(float(np.clip(usual, _FINEST_MM, _COARSEST_MM)), thinnest_wall(facts) / 2.0)


def thinnest_wall(facts: LabelFacts) -> float:
    """Return the thickness in mm of the thinnest structure that is more than stray voxels."""
    return min(facts.wall_mm[value] for value in _more_than_stray(facts))


def _more_than_stray(facts: LabelFacts) -> list[int]:
    labeled = sum(facts.counts.values())
    return [value for value, count in facts.counts.items() if count >= _STRAY * labeled]


def check_edge(facts: LabelFacts, edge_mm: float) -> None:
    """Refuse edges that are longer than a structure: what they make of it has its volume at best, and no shape.

    Raises:
        InputError: They are.
    """
    lost = [name_of(value) for value in _more_than_stray(facts) if facts.extent_mm[value] < edge_mm]
    if lost:
        raise InputError(f"Edges of {edge_mm:g} mm are longer than a whole structure: {', '.join(lost)}.",
                         f"Choose an edge length of {thinnest_wall(facts) / 2:.2g} mm or less.")


def pitch_warnings(facts: LabelFacts, pitch_mm: float) -> list[str]:
    """Return a sentence for each structure that is thinner than two samples."""
    return [f"{name_of(value)} is about {thickness:.1f} mm thick, which samples every {pitch_mm:.2g} mm cannot show; "
            f"choose an edge length of {thickness / 2:.2g} mm or less."
            for value, thickness in facts.wall_mm.items() if thickness < 2.0 * pitch_mm * (1 - _ROUNDING)]


def field_memory(labels: sitk.Image, pitch_mm: float) -> int:
    """Return the bytes that a surface with this pitch is going to take."""
    box = sitk.LabelShapeStatisticsImageFilter()
    box.Execute(sitk.Cast(labels != OUTSIDE, sitk.sitkUInt8))
    extent = np.array(box.GetBoundingBox(1)[3:]) * labels.GetSpacing()
    return int(np.prod(np.ceil(extent / pitch_mm) + 10.0)) * _BYTES_PER_SAMPLE


def check_memory(labels: sitk.Image, pitch_mm: float, available_bytes: int) -> None:
    """Refuse a pitch for which memory would not do.

    Raises:
        DeviceError: It would not; the remedy says what would fit.
    """
    needed = field_memory(labels, pitch_mm)
    if needed > USABLE * available_bytes:
        fits = pitch_mm
        while field_memory(labels, fits) > USABLE * available_bytes:
            fits *= _COARSER
        raise DeviceError(f"Samples every {pitch_mm:.2g} mm need about {needed / 1e9:.1f} GB of memory, and "
                          f"{available_bytes / 1e9:.1f} GB are free.",
                          f"Choose an edge length of {fits:.3g} mm or more.")


def check_size(labels: sitk.Image) -> None:
    """Refuse a label map that is no heart by its size: its spacing is then in another unit than mm.

    Args:
        labels: 3-D label map with at least one label.

    Raises:
        InputError: What is labelled is shorter than 5 mm or longer than 2 m.
    """
    voxels = sitk.GetArrayViewFromImage(labels)
    filled = [np.flatnonzero(voxels.any(axis=tuple(other for other in range(3) if other != axis))) for axis in range(3)]
    longest = max((part[-1] - part[0] + 1) * spacing
                  for part, spacing in zip(filled, labels.GetSpacing()[::-1], strict=True))
    if not _SHORTEST_MM <= longest <= _LONGEST_MM:
        raise InputError(f"What is labelled is {longest:.2g} mm long, which no heart is.",
                         "The spacing in the header has to be in mm: correct it, and read the label map again.")


def counted(number: int, thing: str) -> str:
    """Return a number of things in words.

    >>> counted(1, "voxel"), counted(2, "voxel")
    ('1 voxel', '2 voxels')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def name_of(value: int) -> str:
    """Return what to call a label in a message."""
    return STRUCTURES[value].name if value in STRUCTURES else f"Label {value}"


def _check_geometry(labels: sitk.Image) -> None:
    if labels.GetDimension() != 3 or labels.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("Only a 3-D label map can be meshed.", "Of a 4-D map, give one frame at a time.")
    if min(labels.GetSize()) < _FEWEST_SLICES:
        raise _too_flat("The label map has", min(labels.GetSize()))
    numbers = np.array([*labels.GetOrigin(), *labels.GetSpacing(), *labels.GetDirection()])
    axes = np.reshape(labels.GetDirection(), (3, 3))
    if not np.isfinite(numbers).all() or abs(np.linalg.det(axes)) < _ROUNDING or min(labels.GetSpacing()) <= 0:
        raise InputError("The position of the label map in space is not usable: its axes do not span a volume.",
                         "Export the segmentation again together with its scan.")
    if np.abs(axes.T @ axes - np.eye(3)).max() > _ROUNDING:
        raise InputError("The label map is sheared: its axes are not at right angles.",
                         "Resample it to upright axes, for example with Slicer's Resample module.")


def _check_slices(voxels: NDArray[np.uint8]) -> None:
    filled = [int(np.count_nonzero((voxels != OUTSIDE).any(axis=tuple({0, 1, 2} - {axis})))) for axis in range(3)]
    if min(filled) < _FEWEST_SLICES:
        raise _too_flat("The structures are on", min(filled))


def _too_flat(said: str, slices: int) -> InputError:
    return InputError(f"{said} only {counted(slices, 'slice')}, which shows no volume.",
                      f"Give a stack with structures on at least {_FEWEST_SLICES} slices in every direction.")


def _whole_numbers(labels: sitk.Image) -> NDArray[np.uint8]:
    voxels = sitk.GetArrayViewFromImage(labels)
    whole = np.issubdtype(voxels.dtype, np.integer) or bool((np.isfinite(voxels) & (voxels == np.rint(voxels))).all())
    if not whole:
        raise InputError("The file holds fractional values, so it is not a label map.",
                         "Mesh a label map, not the image itself.")
    if voxels.min() < 0 or voxels.max() > _HIGHEST_LABEL:
        raise InputError(f"The label map has values from {voxels.min():g} to {voxels.max():g}; "
                         f"labels are between 0 and {_HIGHEST_LABEL}.", "Name its scheme with --scheme.")
    return voxels.astype(np.uint8)


def _mean_wall(mask: NDArray[np.bool_], spacing: Sequence[float]) -> float:
    """Return twice the volume over the surface in mm.

    The faces of voxels overstate the surface of a wall that may stand at any angle by one half in the mean.
    """
    padded, faces = np.pad(mask, 1), 0.0
    volume = float(np.prod(spacing))
    for axis in range(3):
        faces += np.count_nonzero(np.diff(padded, axis=axis)) * volume / spacing[axis]
    return 2.0 * np.count_nonzero(mask) * volume / (faces / 1.5)


def _cut_area(
    mask: NDArray[np.bool_], box: tuple[slice, ...], shape: tuple[int, ...], spacing: Sequence[float]
) -> float:
    """Return the area in mm² of a structure on the faces of the image."""
    area, volume = 0.0, float(np.prod(spacing))
    for axis, part in enumerate(box):
        face = volume / spacing[axis]
        if part.start == 0:
            area += np.count_nonzero(mask.take(0, axis)) * face
        if part.stop == shape[axis]:
            area += np.count_nonzero(mask.take(-1, axis)) * face
    return area


def _warnings(counts: dict[int, int], cut: dict[int, float], asked: Sequence[int]) -> list[str]:
    absent = [name_of(value) for value in asked if value not in counts]
    unknown = [str(value) for value in counts if value not in STRUCTURES]
    sentences = [f"{name_of(value)} is cut by the image border over {area / 100:.1f} cm² and closed flat there."
                 for value, area in cut.items()]
    if absent:
        sentences.append(f"Not in the label map and left out: {', '.join(absent)}.")
    if unknown:
        sentences.append(f"Labels without a known meaning are meshed under their numbers: {', '.join(unknown)}.")
    return sentences
