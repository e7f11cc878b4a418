"""A mark for each structure of a label map that nobody judged: amber where something can be seen to be wrong."""

from __future__ import annotations

import SimpleITK as sitk
from scipy import ndimage

from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.segmentation.borders import cut_sides
from HeartSeg3DLib.segmentation.frame import view_in_model_frame
from HeartSeg3DLib.segmentation.verdict import Level, Mark
from HeartSeg3DLib.trust.pieces import large_pieces

__all__ = ["Level", "Mark", "cut_words", "piece_words", "says_cut", "structure_marks"]

_CUT = "cut by the "


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
            found.append(cut_words(sides[value] if orientation_known else []))
        pieces = [] if box is None else large_pieces(volume.array[box] == value, milliliters)
        if len(pieces) > 1:
            found.append(piece_words(pieces))
        if found:
            marks.append(Mark(structure.id, "amber", f"{structure.name}: {'; '.join(found)}."))
        else:
            unseen = "not found in this scan" if box is None else "not judged"
            marks.append(Mark(structure.id, "grey", f"{structure.name}: {unseen}."))
    return marks


def says_cut(sentence: str) -> bool:
    """Whether the sentence of a mark says that the border of the scan cuts the structure.

    Example:
        >>> says_cut("Aorta: cut by the upper border of the scan; in 2 separate pieces, the second of 1.5 mL.")
        True
        >>> says_cut("Aorta: not judged.")
        False
    """
    return f": {_CUT}" in sentence


def cut_words(sides: list[str]) -> str:
    """Return the words on a structure that the border cuts, at sides of the patient if these are known."""
    if not sides:
        return f"{_CUT}border of the scan"
    borders = "border" if len(sides) == 1 else "borders"
    return f"{_CUT}{' and '.join(sides)} {borders} of the scan"


def piece_words(pieces: list[float]) -> str:
    """Return the words on a structure in several pieces, from their volumes in mL."""
    return f"in {len(pieces)} separate pieces, the second of {pieces[1]:.1f} mL"
