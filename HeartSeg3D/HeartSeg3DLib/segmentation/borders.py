"""Structures that the border of the image cuts: their volumes are those of the part in view."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from HeartSeg3DLib.anatomy import STRUCTURES

from .frame import Volume

_SMALLEST_CUT_MM2 = 50.0
"""Area on one face of the image from which a structure counts as cut: a disc of 8 mm; less only touches."""

_FACES = (("lower", "upper"), ("front", "back"), ("right", "left"))  # along z, y and x of the model frame


def cut_structures(labels: np.ndarray, volume: Volume, orientation_known: bool) -> list[str]:
    """Return a sentence on the structures that reach the border of the image, nothing where none does.

    Args:
        labels: Label values (Z, Y, X) in the model frame.
        volume: The image in the model frame.
        orientation_known: Whether the sides of the patient may be named.
    """
    return cut_sentences(cut_sides(labels, volume), orientation_known)


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


def cut_sentences(sides: Mapping[int, Collection[str]], orientation_known: bool) -> list[str]:
    """Return one sentence on all structures that are cut, nothing where none is.

    Args:
        sides: Sides at which each structure is cut, by label value, from one image or from all frames of a scan.
        orientation_known: Whether the sides of the patient may be named.
    """
    places = {_name(value): _listed([side for pair in _FACES for side in pair if side in sides[value]])
              for value in sorted(sides)}
    if not places:
        return []
    if len(places) == 1:
        (name, place), = places.items()
        border = f"the {place} border" if orientation_known else "the border"
        return [f"{name}: cut by {border} of the image; its volume is that of the part in view."]
    listed = ", ".join(f"{name} ({place})" if orientation_known else name for name, place in places.items())
    return [f"{len(places)} structures are cut by the border of the image, and their volumes are those of the part "
            f"in view: {listed}."]


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def _name(value: int) -> str:
    return STRUCTURES[value].name if value in STRUCTURES else f"Structure {value}"
