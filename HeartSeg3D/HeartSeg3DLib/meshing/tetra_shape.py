"""Shapes of tetrahedra while a mesh is made: fast enough to be looked at in every step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_CHUNK = 32_768
"""Tetrahedra at a time: their edges stay in the processor's cache."""

_REGULAR = 6.0 / 0.5 ** (1.0 / 3.0)
"""Badness of the regular tetrahedron: six edges of 1, and six times the volume is one over the root of two."""

_SEVERITY = 1.0
"""Power of the badness with which a tetrahedron weighs: more serves the worst ones, less the mean."""

_STEP = 0.3
"""Part of the squared edge by which a node goes down the slope of the badness; twice as much makes nodes swing."""

_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
_AT_CORNER = ((0, 1, 2), (0, 3, 4), (1, 3, 5), (2, 4, 5))


def shapes(
    points: NDArray[np.float64], tetrahedra: NDArray[np.int32], tick: Callable[[], None] = lambda: None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return scaled Jacobians (K,), 1 for the regular one, and volumes (K,) in mm³ of tetrahedra (K, 4).

    `tick` is called often.
    """
    quality, volume = np.empty(len(tetrahedra), np.float32), np.empty(len(tetrahedra), np.float32)
    for start in range(0, len(tetrahedra), _CHUNK):
        part = slice(start, start + _CHUNK)
        quality[part], volume[part] = _shapes(points, tetrahedra[part])
        tick()
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


def towards_better_shape(
    points: NDArray[np.float64], tetrahedra: NDArray[np.int32], tick: Callable[[], None] = lambda: None
) -> NDArray[np.float64]:
    """Return a move (N, 3) in mm of each node that makes the tetrahedra around it more regular.

    The badness of a tetrahedron is the sum of its squared edges over its volume to the power 2/3 (the inverse mean
    ratio, Liu and Joe 1994, doi 10.1007/BF01934267). Nodes go down its slope; bad tetrahedra weigh more. The volumes of
    all must be positive. `tick` is called often.
    """
    pulls, weights = np.empty((3, *tetrahedra.shape), np.float32), np.empty(len(tetrahedra), np.float32)
    for start in range(0, len(tetrahedra), _CHUNK):
        part = slice(start, start + _CHUNK)
        weights[part] = _pulls(points, tetrahedra[part], pulls[:, part])
        tick()
    nodes = tetrahedra.ravel()
    total = np.maximum(np.bincount(nodes, np.repeat(weights, 4), len(points)), np.finfo(float).tiny)
    tick()
    moves = np.empty((len(points), 3))
    for axis, pull in enumerate(pulls):
        moves[:, axis] = np.bincount(nodes, pull.ravel(), len(points)) / total
        tick()
    return moves


def _pulls(
    points: NDArray[np.float64], tetrahedra: NDArray[np.int32], pulls: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Write the weighted moves (3, K, 4) of the corners in mm, and return the weights (K,)."""
    first = points[tetrahedra[:, 0]]
    edges = [np.ascontiguousarray((points[tetrahedra[:, corner]] - first).T) for corner in (1, 2, 3)]
    # The slope of six times the volume at a corner is the cross product of the edges between the other three.
    slopes = [_cross(edges[1], edges[2]), _cross(edges[2], edges[0]), _cross(edges[0], edges[1])]
    volume = np.maximum(_dot(slopes[2], edges[2]), np.finfo(float).tiny)
    ends = edges[0] + edges[1] + edges[2]
    squares = 4.0 * (_dot(edges[0], edges[0]) + _dot(edges[1], edges[1]) + _dot(edges[2], edges[2])) - _dot(ends, ends)
    weight = (squares / volume ** (2.0 / 3.0) / _REGULAR) ** _SEVERITY
    of_squares, of_volume = _STEP * weight / 3.0, _STEP * weight * squares / (9.0 * volume)
    pulls[:, :, 0] = 0.0
    for corner, (edge, slope) in enumerate(zip(edges, slopes, strict=True), 1):
        pull = of_volume * slope - of_squares * (4.0 * edge - ends)
        pulls[:, :, corner] = pull
        pulls[:, :, 0] -= pull  # moves that keep the middle of the tetrahedron in place
    return weight


def _cross(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cross products (3, K)."""
    return np.stack([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]])


def _dot(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]
