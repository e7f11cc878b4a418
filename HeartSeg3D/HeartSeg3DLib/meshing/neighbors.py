"""Which points and triangles of a mesh are neighbors: edges, means over neighbors, and parts that hang together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components


def edges_of(triangles: NDArray[np.integer], count: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the edges (E, 2) of triangles over `count` nodes, lower node first, and how many triangles use each."""
    start, end = triangles.ravel(), triangles[:, [1, 2, 0]].ravel()
    keys = np.minimum(start, end).astype(np.int64) * count + np.maximum(start, end)
    unique, uses = np.unique(keys, return_counts=True)
    return np.stack([unique // count, unique % count], axis=1).astype(np.int32), uses


def mean_of_neighbors(triangles: NDArray[np.integer], count: int) -> sparse.csr_array:
    """Return the matrix (N, N) that takes the mean over each point's neighbors; on a seam only over those on it."""
    edges, uses = edges_of(triangles, count)
    low, high = edges.T
    on_seam = np.zeros(count, bool)
    on_seam[low[uses > 2]] = on_seam[high[uses > 2]] = True
    rows, columns, of_seam = np.r_[low, high], np.r_[high, low], np.r_[uses > 2, uses > 2]
    used = of_seam | ~on_seam[rows]
    rows, columns = rows[used], columns[used]
    share = 1.0 / np.maximum(np.bincount(rows, minlength=count), 1)
    return sparse.csr_array((share[rows], (rows, columns)), shape=(count, count))


def linked_parts(triangles: NDArray[np.integer], chosen: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the chosen triangles in parts that hang together by shared points, the largest first."""
    if not len(chosen):
        return []
    rows = np.repeat(np.arange(len(chosen)), 3)
    touches = sparse.csr_array((np.ones(len(rows)), (rows, triangles[chosen].ravel())))
    count, part = connected_components(touches @ touches.T, directed=False)
    parts = [chosen[part == number] for number in range(count)]
    return sorted(parts, key=len, reverse=True)
