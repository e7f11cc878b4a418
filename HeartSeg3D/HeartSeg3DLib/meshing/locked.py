"""Splits tetrahedra of which all four nodes lie on a wall: in them a solution has no node of its own.

An edge that runs through a structure from wall to wall gets a node in its middle, which frees every tetrahedron around
it; where there is none, the tetrahedron gets a node in its center. A split that would leave a tetrahedron below a floor
of quality is not made.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .mesh import OUTSIDE
from .neighbors import edges_of
from .snapping import LabeledTetrahedra
from .tetra_shape import shapes

_WORST = 0.3
"""Scaled Jacobian that a split must keep: the walls have still to move, and they may go down to the floor."""

_ROUNDS = 8
_EDGES = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])


def locked(mesh: LabeledTetrahedra) -> NDArray[np.intp]:
    """Return the tetrahedra of structures whose nodes all lie on walls."""
    on_wall = np.logical_and.reduce([mesh.on_wall[corners] for corners in mesh.tetrahedra.T])
    return np.flatnonzero(on_wall & (mesh.labels != OUTSIDE))


def free_locked(mesh: LabeledTetrahedra, tick: Callable[[], None] = lambda: None) -> int:
    """Split locked tetrahedra of a mesh, in place.

    Returns:
        How many are left because their parts would be too flat.
    """
    chance = np.random.default_rng(0)
    for _ in range(_ROUNDS):
        tick()
        stuck = locked(mesh)
        if not len(stuck) or not _split_edges(mesh, stuck, chance):
            break
    _split_centers(mesh, locked(mesh))
    return len(locked(mesh))


def _split_edges(mesh: LabeledTetrahedra, stuck: NDArray[np.intp], chance: np.random.Generator) -> int:
    """Split edges through structures, no two at one tetrahedron; return how many."""
    edges, rows, edge_of_row = _crossing_edges(mesh, stuck)
    if not len(edges):
        return 0
    is_stuck = np.zeros(len(mesh.tetrahedra), bool)
    is_stuck[stuck] = True
    freed = np.bincount(edge_of_row, is_stuck[rows], len(edges))
    pieces = [_halves(mesh, edges, rows, edge_of_row, end) for end in range(2)]
    middles = mesh.points[edges].mean(axis=1)
    points = np.concatenate([mesh.points, middles])
    worst = np.minimum(*(shapes(points, piece)[0] for piece in pieces))
    fits = np.full(len(edges), np.inf)
    np.minimum.at(fits, edge_of_row, worst)
    rank = np.where(fits >= _WORST, freed + chance.random(len(edges)), -1.0)
    best = np.full(len(mesh.tetrahedra), -np.inf)
    np.maximum.at(best, rows, rank[edge_of_row])
    wins = np.ones(len(edges), bool)
    np.logical_and.at(wins, edge_of_row, rank[edge_of_row] == best[rows])
    wins &= rank > 0
    chosen = wins[edge_of_row]
    number = len(mesh.points) + np.cumsum(wins) - 1
    halves = []
    for piece in pieces:
        half = piece[chosen]
        new = half >= len(mesh.points)
        half[new] = number[half[new] - len(mesh.points)]
        halves.append(half)
    _replace(mesh, rows[chosen], halves, middles[wins])
    return int(wins.sum())


def _crossing_edges(
    mesh: LabeledTetrahedra, stuck: NDArray[np.intp]
) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.intp]]:
    """Return edges of locked tetrahedra that lie on no wall, (E, 2), and pairs of a tetrahedron and an edge of it."""
    count = len(mesh.points)
    wall_edges, _ = edges_of(mesh.walls()[0], count)
    wanted = np.setdiff1d(_keys(mesh.tetrahedra[stuck], count), _key(wall_edges, count))
    near = np.flatnonzero(np.add.reduce([mesh.on_wall[corners].view(np.int8) for corners in mesh.tetrahedra.T]) >= 2)
    keys = _keys(mesh.tetrahedra[near], count)
    place = np.minimum(np.searchsorted(wanted, keys), max(len(wanted) - 1, 0))
    found = wanted[place] == keys if len(wanted) else np.zeros(keys.shape, bool)
    row, _ = np.nonzero(found)
    edges = np.stack([wanted // count, wanted % count], axis=1).astype(np.int32)
    return edges, near[row], place[found]


def _halves(
    mesh: LabeledTetrahedra, edges: NDArray[np.int32], rows: NDArray[np.intp], edge_of_row: NDArray[np.intp], end: int
) -> NDArray[np.int32]:
    """Return tetrahedra with one end of their edge moved to its middle; middles are numbered after all nodes."""
    piece = mesh.tetrahedra[rows]
    moved = piece == edges[edge_of_row, end][:, None]
    return np.where(moved, (len(mesh.points) + edge_of_row)[:, None], piece).astype(np.int32)


def _split_centers(mesh: LabeledTetrahedra, stuck: NDArray[np.intp]) -> None:
    """Give tetrahedra a node in their center, where the parts are good enough."""
    centers = mesh.points[mesh.tetrahedra[stuck]].mean(axis=1)
    points = np.concatenate([mesh.points, centers])
    parts = _around_centers(mesh.tetrahedra[stuck], len(mesh.points) + np.arange(len(stuck)))
    fits = np.min([shapes(points, part)[0] for part in parts], axis=0) >= _WORST
    stuck = stuck[fits]
    parts = _around_centers(mesh.tetrahedra[stuck], len(mesh.points) + np.arange(len(stuck)))
    _replace(mesh, stuck, parts, centers[fits])


def _around_centers(tetrahedra: NDArray[np.int32], centers: NDArray[np.int64]) -> list[NDArray[np.int32]]:
    parts = []
    for corner in range(4):
        part = tetrahedra.copy()
        part[:, corner] = centers
        parts.append(part)
    return parts


def _replace(
    mesh: LabeledTetrahedra, rows: NDArray[np.intp], parts: list[NDArray[np.int32]], nodes: NDArray[np.float64]
) -> None:
    """Put parts in the place of tetrahedra; new nodes lie inside of structures."""
    labels = mesh.labels[rows]
    mesh.tetrahedra[rows] = parts[0]
    mesh.tetrahedra = np.concatenate([mesh.tetrahedra, *parts[1:]])
    mesh.labels = np.concatenate([mesh.labels, *(labels for _ in parts[1:])])
    mesh.points = np.concatenate([mesh.points, nodes])
    mesh.on_wall = np.concatenate([mesh.on_wall, np.zeros(len(nodes), bool)])


def _keys(tetrahedra: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Return one number (K, 6) for each edge."""
    return _key(tetrahedra[:, _EDGES].reshape(-1, 2), count).reshape(-1, 6)


def _key(edges: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    return edges.min(axis=1).astype(np.int64) * count + edges.max(axis=1)
