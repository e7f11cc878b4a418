"""Shifts walls so that every structure gets its volume.

Each structure has a pressure; a wall moves by the difference of the pressures of its two sides. The pressures that
balance given volume defects solve a Poisson equation on the graph of structures, weighted by the areas of their walls;
the outside has pressure zero. Of all shifts that give the volumes this one has the least mean square.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 3
"""A shift of walls gives the volumes to first order; what is left falls to less than a thousandth in each round."""


def balancing_pressures(areas: NDArray[np.float64], defects: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return pressures (L,) that move walls outward so that structures gain the volumes they lack.

    Args:
        areas: (L, L) symmetric, area of the wall between two structures; the first one is the outside.
        defects: (L,) volume that each structure lacks; that of the outside is not used.

    Returns:
        (L,) in units of defects over areas; 0 for the outside.
    """
    laplacian = np.diag(areas.sum(axis=1)) - areas
    pressures = np.zeros(len(areas))
    pressures[1:] = np.linalg.lstsq(laplacian[1:, 1:], defects[1:], rcond=1e-9)[0]
    return pressures


def restore_volumes(
    points: NDArray[np.float64],
    triangles: NDArray[np.int64],
    labels: NDArray[np.int16],
    values: Sequence[int],
    volumes_mm3: NDArray[np.float64],
    largest_mm: float,
) -> NDArray[np.float64]:
    """Return the points of a surface moved along its normals until every structure has its volume.

    Args:
        points: (N, 3) in mm.
        triangles: (M, 3), normals out of the first label.
        labels: (M, 2).
        values: Label values (L,), that of the outside first.
        volumes_mm3: (L,) volumes that the structures should have.
        largest_mm: Longest way that a wall moves in one round; volumes that ask for more are not reached.
    """
    sides = np.searchsorted(values, labels)
    for _ in range(_ROUNDS):
        a, b, c = (points[triangles[:, corner]] for corner in range(3))
        normals = np.cross(b - a, c - a) / 2.0
        swept = np.einsum("ij,ij->i", a - points.mean(axis=0), normals) / 3.0
        volumes = _sum(sides[:, 0], swept, len(values)) - _sum(sides[:, 1], swept, len(values))
        size = np.linalg.norm(normals, axis=1)
        walls = _sum(sides[:, 0] * len(values) + sides[:, 1], size, len(values) ** 2).reshape(len(values), -1)
        pressures = balancing_pressures(walls + walls.T, volumes_mm3 - volumes)
        outward = np.clip(pressures[sides[:, 0]] - pressures[sides[:, 1]], -largest_mm, largest_mm)
        shift = outward[:, None] * normals
        corners = triangles.ravel()
        move = np.stack([_sum(corners, np.repeat(shift[:, axis], 3), len(points)) for axis in range(3)], axis=1)
        weight = _sum(corners, np.repeat(size, 3), len(points))
        points = points + move / weight[:, None]
    return points


def _sum(groups: NDArray[np.integer], weights: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    return np.bincount(groups, weights, count).astype(np.float64)
