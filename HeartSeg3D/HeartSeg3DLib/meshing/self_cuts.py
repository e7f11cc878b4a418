"""Which triangles of a surface fold onto a neighbor or cut through another one? The surface maker's own test.

Two triangles without a common edge cut each other exactly if an edge of one pierces the other (Möller and Trumbore
1997, doi 10.1080/10867651.1997.10487468). Near misses count as well, so that what passes here passes any test. The
checks of finished meshes, see `quality`, share nothing with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Points = NDArray[np.float64]
Corners = NDArray[np.int64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]

_SLAB = 50_000
"""Triangles whose neighbors are looked up at a time: about 60 MB."""

_MOST_THREADS = 4

_LARGE = 0.02
"""Share of the largest triangles whose neighbors are looked up one by one."""

_FOLD_COSINE = np.cos(np.radians(3.0))
"""Two triangles on one edge that open by less lie on each other."""

_MARGIN = 1e-3
"""Part of its edges by which a triangle reaches beyond them."""

_TINY = np.finfo(np.float64).tiny


def cutting_triangles(points: Points, triangles: Corners) -> Mask:
    """Mark triangles (M,) that cut another one, or fold onto one with which they share an edge.

    Args:
        points: (N, 3).
        triangles: (M, 3).
    """
    marked = np.zeros(len(triangles), bool)
    corners = points[triangles]
    low, high = corners.min(axis=1), corners.max(axis=1)

    def look(near: Callable[[], tuple[Rows, Rows]]) -> None:
        first, second = near()
        for axis in range(3):
            overlap = (low[first, axis] <= high[second, axis]) & (low[second, axis] <= high[first, axis])
            first, second = first[overlap], second[overlap]
        for side in _cut(points, triangles, first, second):
            marked[side] = True

    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS)) as pool:
        list(pool.map(look, _lookups((low + high) / 2.0, (high - low).max(axis=1))))
    return marked


def _lookups(middle: Points, extent: NDArray[np.float64]) -> list[Callable[[], tuple[Rows, Rows]]]:
    """Return functions that together find all pairs of cubes of these extents (M,) about their middles (M, 3).

    They find each pair once, and some that do not overlap; each can run beside the others.
    """
    if not len(extent):
        return []
    order = np.argsort(middle[:, 0])
    reach = float(np.quantile(extent, 1.0 - _LARGE))
    stops = [*range(_SLAB, len(order), _SLAB), len(order)]
    ends = np.searchsorted(middle[order, 0], middle[order[np.array(stops) - 1], 0] + reach, "right")
    lookups = [partial(_near, middle, order[start:end], stop - start, reach)
               for start, stop, end in zip([0, *stops], stops, ends.tolist(), strict=False)]
    return [*lookups, partial(_near_large, middle, extent, reach)]


def _near(middle: Points, part: Rows, own: int, reach: float) -> tuple[Rows, Rows]:
    """Return pairs of boxes of a part within reach whose first is among its own, which the neighbors follow."""
    tree = cKDTree(middle[part], balanced_tree=False, compact_nodes=False)
    pairs = tree.query_pairs(reach, p=np.inf, output_type="ndarray")
    first, second = part[pairs[pairs[:, 0] < own].T]
    return first, second


def _near_large(middle: Points, extent: NDArray[np.float64], reach: float) -> tuple[Rows, Rows]:
    """Return pairs with a box larger than the reach: few, or all boxes would have to be looked up that far."""
    large = np.flatnonzero(extent > reach)
    if not len(large):
        return large, large
    tree = cKDTree(middle, balanced_tree=False, compact_nodes=False)
    found = tree.query_ball_point(middle[large], (extent[large] + extent.max()) / 2.0, p=np.inf)
    first, second = np.repeat(large, [len(row) for row in found]), np.concatenate([np.array(row) for row in found])
    apart = np.abs(middle[first] - middle[second]).max(axis=1) > reach  # the others were found before
    fresh = apart & ((first < second) | (extent[second] <= reach))  # of two large ones each finds the other
    return first[fresh], second[fresh]


def _cut(points: Points, triangles: Corners, first: Rows, second: Rows) -> tuple[Rows, Rows]:
    """Return those of the pairs that cut each other or lie on each other."""
    one, other = triangles[first], triangles[second]
    shared, lead_one, lead_other = common_corners(one, other)
    found = []
    for count, test in enumerate((_cut_apart, _cut_at_corner, _fold_at_edge)):
        rows = np.flatnonzero(shared == count)
        found.append(rows[test(points, _led_by(one[rows], lead_one[rows]), _led_by(other[rows], lead_other[rows]))])
    cut = np.concatenate(found)
    return first[cut], second[cut]


def common_corners(one: Corners, other: Corners) -> tuple[NDArray[np.int8], NDArray[np.int8], NDArray[np.int8]]:
    """Return how many corners two triangles (P, 3) share, and which corner of each is the odd one out.

    That is the shared one where it is one, and the one not shared where they are two.
    """
    shared, place_one, place_other = (np.zeros(len(one), np.int8) for _ in range(3))
    for i in range(3):
        for j in range(3):
            equal = one[:, i] == other[:, j]
            shared += equal
            place_one += np.int8(i) * equal
            place_other += np.int8(j) * equal
    for place in (place_one, place_other):
        place[shared == 2] = 3 - place[shared == 2]
    return shared, place_one, place_other


def _led_by(triangles: Corners, lead: NDArray[np.int8]) -> Corners:
    """Return triangles (P, 3) turned so that the named corner comes first."""
    return np.take_along_axis(triangles, (lead[:, None] + np.arange(3)) % 3, axis=1)


def _cut_apart(points: Points, one: Corners, other: Corners) -> Mask:
    """Tell which pairs without a common corner cut each other."""
    cut = np.zeros(len(one), bool)
    for edges, faces in ((one, other), (other, one)):
        for corner in range(3):
            cut |= _pierce(points, edges[:, [corner, (corner + 1) % 3]], faces)
    return cut


def _cut_at_corner(points: Points, one: Corners, other: Corners) -> Mask:
    """Tell which pairs with one common corner, which comes first, cut each other elsewhere."""
    return _pierce(points, one[:, 1:], other) | _pierce(points, other[:, 1:], one)


def _fold_at_edge(points: Points, one: Corners, other: Corners) -> Mask:
    """Tell which pairs with a common edge, opposite to the corner that comes first, lie on each other."""
    foot = points[one[:, 1]]
    along = points[one[:, 2]] - foot
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), _TINY)
    arms = [points[triangle[:, 0]] - foot for triangle in (one, other)]
    across = [arm - np.einsum("ij,ij->i", arm, along)[:, None] * along for arm in arms]
    lengths = np.linalg.norm(across[0], axis=1) * np.linalg.norm(across[1], axis=1)
    return np.asarray(np.einsum("ij,ij->i", *across) > _FOLD_COSINE * lengths)


def _pierce(points: Points, edges: Corners, faces: Corners) -> Mask:
    """Tell which edges (P, 2) go through the faces (P, 3) beside them."""
    corner = points[faces[:, 0]]
    u, v = points[faces[:, 1]] - corner, points[faces[:, 2]] - corner
    start = points[edges[:, 0]] - corner
    way = points[edges[:, 1]] - corner - start
    normal = np.cross(u, v)
    rise, height = np.einsum("ij,ij->i", way, normal), np.einsum("ij,ij->i", start, normal)
    pierce = height * (height + rise) <= 0.0
    rows = np.flatnonzero(pierce & (rise != 0.0))
    pierce[:] = False
    # The way across start, dotted with the sides, gives the barycentric coordinates of where it meets the plane.
    turn = np.cross(way[rows], start[rows])
    along_u = np.einsum("ij,ij->i", v[rows], turn) / rise[rows]
    along_v = np.einsum("ij,ij->i", u[rows], turn) / -rise[rows]
    pierce[rows] = (along_u >= -_MARGIN) & (along_v >= -_MARGIN) & (along_u + along_v <= 1.0 + _MARGIN)
    return pierce
