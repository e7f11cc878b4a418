"""Which triangles of a mesh cut through others?

Pairs whose boxes overlap are found in a grid and tested by the signs of tetrahedron volumes (Guigue and Devillers 2003,
doi 10.1080/10867651.2003.10487580). Triangles may share vertices: then what they have in common beyond these counts.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from . import triangle_pairs as pairs_of
from .nearby import overlapping_pairs

Points = NDArray[np.float64]
Pairs = NDArray[np.int64]
Mask = NDArray[np.bool_]

_CHUNK = 400_000
"""Pairs examined at a time: about 300 MB."""

_MOST_THREADS = 2

_FOLD_DEGREES = 0.5
"""Two triangles on one edge that open by less lie on each other."""


def intersecting_triangles(points: NDArray[np.floating], triangles: NDArray[np.integer]) -> Mask:
    """Mark triangles that touch or cut another one other than in shared vertices and edges, (M,).

    Args:
        points: (N, 3) vertices.
        triangles: (M, 3) indices of vertices.
    """
    vertices, corners = np.asarray(points, np.float64), np.asarray(triangles, np.int64)
    marked = np.zeros(len(corners), bool)

    def examine(pairs: Pairs) -> None:
        bad = pairs[_cut(vertices, corners[pairs[:, 0]], corners[pairs[:, 1]])]
        marked[bad.ravel()] = True

    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS)) as pool:
        list(pool.map(examine, overlapping_pairs(vertices[corners], _CHUNK)))
    return marked


def _cut(vertices: Points, first: Pairs, second: Pairs) -> Mask:
    """Tell for rows of two triangles (P, 3) whether they have more in common than their shared vertices."""
    equal = first[:, :, None] == second[:, None, :]
    shared = equal.sum(axis=(1, 2))
    cut = shared == 3  # the same triangle twice
    apart, corner, edge = (np.flatnonzero(shared == number) for number in range(3))
    if len(apart):
        cut[apart] = pairs_of.apart(vertices[first[apart]], vertices[second[apart]])
    if len(corner):
        turned = [_turned_to(first[corner], equal[corner].any(axis=2)),
                  _turned_to(second[corner], equal[corner].any(axis=1))]
        cut[corner] = pairs_of.at_corner(vertices[turned[0]], vertices[turned[1]])
    if len(edge):
        turned = [_turned_to(first[edge], ~equal[edge].any(axis=2)), _turned_to(second[edge], ~equal[edge].any(axis=1))]
        cut[edge] = pairs_of.opening(vertices[turned[0]], vertices[turned[1]]) < np.radians(_FOLD_DEGREES)
    return cut


def _turned_to(corners: Pairs, first: Mask) -> Pairs:
    """Rotate each triangle so that its corner marked in `first` leads."""
    places = (first.argmax(axis=1)[:, None] + np.arange(3)) % 3
    return np.take_along_axis(corners, places, axis=1)
