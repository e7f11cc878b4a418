"""Do tetrahedra fit together face to face, and is the mesh's surface the one between their labels?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

Corners = NDArray[np.int64]

_OUTWARD = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]])
"""Faces opposite to the corners of a tetrahedron of positive volume, counter-clockwise from outside."""


@dataclass(frozen=True)
class Faces:
    """Faces of tetrahedra; the tetrahedra on either side, -1 outside.

    Attributes:
        corners: (F, 3) indices of points, counter-clockwise seen from outside of the first tetrahedron.
        first: (F,) tetrahedron.
        second: (F,) the other tetrahedron or -1.
        crowded: Number of faces that belong to more than two tetrahedra.
    """

    corners: Corners
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    crowded: int


def faces_of(tetrahedra: NDArray[np.integer]) -> Faces:
    """Match the faces of tetrahedra (K, 4)."""
    corners = np.asarray(tetrahedra, np.int64)[:, _OUTWARD].reshape(-1, 3)
    low, middle, high = np.sort(corners, axis=1).T
    order = np.lexsort((high, middle, low))
    low, middle, high = low[order], middle[order], high[order]
    new = np.r_[True, (low[1:] != low[:-1]) | (middle[1:] != middle[:-1]) | (high[1:] != high[:-1])]
    start = np.flatnonzero(new)
    uses = np.diff(np.r_[start, len(order)])
    partner = order[np.minimum(start + 1, len(order) - 1)] // 4
    return Faces(corners[order[start]], order[start] // 4, np.where(uses > 1, partner, -1),
                 int(np.count_nonzero(uses > 2)))


def walls_of(faces: Faces, labels: NDArray[np.integer]) -> tuple[Corners, Corners]:
    """Return faces between two labels or to the outside, (W, 3), and their labels (W, 2): inner and outer.

    Seen from the second label they run counter-clockwise; the outside is 0 and comes second, else the lower label
    comes first.
    """
    own = labels[faces.first].astype(np.int64)
    other = np.where(faces.second < 0, 0, labels[faces.second]).astype(np.int64)
    wall = own != other
    corners, own, other = faces.corners[wall], own[wall], other[wall]
    turn = (other != 0) & (other < own)
    corners = np.where(turn[:, None], corners[:, [0, 2, 1]], corners)
    return corners, np.stack([np.where(turn, other, own), np.where(turn, own, other)], axis=1)


def unlike_walls(
    walls: tuple[Corners, Corners], triangles: NDArray[np.integer], sides: NDArray[np.integer]
) -> int:
    """Count triangles that are in only one of two surfaces, or with other labels or another orientation."""
    rows = [np.concatenate([_turned(corners), labels], axis=1) for corners, labels in (walls, (triangles, sides))]
    _, uses = np.unique(np.concatenate(rows), axis=0, return_counts=True)
    return int(np.count_nonzero(uses != 2))


def _turned(corners: NDArray[np.integer]) -> Corners:
    """Rotate each triangle so that its lowest corner leads."""
    places = (np.argmin(corners, axis=1)[:, None] + np.arange(3)) % 3
    return np.take_along_axis(np.asarray(corners, np.int64), places, axis=1)


def parts_of(faces: Faces, labels: NDArray[np.integer], value: int) -> int:
    """Count the parts of one label that hang together by faces."""
    joined = (faces.second >= 0) & (labels[faces.first] == value) & (labels[faces.second] == value)
    one, other = faces.first[joined], faces.second[joined]
    links = sparse.coo_array((np.ones(len(one), np.int8), (one, other)), shape=(len(labels),) * 2)
    _, part = connected_components(links, directed=False)
    return len(np.unique(part[labels == value]))


def locked_in(tetrahedra: NDArray[np.integer], labels: NDArray[np.integer], walls: tuple[Corners, Corners],
              value: int) -> int:
    """Count tetrahedra of one label whose four corners all lie on its boundary, where a solution has no freedom."""
    corners, sides = walls
    on_boundary = np.zeros(int(tetrahedra.max()) + 1, bool)
    on_boundary[corners[(sides == value).any(axis=1)]] = True
    return int(np.count_nonzero(on_boundary[tetrahedra[labels == value]].all(axis=1)))
