"""Shapes of triangles while a surface is made; the checks of finished meshes measure with their own, see `quality`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TINY = np.finfo(np.float64).tiny


def triangle_shapes(points: NDArray[np.float64], triangles: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return scaled Jacobians (M,) of triangles (M, 3) over points (N, 3): 1 for the regular one, 0 for a flat one."""
    a, b, c = (points[triangles[:, corner]].T for corner in range(3))
    u, v, w = b - a, c - a, c - b
    squares = [edge[0] ** 2 + edge[1] ** 2 + edge[2] ** 2 for edge in (u, v, w)]
    doubled = (u[1] * v[2] - u[2] * v[1]) ** 2 + (u[2] * v[0] - u[0] * v[2]) ** 2 + (u[0] * v[1] - u[1] * v[0]) ** 2
    shortest = np.minimum(np.minimum(squares[0], squares[1]), squares[2])
    product = np.maximum(squares[0] * squares[1] * squares[2], _TINY)
    return np.asarray(np.sqrt(4.0 / 3.0 * doubled * shortest / product))
