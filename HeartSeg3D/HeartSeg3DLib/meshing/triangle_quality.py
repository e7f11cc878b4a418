"""Evens out the triangles of a surface without changing its shape, and undoes smoothing where it did harm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..errors import CheckError
from .close_sheets import triangles_at_risk
from .neighbors import mean_of_neighbors
from .quality.intersections import intersecting_triangles
from .quality.shape import triangle_scaled_jacobians

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
    first, second = triangles[0::2], triangles[1::2]
    shared = first[:, :, None] == second[:, None, :]
    if not (shared.sum(axis=(1, 2)) == 2).all():
        raise ValueError("triangles do not come in squares")
    rows = np.arange(len(first))
    apex, opposite = shared.any(axis=2).argmin(axis=1), shared.any(axis=1).argmin(axis=1)
    a, b, c = (first[rows, (apex + turn) % 3] for turn in range(3))
    d = second[rows, opposite]
    turned = np.stack([np.stack([a, b, d], axis=1), np.stack([d, c, a], axis=1)], axis=1)
    now = np.minimum(*(triangle_scaled_jacobians(points[part]) for part in (first, second)))
    then = np.minimum(*(triangle_scaled_jacobians(points[turned[:, part]]) for part in (0, 1)))
    count = len(points)
    diagonals, edges = _keys(np.stack([a, d], axis=1), count), _keys(_edges(triangles), count)
    _, place, uses = np.unique(diagonals, return_inverse=True, return_counts=True)
    free = (uses[place] == 1) & ~np.isin(diagonals, edges)  # or an edge would have four triangles
    better = free & (then > now)
    result = np.stack([first, second], axis=1)
    result[better] = turned[better]
    return result.reshape(-1, 3)


def slide_points(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the points with those of narrow triangles moved within the surface towards the middle of their neighbors.

    Points on a seam of several walls move along the seam.

    Args:
        points: (N, 3).
        triangles: (M, 3).
    """
    mean, points = mean_of_neighbors(triangles, len(points)), points.copy()
    for _ in range(_PASSES):
        near = np.zeros(len(points), bool)
        near[triangles[triangle_scaled_jacobians(points[triangles]) < _NARROW]] = True
        ring = triangles[near[triangles].any(axis=1)]
        moving = np.flatnonzero(near)
        step = np.zeros_like(points)
        step[moving] = _SHARE * _within_surface(mean[moving] @ points - points[moving], points, ring, moving)
        before = triangle_scaled_jacobians(points[ring])
        while True:
            after = triangle_scaled_jacobians((points + step)[ring])
            harmed = (after < _NARROW) & (after < before)
            if not harmed.any():
                break
            step[ring[harmed]] = 0.0
        points += step
    return points


def undo_harm(
    smooth: NDArray[np.float64], rough: NDArray[np.float64], triangles: NDArray[np.int64], edge: float
) -> NDArray[np.float64]:
    """Return smoothed points, taken back towards the rough ones where triangles became too narrow or cut each other.

    Args:
        smooth: (N, 3) smoothed points.
        rough: (N, 3) points of a surface without narrow triangles and intersections.
        triangles: (M, 3).
        edge: Usual length of an edge.

    Raises:
        CheckError: Triangles are still narrow or cut each other.
    """
    back, moved = np.zeros(len(smooth)), None
    neighbors = mean_of_neighbors(triangles, len(smooth)) > 0
    for _ in range(_ROUNDS):
        points = smooth + back[:, None] * (rough - smooth)
        harmed = triangle_scaled_jacobians(points[triangles]) < FLOOR
        if not harmed.any():
            if moved is None:
                suspects, moved = triangles_at_risk(points, triangles, edge), np.zeros(len(points), bool)
            else:  # once all were looked at, triangles can cut each other only near points that moved
                suspects = _near(points, triangles, moved, _REACH * edge)
            if len(suspects):
                harmed[suspects] = intersecting_triangles(points, triangles[suspects])
        if not harmed.any():
            return points
        core = np.zeros(len(points))
        core[triangles[harmed]] = _BACK
        if moved is not None:
            moved |= core > 0
        back = np.minimum(back + core + 0.5 * _BACK * ((neighbors @ core > 0) & (core == 0)), 1.0)
    raise CheckError(f"{int(harmed.sum())} triangles of the surface cut each other or are too narrow.",
                     "Choose a finer edge length, or smooth the segmentation in these places.")


def _near(
    points: NDArray[np.float64], triangles: NDArray[np.int64], marked: NDArray[np.bool_], reach: float
) -> NDArray[np.intp]:
    """Return the triangles with a point within reach of a marked point."""
    distance, _ = cKDTree(points[marked]).query(points, distance_upper_bound=reach)
    return np.flatnonzero(np.isfinite(distance)[triangles].any(axis=1))


def _edges(triangles: NDArray[np.int64]) -> NDArray[np.int64]:
    return triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)


def _keys(edges: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return one number for each edge (E, 2) among `count` points, whichever way it runs."""
    return np.asarray(edges.min(axis=1) * count + edges.max(axis=1))


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
