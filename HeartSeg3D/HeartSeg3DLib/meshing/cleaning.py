"""Takes islands and holes out of a label map and reports every voxel; asks before it drops more than a speck."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from ..errors import InputError
from .checking import counted, name_of
from .mesh import OUTSIDE

SPECK = 0.01
"""A piece with at most this part of its structure is an island that segmentation left."""

_BLOCK = np.ones((3, 3, 3), bool)

_AROUND = 3
"""Voxels around loose ones in which others are looked for that take them."""


class Pieces(Enum):
    """What becomes of a structure in several large pieces."""

    ASK = "ask"
    KEEP_ALL = "keep all"
    KEEP_LARGEST = "keep largest"


@dataclass(frozen=True)
class Cleaned:
    """A label map without islands and holes, and what it took.

    Attributes:
        labels: The map, uint8.
        islands: Voxels taken from each label that had islands, by value.
        pieces: Number of pieces that each label has now, by value.
        holes: Enclosed background voxels that went to the structures around them.
        sentences: The same for the user.
    """

    labels: sitk.Image
    islands: dict[int, int]
    pieces: dict[int, int]
    holes: int
    sentences: tuple[str, ...]


def clean_labels(labels: sitk.Image, pieces: Pieces = Pieces.ASK) -> Cleaned:
    """Give islands and enclosed holes of a label map to the structures around them.

    Voxels that touch only at an edge or a corner belong to one piece.

    Args:
        labels: 3-D label map that `check_labels` accepted.
        pieces: What to do with further pieces of more than 1 % of a structure.

    Raises:
        InputError: A structure has several large pieces, and nobody said what to do with them.
    """
    voxels = sitk.GetArrayFromImage(labels).astype(np.uint8)
    loose, islands, counts, divided = np.zeros(voxels.shape, bool), {}, {}, []
    for value, box in enumerate(ndimage.find_objects(voxels), 1):
        if box is None:
            continue
        parts, _ = ndimage.label(voxels[box] == value, _BLOCK)
        sizes = np.bincount(parts.ravel())[1:]
        large = sizes > SPECK * sizes.sum()
        if large.sum() > 1:
            divided.append((value, _large_pieces(labels, parts, box, large)))
        kept = np.arange(len(sizes)) == sizes.argmax() if pieces is Pieces.KEEP_LARGEST else large
        counts[value] = int(kept.sum())
        if not kept.all():
            loose[box] |= np.concatenate([[False], ~kept])[parts]
            islands[value] = int(sizes[~kept].sum())
    if divided and pieces is Pieces.ASK:
        raise _question(divided)
    holes = _enclosed(voxels)
    loose |= holes
    give_to_nearest(voxels, loose, labels.GetSpacing()[::-1])
    cleaned = sitk.GetImageFromArray(voxels)
    cleaned.CopyInformation(labels)
    return Cleaned(cleaned, islands, counts, int(holes.sum()), tuple(_sentences(islands, counts, int(holes.sum()))))


def _enclosed(voxels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return background that no path through faces leads out of."""
    space = np.pad(voxels == OUTSIDE, 1, constant_values=True)
    parts, _ = ndimage.label(space)
    return np.asarray((space & (parts != parts[0, 0, 0]))[1:-1, 1:-1, 1:-1])


def give_to_nearest(
    voxels: NDArray[np.uint8], loose: NDArray[np.bool_], spacing: tuple[float, ...], keeping: Sequence[int] = (),
) -> None:
    """Give loose voxels (z, y, x) the label of the nearest other voxel, in place; none of them stays loose.

    Args:
        voxels: Label map.
        loose: Which voxels; all become false.
        spacing: Distance of voxels along z, y, x.
        keeping: Labels that keep their voxels and get no others.
    """
    for box in ndimage.find_objects(ndimage.label(loose, _BLOCK)[0]):
        part = tuple(slice(max(side.start - _AROUND, 0), side.stop + _AROUND) for side in box)
        region, inside = loose[part], voxels[part]
        takers = ~region & ~np.isin(inside, keeping)
        if takers.any():
            nearest = ndimage.distance_transform_edt(~takers, spacing, return_distances=False, return_indices=True)
            inside[region] = inside[tuple(axis[region] for axis in nearest)]
        else:
            inside[region] = OUTSIDE
        loose[part] &= ~region


@dataclass(frozen=True)
class _Piece:
    """A piece of a structure: its voxels, its volume in mL, and its middle in mm, LPS."""

    voxels: int
    volume_ml: float
    middle_mm: tuple[float, ...]


def _large_pieces(
    labels: sitk.Image, parts: NDArray[np.integer], box: tuple[slice, ...], large: NDArray[np.bool_]
) -> list[_Piece]:
    """Return the large pieces within the box of a structure, the largest first."""
    voxel_ml = float(np.prod(labels.GetSpacing())) / 1000.0
    found = []
    for number in (np.flatnonzero(large) + 1).tolist():
        places = np.argwhere(parts == number)
        middle = places.mean(axis=0) + [side.start for side in box]
        found.append(_Piece(len(places), len(places) * voxel_ml,
                            labels.TransformContinuousIndexToPhysicalPoint(middle[::-1].tolist())))
    return sorted(found, key=lambda piece: piece.voxels, reverse=True)


def _question(divided: list[tuple[int, list[_Piece]]]) -> InputError:
    found = []
    for value, pieces in divided:
        total = sum(piece.voxels for piece in pieces)
        told = "; ".join(f"{100 * piece.voxels / total:.1f} %, {piece.volume_ml:.3g} mL around "
                         f"({', '.join(f'{place:.0f}' for place in piece.middle_mm)})" for piece in pieces)
        found.append(f"{name_of(value)} consists of {len(pieces)} pieces ({told})")
    return InputError(f"{'; '.join(found)}. Places are in mm, LPS.",
                      "Correct the segmentation, or choose to mesh the largest piece alone "
                      "(--keep-largest) or every piece (--keep-all).")


def _sentences(islands: dict[int, int], counts: dict[int, int], holes: int) -> list[str]:
    sentences = [f"{name_of(value)}: {counted(count, 'voxel')} in islands went to {'its' if count == 1 else 'their'} "
                 "surroundings." for value, count in islands.items()]
    sentences += [f"{name_of(value)} is meshed in {count} pieces." for value, count in counts.items() if count > 1]
    if holes:
        sentences.append(f"{counted(holes, 'voxel')} in enclosed holes went to the structures around "
                         f"{'it' if holes == 1 else 'them'}.")
    return sentences
