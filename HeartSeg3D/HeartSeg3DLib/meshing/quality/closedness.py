"""Is a triangle surface closed, manifold and consistently turned?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True)
class Closedness:
    """Defects and shape of one triangle surface.

    Attributes:
        open_edges: Edges of a single triangle.
        non_manifold_edges: Edges of more than two triangles.
        non_manifold_vertices: Vertices whose triangles form more than one fan.
        inconsistent_edges: Edges of two triangles that run the same way through both.
        components: Parts that hang together by edges.
        euler: Vertices - edges + triangles: 2 for each sphere, 2 less for each handle.
    """

    open_edges: int
    non_manifold_edges: int
    non_manifold_vertices: int
    inconsistent_edges: int
    components: int
    euler: int


def closedness(triangles: NDArray[np.integer]) -> Closedness:
    """Examine the connections of one surface.

    Args:
        triangles: (M, 3) indices of vertices, M > 0.
    """
    corners = np.asarray(triangles, np.int64)
    # Half edge 3 i + j leaves corner j of triangle i.
    start, end = corners.ravel(), np.roll(corners, -1, axis=1).ravel()
    count = int(corners.max()) + 1
    key = np.minimum(start, end) * count + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    edges, uses = np.unique(key[order], return_counts=True)
    repeated = np.flatnonzero(np.diff(key[order]) == 0)
    one, other = order[repeated], order[repeated + 1]  # half edges on the same edge, neighbors in the sorted list
    of_pair = np.repeat(uses, uses)[repeated] == 2
    inconsistent = int(np.count_nonzero(start[one[of_pair]] == start[other[of_pair]]))
    parts, _ = _parts(one // 3, other // 3, len(corners))
    return Closedness(
        open_edges=int(np.count_nonzero(uses == 1)),
        non_manifold_edges=int(np.count_nonzero(uses > 2)),
        non_manifold_vertices=_split_vertices(corners, start, one, other),
        inconsistent_edges=inconsistent,
        components=parts,
        euler=len(np.unique(corners)) - len(edges) + len(corners),
    )


def _split_vertices(
    corners: NDArray[np.int64], start: NDArray[np.int64], one: NDArray[np.int64], other: NDArray[np.int64]
) -> int:
    """Count vertices whose corners are not joined, across the edges that meet there, into one fan."""
    following = np.arange(corners.size).reshape(-1, 3)[:, [1, 2, 0]].ravel()
    same_way = start[one] == start[other]
    # Corners at the start of the first half edge, and those at its end.
    at_start = np.where(same_way, other, following[other])
    at_end = np.where(same_way, following[other], other)
    _, fan = _parts(np.r_[one, following[one]], np.r_[at_start, at_end], corners.size)
    fans = np.unique(np.stack([corners.ravel(), fan], axis=1), axis=0)
    _, number = np.unique(fans[:, 0], return_counts=True)
    return int(np.count_nonzero(number > 1))


def _parts(first: NDArray[np.int64], second: NDArray[np.int64], count: int) -> tuple[int, NDArray[np.int32]]:
    links = sparse.coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    number, part = connected_components(links, directed=False)
    return int(number), part
