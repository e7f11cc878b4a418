"""Evens out the triangles of a surface without changing its shape, and undoes smoothing where it did harm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from ..errors import CheckError
from .neighbors import edges_of
from .self_cuts import common_corners, cutting_triangles
from .triangle_shape import triangle_shapes

FLOOR = 0.2
"""Scaled Jacobian that smoothing may not undercut; simulation pipelines ask for 0.15."""

_NARROW = 0.35
"""Points of triangles below this scaled Jacobian are moved; none may fall below it, nor become worse."""

_PASSES, _SHARE = 10, 0.5

_FREE = 0.1
"""A direction is within the surface if its share of the squared normals is below this part of the largest share."""

_TINY = np.finfo(np.float64).tiny

_ROUNDS = 40
_BACK = 0.2
"""Share of the way to the rough surface that harmed points go back in one round, their neighbors half of it."""

_REACH = 3.0
"""Edge lengths around harmed points within which later rounds look for harm."""


def choose_diagonals(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the triangles with every square cut along the diagonal that gives the better triangles.

    Args:
        points: (N, 3).
        triangles: (2 K, 3), each two in turn are a square of surface nets.

    Raises:
        ValueError: Two triangles in turn do not share an edge.
    """
    a, b, c, d = _squares(triangles)
    now = np.minimum(triangle_shapes(points, triangles[0::2]), triangle_shapes(points, triangles[1::2]))
    turned = np.stack([a, b, d, d, c, a], axis=1).reshape(-1, 2, 3)
    then = np.minimum(triangle_shapes(points, turned[:, 0]), triangle_shapes(points, turned[:, 1]))
    better = np.flatnonzero(then > now)
    count = len(points)
    edges, _ = edges_of(triangles, count)
    taken, diagonals = _keys(edges[:, 0], edges[:, 1], count), _keys(a[better], d[better], count)
    _, place, uses = np.unique(diagonals, return_inverse=True, return_counts=True)
    free = (uses[place] == 1) & ~np.isin(diagonals, taken)  # or an edge would have four triangles
    result = triangles.reshape(-1, 2, 3).copy()
    result[better[free]] = turned[better[free]]
    return result.reshape(-1, 3)


def slide_points(
    points: NDArray[np.float64], triangles: NDArray[np.int64], mean: sparse.csr_array
) -> NDArray[np.float64]:
    """Return the points with those of narrow triangles moved within the surface towards the middle of their neighbors.

    Points on a seam of several walls move along the seam.

    Args:
        points: (N, 3).
        triangles: (M, 3).
        mean: (N, N) takes the mean over each point's neighbors, see `mean_of_neighbors`.
    """
    points, shapes = points.copy(), triangle_shapes(points, triangles)
    for _ in range(_PASSES):
        near = np.zeros(len(points), bool)
        near[triangles[shapes < _NARROW]] = True
        around = np.flatnonzero(near[triangles].any(axis=1))
        ring, moving = triangles[around], np.flatnonzero(near)
        step = np.zeros_like(points)
        step[moving] = _SHARE * _within_surface(mean[moving] @ points - points[moving], points, ring, moving)
        while True:
            after = triangle_shapes(points + step, ring)
            harmed = (after < _NARROW) & (after < shapes[around])
            if not harmed.any():
                break
            step[ring[harmed]] = 0.0
        points += step
        shapes[around] = after
    return points


def undo_harm(
    smooth: NDArray[np.float64], rough: NDArray[np.float64], triangles: NDArray[np.int64], mean: sparse.csr_array,
    edge: float,
) -> NDArray[np.float64]:
    """Return smoothed points, taken back towards the rough ones where triangles became too narrow or cut each other.

    Args:
        smooth: (N, 3) smoothed points.
        rough: (N, 3) points of a surface without narrow triangles and intersections.
        triangles: (M, 3).
        mean: (N, N) not zero between neighbors, see `mean_of_neighbors`.
        edge: Usual length of an edge.

    Raises:
        CheckError: Triangles are still narrow or cut each other.
    """
    back, points, moved = np.zeros(len(smooth)), smooth.copy(), None
    shapes = triangle_shapes(points, triangles)
    for _ in range(_ROUNDS):
        harmed = shapes < FLOOR
        if not harmed.any():
            if moved is None:
                harmed, moved = cutting_triangles(points, triangles), np.zeros(len(points), bool)
            else:  # once all were looked at, triangles can cut each other only near points that moved
                suspects = _near(points, triangles, moved, _REACH * edge)
                harmed[suspects] = cutting_triangles(points, triangles[suspects])
            if not harmed.any():
                return points
        step = _way_back(triangles[harmed], mean, len(points))
        if moved is not None:
            moved |= step > 0
        back = np.minimum(back + step, 1.0)
        changed = step > 0
        points[changed] = smooth[changed] + back[changed, None] * (rough[changed] - smooth[changed])
        around = np.flatnonzero(changed[triangles].any(axis=1))
        shapes[around] = triangle_shapes(points, triangles[around])
    raise CheckError(f"{int(harmed.sum())} triangles of the surface cut each other or are too narrow.",
                     "Choose a finer edge length, or smooth the segmentation in these places.")


def _squares(triangles: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return the corners of squares of two triangles in turn: b and c share an edge with a and with d."""
    first, second = triangles[0::2], triangles[1::2]
    shared, apex, opposite = common_corners(first, second)
    if not (shared == 2).all():
        raise ValueError("triangles do not come in squares")
    rows = np.arange(len(first))
    a, b, c = (first[rows, (apex + turn) % 3] for turn in range(3))
    return a, b, c, second[rows, opposite]


def _way_back(harmed: NDArray[np.int64], mean: sparse.csr_array, count: int) -> NDArray[np.float64]:
    """Return the share (N,) of its way back that each point goes: points of harmed triangles and half as far others."""
    core = np.zeros(count)
    core[harmed] = _BACK
    points = np.unique(harmed)
    beside = mean[points].indices  # a point on a seam and one off it are no neighbors, but their triangle is harmed
    core[beside[core[beside] == 0.0]] = 0.5 * _BACK
    return core


def _near(
    points: NDArray[np.float64], triangles: NDArray[np.int64], marked: NDArray[np.bool_], reach: float
) -> NDArray[np.intp]:
    """Return the triangles with a point within reach of a marked point."""
    distance, _ = cKDTree(points[marked]).query(points, distance_upper_bound=reach)
    return np.flatnonzero(np.isfinite(distance)[triangles].any(axis=1))


def _keys(one: NDArray[np.integer], other: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    """Return one number for each edge (E,) between two of `count` points, whichever way it runs."""
    return np.minimum(one, other).astype(np.int64) * count + np.maximum(one, other)


def _within_surface(
    step: NDArray[np.float64], points: NDArray[np.float64], ring: NDArray[np.int64], moving: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the steps (K, 3) of the moving points without their part across the walls around each.

    The normals of the triangles around a point span one direction on a wall, two on a seam and all three where seams
    meet: directions to which the quadric of the normals gives little weight are free.
    """
    a, b, c = (points[ring[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    length = np.linalg.norm(normals, axis=1)
    products = (normals[:, :, None] * normals[:, None, :] / np.maximum(length, _TINY)[:, None, None]).reshape(-1, 9)
    number = np.full(len(points), len(moving))
    number[moving] = np.arange(len(moving))
    corners = number[ring.ravel()]
    sums = [np.bincount(corners, np.repeat(part, 3), len(moving) + 1)[:-1] for part in products.T]
    weights, directions = np.linalg.eigh(np.stack(sums, axis=1).reshape(-1, 3, 3))
    along = np.einsum("nij,ni->nj", directions, step) * (weights < _FREE * weights[:, 2:])
    return np.asarray(np.einsum("nij,nj->ni", directions, along))
