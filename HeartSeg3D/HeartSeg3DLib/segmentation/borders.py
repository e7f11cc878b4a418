"""Structures that the border of the image cuts: their volumes are those of the part in view."""

from __future__ import annotations

import numpy as np

from HeartSeg3DLib.anatomy import STRUCTURES

from .frame import Volume

_SMALLEST_CUT_MM2 = 50.0
"""Area on one face of the image from which a structure counts as cut: a disc of 8 mm; less only touches."""

_FACES = (("lower", "upper"), ("front", "back"), ("right", "left"))  # along z, y and x of the model frame


def cut_structures(labels: np.ndarray, volume: Volume, orientation_known: bool) -> list[str]:
    """Return one sentence for each structure that reaches the border of the image.

    Args:
        labels: Label values (Z, Y, X) in the model frame.
        volume: The image in the model frame.
        orientation_known: Whether the sides of the patient may be named.
    """
    sides = cut_sides(labels, volume)
    return [_sentence(value, sides[value] if orientation_known else []) for value in sorted(sides)]


def cut_sides(labels: np.ndarray, volume: Volume) -> dict[int, list[str]]:
    """Return at which sides of the patient the border of the image cuts each structure, by label value.

    Args:
        labels: Label values (Z, Y, X) in the model frame.
        volume: The image in the model frame.
    """
    sides: dict[int, list[str]] = {}
    for axis, names in enumerate(_FACES):
        area = float(np.delete(volume.spacing, axis).prod())
        for end, name in ((0, names[0]), (-1, names[1])):
            counts = np.bincount(np.take(labels, end, axis).ravel())
            for value in np.flatnonzero(counts * area >= _SMALLEST_CUT_MM2):
                if value:
                    sides.setdefault(int(value), []).append(name)
    return sides


def _sentence(value: int, sides: list[str]) -> str:
    name = STRUCTURES[value].name if value in STRUCTURES else f"Structure {value}"
    where = f"the {' and '.join(sides)} border" if sides else "the border"
    return f"{name}: cut by {where} of the image; its volume is that of the part in view."
