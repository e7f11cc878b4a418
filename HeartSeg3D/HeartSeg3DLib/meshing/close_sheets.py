"""Where could triangles of a surface cut each other? Only near these an exact test is worth its time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

_NEAR, _NEAR_SEAM = 1.0, 0.8
"""Distances in edge lengths of points that are looked at; of those that a seam makes part of several walls."""

_OFF_SURFACE = 0.35
"""Sine of the angle to the surface above which a near point lies on another sheet. With these limits the exact test
found what it finds among all triangles, on phantoms and real hearts, once no triangle was narrow."""

_FOLDED = 0.5
"""Cosine between a triangle's normal and that of one of its points below which the surface folds there."""


def triangles_at_risk(points: NDArray[np.float64], triangles: NDArray[np.int64], edge: float) -> NDArray[np.intp]:
    """Return indices of triangles at points that lie near another sheet of the surface.

    Args:
        points: (N, 3).
        triangles: (M, 3).
        edge: Usual length of an edge.
    """
    count = len(points)
    sides = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, uses = np.unique(sides[:, 0] * count + sides[:, 1], return_counts=True)
    on_seam = np.zeros(count, bool)
    on_seam[edges[uses > 2] // count] = on_seam[edges[uses > 2] % count] = True
    pairs = cKDTree(points).query_pairs(_NEAR * edge, output_type="ndarray")
    keys = pairs.min(axis=1) * count + pairs.max(axis=1)
    joined = edges[np.minimum(np.searchsorted(edges, keys), len(edges) - 1)] == keys
    pairs = pairs[~joined]
    way = points[pairs[:, 1]] - points[pairs[:, 0]]
    length = np.linalg.norm(way, axis=1)
    facing, normals = _normals(points, triangles)
    height = np.abs(np.einsum("pij,pj->pi", normals[pairs], way)).max(axis=1)
    risky = (height > _OFF_SURFACE * length) | (on_seam[pairs].any(axis=1) & (length < _NEAR_SEAM * edge))
    at_risk = np.zeros(count, bool)
    at_risk[pairs[risky].ravel()] = True
    folded = np.einsum("mij,mj->mi", normals[triangles], facing).min(axis=1) < _FOLDED
    at_risk[triangles[folded]] = True
    return np.flatnonzero(at_risk[triangles].any(axis=1))


def _normals(
    points: NDArray[np.float64], triangles: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return unit normals of the triangles (M, 3) and of the points (N, 3)."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    normals, corners = np.cross(b - a, c - a), triangles.ravel()
    sums = [np.bincount(corners, np.repeat(part, 3), len(points)).astype(np.float64) for part in normals.T]
    return _unit(normals), _unit(np.stack(sums, axis=1))


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, np.finfo(np.float64).tiny))
