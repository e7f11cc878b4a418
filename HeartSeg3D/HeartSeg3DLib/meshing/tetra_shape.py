"""Shapes of tetrahedra while a mesh is made: fast enough to be looked at in every step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CHUNK = 32_768
"""Tetrahedra at a time: their edges stay in the processor's cache."""

_PULL_CHUNK = 500_000
_SEVERITY = 2.0
"""Power of the badness with which a tetrahedron weighs: more serves the worst ones, less the mean."""

_STEP = 0.3
"""Part of the squared edge by which a node goes down the slope of the badness; twice as much makes nodes swing."""

_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
_AT_CORNER = ((0, 1, 2), (0, 3, 4), (1, 3, 5), (2, 4, 5))


def shapes(
    points: NDArray[np.float64], tetrahedra: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return scaled Jacobians (K,), 1 for the regular one, and volumes (K,) in mm³ of tetrahedra (K, 4)."""
    quality, volume = np.empty(len(tetrahedra), np.float32), np.empty(len(tetrahedra), np.float32)
    for start in range(0, len(tetrahedra), _CHUNK):
        part = slice(start, start + _CHUNK)
        quality[part], volume[part] = _shapes(points, tetrahedra[part])
    return quality, volume


def _shapes(
    points: NDArray[np.float64], tetrahedra: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    corners = [points[tetrahedra[:, corner]] for corner in range(4)]
    edges = [corners[end] - corners[start] for start, end in _EDGES]
    squares = [np.einsum("ij,ij->i", edge, edge) for edge in edges]
    largest = squares[0] * squares[1] * squares[2]
    for a, b, c in _AT_CORNER[1:]:
        np.maximum(largest, squares[a] * squares[b] * squares[c], out=largest)
    u, v, w = edges[:3]
    jacobian = (
        (u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]) * w[:, 0]
        + (u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2]) * w[:, 1]
        + (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) * w[:, 2]
    )
    return np.sqrt(2.0) * jacobian / np.sqrt(np.maximum(largest, np.finfo(float).tiny)), jacobian / 6.0


def towards_better_shape(points: NDArray[np.float64], tetrahedra: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return a move (N, 3) in mm of each node that makes the tetrahedra around it more regular.

    The badness of a tetrahedron is the sum of its squared edges over its volume to the power 2/3 (the inverse mean
    ratio, Liu and Joe 1994, doi 10.1007/BF01934267). Nodes go down its slope; bad tetrahedra weigh more. The volumes of
    all must be positive.
    """
    pull, weight = np.zeros((3, len(points))), np.zeros(len(points))
    for start in range(0, len(tetrahedra), _PULL_CHUNK):
        part = tetrahedra[start : start + _PULL_CHUNK]
        moves, badness = _pulls(points, part)
        nodes = part.ravel()
        weight += np.bincount(nodes, np.repeat(badness, 4), len(points))
        for axis in range(3):
            pull[axis] += np.bincount(nodes, moves[:, :, axis].ravel(), len(points))
    return (pull / np.maximum(weight, np.finfo(float).tiny)).T


def _pulls(
    points: NDArray[np.float64], tetrahedra: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weighted moves (K, 4, 3) of the corners in mm, and the weights (K,)."""
    corners = points[tetrahedra]
    a, b, c, d = (corners[:, place] for place in range(4))
    # The slope of six times the volume at a corner is the cross product of two edges of the opposite face.
    slopes = np.stack([np.cross(d - b, c - b), np.cross(c - a, d - a), np.cross(d - a, b - a), np.cross(b - a, c - a)],
                      axis=1)
    volume = np.maximum(np.einsum("ij,ij->i", slopes[:, 3], d - a), np.finfo(float).tiny)
    away = 4.0 * (corners - corners.mean(axis=1, keepdims=True))  # from each of the other three corners, added
    squares = np.einsum("ijk,ijk->i", away, corners)
    badness = squares / volume ** (2.0 / 3.0)
    weight = (badness / badness_of_regular()) ** _SEVERITY
    slope = 2.0 * away / squares[:, None, None] - (2.0 / 3.0) * slopes / volume[:, None, None]
    return -_STEP * (weight * squares / 6.0)[:, None, None] * slope, weight


def badness_of_regular() -> float:
    """Return the badness of the regular tetrahedron: six edges of 1, six volumes of one over the root of 72."""
    return 6.0 / 0.5 ** (1.0 / 3.0)
