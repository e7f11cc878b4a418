"""A mark for each structure of a label map: amber where something can be seen to be wrong, grey where nobody judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.segmentation.borders import cut_sides
from HeartSeg3DLib.segmentation.frame import view_in_model_frame

Level = Literal["green", "amber", "red", "grey"]

_CUT = "cut by the "
_SECOND_PIECE_SHARE = 0.01
_SECOND_PIECE_ML = 1.0
_FINE_VOXELS = 1_000_000
"""In larger boxes pieces are first looked for among blocks of two voxels a side, which takes an eighth of the time."""


@dataclass(frozen=True)
class Mark:
    """What is known about one structure of a result.

    Attributes:
        id: Structure, such as `RV`.
        level: `grey` where nobody judged it, `amber` where a person should look.
        sentence: What to look at.
    """

    id: str
    level: Level
    sentence: str


def structure_marks(labels: sitk.Image, orientation_known: bool = True) -> list[Mark]:
    """Return a mark for each of the seven structures of the whole heart.

    Amber are structures that the border of the image cuts, and those in several pieces of which a second one is
    larger than 1 % of the structure and 1 mL.

    Args:
        labels: 3-D label map of the project's values, in any orientation, LPS in mm.
        orientation_known: Whether the sides of the patient may be named.

    Raises:
        InputError: Not a 3-D label map.
    """
    volume = view_in_model_frame(labels)
    sides = cut_sides(volume.array, volume)
    boxes = ndimage.find_objects(volume.array, max_label=max(WHOLE_HEART))
    milliliters = float(volume.spacing.prod()) / 1000.0
    marks = []
    for value in WHOLE_HEART:
        structure, box = STRUCTURES[value], boxes[value - 1]
        found: list[str] = []
        if value in sides:
            found.append(_cut(sides[value] if orientation_known else []))
        pieces = [] if box is None else _large_pieces(volume.array[box] == value, milliliters)
        if len(pieces) > 1:
            found.append(f"in {len(pieces)} separate pieces, the second of {pieces[1]:.1f} mL")
        if found:
            marks.append(Mark(structure.id, "amber", f"{structure.name}: {'; '.join(found)}."))
        else:
            unseen = "not found in this scan" if box is None else "not judged yet"
            marks.append(Mark(structure.id, "grey", f"{structure.name}: {unseen}."))
    return marks


def says_cut(sentence: str) -> bool:
    """Whether the sentence of a mark says that the border of the scan cuts the structure.

    Example:
        >>> says_cut("Aorta: cut by the upper border of the scan; in 2 separate pieces, the second of 1.5 mL.")
        True
        >>> says_cut("Aorta: not judged yet.")
        False
    """
    return f": {_CUT}" in sentence


def _cut(sides: list[str]) -> str:
    if not sides:
        return f"{_CUT}border of the scan"
    borders = "border" if len(sides) == 1 else "borders"
    return f"{_CUT}{' and '.join(sides)} {borders} of the scan"


def _large_pieces(mask: NDArray[np.bool_], milliliters: float) -> list[float]:
    """Return the volumes in mL of a structure's pieces that count, the largest first."""
    if mask.size > _FINE_VOXELS and len(_large_pieces(_blocks(mask), 8.0 * milliliters)) == 1:
        return [float(np.count_nonzero(mask)) * milliliters]
    pieces, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.sort(np.bincount(pieces.ravel())[1:])[::-1]
    limit = max(_SECOND_PIECE_SHARE * float(sizes.sum()), _SECOND_PIECE_ML / milliliters)
    return [float(size) * milliliters for size in sizes if size > limit or size == sizes[0]]


def _blocks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which blocks of two voxels a side hold anything; what is connected stays so."""
    even = np.pad(mask, [(0, count % 2) for count in mask.shape])
    for axis in range(3):
        first, second = (np.take(even, range(start, even.shape[axis], 2), axis) for start in (0, 1))
        even = first | second
    return even
