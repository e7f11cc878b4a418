"""Finds the faces between the labels of tetrahedra."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .mesh import OUTSIDE

_FACES = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]])
"""Corners of the faces of a tetrahedron of positive volume, counter-clockwise from outside."""


def walls(
    tetrahedra: NDArray[np.int32], labels: NDArray[np.uint8], on_wall: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Return the faces between two labels or to the outside, and their labels.

    Args:
        tetrahedra: (K, 4) corners.
        labels: (K,) labels; `OUTSIDE` where a layer around the structures is there, too.
        on_wall: (N,) whether a node lies on a wall; others may be marked, too.

    Returns:
        Triangles (M, 3), counter-clockwise seen from the second label, and labels (M, 2): `OUTSIDE` comes second, else
        the lower label comes first.
    """
    rows, face = np.nonzero(_faces_within(on_wall[tetrahedra]))
    corners = tetrahedra[rows[:, None], _FACES[face]]
    ordered = np.sort(corners, axis=1).astype(np.int64)
    order = np.lexsort((ordered[:, 2], ordered[:, 1], ordered[:, 0]))
    ordered, corners, own = ordered[order], corners[order], labels[rows[order]]
    paired = np.r_[(ordered[1:] == ordered[:-1]).all(axis=1), False]
    first = ~np.r_[False, paired[:-1]]
    other = np.where(paired, np.r_[own[1:], OUTSIDE], OUTSIDE).astype(np.uint8)
    wall = first & (own != other)
    corners, own, other = corners[wall], own[wall], other[wall]
    turn = (own == OUTSIDE) | ((other != OUTSIDE) & (other < own))
    corners[turn] = corners[turn][:, [0, 2, 1]]
    return corners, np.stack([np.where(turn, other, own), np.where(turn, own, other)], axis=1)


def _faces_within(marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which faces (K, 4) have three marked corners; face j lies opposite to corner j."""
    missing = 4 - marked.sum(axis=1)
    return (missing == 0)[:, None] | ((missing == 1)[:, None] & ~marked)
