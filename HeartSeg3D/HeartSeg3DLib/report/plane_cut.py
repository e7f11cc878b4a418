"""Cuts tetrahedra and triangles by a plane, so that a wall can be looked into."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_CROSSED = {1: (((0, 1), (0, 2), (0, 3)),), 2: (((0, 2), (0, 3), (1, 3)), ((0, 2), (1, 3), (1, 2))),
            3: (((3, 0), (3, 1), (3, 2)),)}
"""Triangles across a tetrahedron by the number of its corners above the plane: the edges that they have corners on.
Corners are counted from the highest."""

_KEPT = {1: (((0, 0), (0, 1), (0, 2)),), 2: (((0, 0), (1, 1), (1, 2)), ((0, 0), (1, 2), (0, 2))),
         3: (((0, 0), (1, 1), (2, 2)),)}
"""Triangles that remain of a triangle by the number of its corners below the plane, counted from the lowest."""

Corners = NDArray[np.float64]
_Triangle = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


def cut_tetrahedra(corners: Corners, heights: NDArray[np.float64]) -> tuple[Corners, NDArray[np.intp]]:
    """Return the triangles (T, 3, 3) in which tetrahedra are cut, and the tetrahedron (T,) of each.

    Args:
        corners: (K, 4, 3).
        heights: (K, 4) over the plane.
    """
    return _parts(corners, heights, (heights > 0.0).sum(axis=1), np.argsort(-heights, axis=1), _CROSSED)


def clip_triangles(corners: Corners, heights: NDArray[np.float64]) -> tuple[Corners, NDArray[np.intp]]:
    """Return what of triangles is below a plane as triangles (T, 3, 3), and the triangle (T,) of each.

    Args:
        corners: (M, 3, 3).
        heights: (M, 3) over the plane.
    """
    return _parts(corners, heights, (heights <= 0.0).sum(axis=1), np.argsort(heights, axis=1), _KEPT)


def _parts(
    corners: Corners, heights: NDArray[np.float64], count: NDArray[np.intp], order: NDArray[np.intp],
    table: Mapping[int, tuple[_Triangle, ...]],
) -> tuple[Corners, NDArray[np.intp]]:
    """Return triangles between places on edges (of one end, a corner) as the table says for each count."""
    parts, owners = [np.empty((0, 3, 3))], [np.empty(0, np.intp)]
    for number, triangles in table.items():
        own = np.flatnonzero(count == number)
        places = np.take_along_axis(corners[own], order[own, :, None], axis=1)
        levels = np.take_along_axis(heights[own], order[own], axis=1)
        for triangle in triangles:
            parts.append(np.stack([_crossing(places, levels, *edge) for edge in triangle], axis=1))
            owners.append(own)
    return np.concatenate(parts), np.concatenate(owners)


def _crossing(places: Corners, levels: NDArray[np.float64], one: int, other: int) -> Corners:
    """Return where (n, 3) the edge between two corners meets the plane; a corner itself where they are the same."""
    if one == other:
        return places[:, one]
    share = levels[:, one] / (levels[:, one] - levels[:, other])
    return np.asarray(places[:, one] + share[:, None] * (places[:, other] - places[:, one]))
