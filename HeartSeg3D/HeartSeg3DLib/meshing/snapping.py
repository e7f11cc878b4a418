"""Moves the walls of a labeled tetrahedral mesh onto the smooth walls of its structures.

Each step goes towards the place where two structures have equal shares, smooths within the wall, and is taken back
around every tetrahedron that it would bring below a floor of quality. Pressures between the structures shift the walls
so that every structure gets its volume.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .mesh import OUTSIDE
from .neighbors import edges_of
from .tetra_shape import shapes, towards_better_shape
from .tetra_walls import walls
from .volume_balance import balancing_pressures

Points = NDArray[np.float64]
Shares = Callable[[Points, int], NDArray[np.float32]]
"""Share (N,) of the label with a number at points (N, 3)."""

FLOOR = 0.2
"""Scaled Jacobian below which no step may bring a tetrahedron."""

_FLOOR_OUTSIDE = 0.05
"""The same for the layer outside, which is thrown away: it only keeps surfaces from cutting each other."""

_MARGIN = 2e-4
"""Kept above the floor, so that rounding of stored coordinates does not fall below it."""

_ROUNDS = 12
_FREE_ROUNDS = 2
"""Rounds before volumes are corrected: walls first come near their place."""

_TOWARDS_WALL, _SMOOTHER, _BETTER, _ALONG_SEAM = 0.85, 0.2, 0.5, 0.3
"""Parts of the full step to the wall, of the way to the mean of the neighbors on it, of the way to a better shape, and
of the way to the mean of the neighbors on a seam."""

_LONGEST_STEP = 0.4
"""Of an edge."""

_HALVINGS = 4
_FLATTEST = 0.05
"""Slope, in shares per sample, below which a point is too far from a wall to know where it is."""


@dataclass
class LabeledTetrahedra:
    """A mesh that is being made.

    Attributes:
        points: (N, 3) in mm.
        tetrahedra: (K, 4) of positive volume.
        labels: (K,) numbers of labels, 1 to L - 1; 0 in a layer outside, which keeps structures from each other.
        on_wall: (N,) whether a node lies between labels or at the outside.
    """

    points: Points
    tetrahedra: NDArray[np.int32]
    labels: NDArray[np.uint8]
    on_wall: NDArray[np.bool_] = field(repr=False)

    def walls(self) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return triangles (M, 3) between labels and their labels (M, 2), see `tetra_walls.walls`."""
        return walls(self.tetrahedra, self.labels, self.on_wall)


def snap(
    mesh: LabeledTetrahedra, shares: Shares, sample_mm: float, edge_mm: float, volumes_mm3: NDArray[np.float64],
    progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Move the nodes of a mesh, in place.

    Args:
        mesh: Mesh whose tetrahedra are all above the floor.
        shares: Share of each label at any point.
        sample_mm: Distance over which shares change.
        edge_mm: Mean edge of the tetrahedra.
        volumes_mm3: (L,) volumes that the labels should have, that of the outside first.
        progress: Told the finished part, 0 to 1.
    """
    mover = _Mover(mesh, shares, sample_mm, edge_mm)
    quality, volume = shapes(mesh.points, mesh.tetrahedra)
    pressures = np.zeros(len(volumes_mm3))
    for turn in range(_ROUNDS):
        if turn >= _FREE_ROUNDS:
            missing = volumes_mm3 - np.bincount(mesh.labels, weights=volume, minlength=len(volumes_mm3))
            pressures += balancing_pressures(mover.wall_areas(len(volumes_mm3)), missing)
        target = mesh.points + mover.step(pressures)
        quality, volume = _move_above_floor(mesh, target, quality)
        progress((turn + 1) / _ROUNDS)


class _Mover:
    """Steps of all nodes; the connections are looked up once."""

    def __init__(self, mesh: LabeledTetrahedra, shares: Shares, sample_mm: float, edge_mm: float) -> None:
        self.mesh, self.shares, self.edge_mm = mesh, shares, edge_mm
        self.difference = 0.5 * sample_mm
        self.flattest = _FLATTEST / sample_mm
        self.triangles, self.sides = mesh.walls()
        self.nodes = np.unique(self.triangles)
        self.row = np.full(len(mesh.points), -1, np.int32)
        self.row[self.nodes] = np.arange(len(self.nodes))
        self.fixed = np.ones(len(mesh.points), bool)
        self.fixed[mesh.tetrahedra[mesh.labels != OUTSIDE]] = False
        self.touches = _labels_at(self.row[self.triangles], self.sides, len(self.nodes))

    def step(self, pressures: NDArray[np.float64]) -> Points:
        """Return the wanted move (N, 3) of each node in mm."""
        points = self.mesh.points
        move = towards_better_shape(points, self.mesh.tetrahedra)
        move[self.fixed] = 0.0
        here = points[self.nodes]
        towards, normal = self._towards_wall(here, pressures)
        smoother = self.wall_links @ here - here
        within = _SMOOTHER * smoother + _BETTER * move[self.nodes]
        within -= normal * np.einsum("ij,ij->i", within, normal)[:, None]
        on_seam = self.touches.sum(axis=1) > 2
        along = np.where(self.seam_ends[:, None] == 2, self.seam_links @ here - here, 0.0)
        move[self.nodes] = _TOWARDS_WALL * towards + np.where(on_seam[:, None], _ALONG_SEAM * along, within)
        return move

    def wall_areas(self, count: int) -> NDArray[np.float64]:
        """Return the area (L, L) of the walls between every two labels in mm²."""
        a, b, c = (self.mesh.points[self.triangles[:, corner]] for corner in range(3))
        area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
        pair = self.sides[:, 0].astype(np.intp) * count + self.sides[:, 1]
        areas = np.asarray(np.bincount(pair, area, count * count), np.float64).reshape(count, count)
        return areas + areas.T

    def _towards_wall(self, here: Points, pressures: NDArray[np.float64]) -> tuple[Points, Points]:
        """Return the mean step (n, 3) to the walls on which each node lies, and the mean unit normal of these."""
        value, slope = self._shares_and_slopes(here, len(pressures))
        step, normal, number = np.zeros_like(here), np.zeros_like(here), np.zeros(len(here))
        for one in range(len(pressures)):
            for other in range(one + 1, len(pressures)):
                rows = np.flatnonzero(self.touches[:, one] & self.touches[:, other])
                if not len(rows):
                    continue
                excess = value[rows, one] - value[rows, other]
                rise = slope[rows, one].astype(np.float64) - slope[rows, other]
                steepness = np.maximum(np.linalg.norm(rise, axis=1), self.flattest)
                outward = -rise / steepness[:, None]
                step[rows] += outward * (excess / steepness + pressures[one] - pressures[other])[:, None]
                normal[rows] += outward
                number[rows] += 1
        step /= np.maximum(number, 1)[:, None]
        length = np.linalg.norm(step, axis=1, keepdims=True)
        step *= np.minimum(1.0, _LONGEST_STEP * self.edge_mm / np.maximum(length, 1e-12))
        return step, normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)

    def _shares_and_slopes(self, here: Points, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return shares (n, L) and their slopes (n, L, 3) in 1/mm of the labels that each node touches."""
        value = np.zeros((len(here), count), np.float32)
        slope = np.zeros((len(here), count, 3), np.float32)
        for number in range(count):
            rows = np.flatnonzero(self.touches[:, number])
            value[rows, number] = self.shares(here[rows], number)
            for axis in range(3):
                shift = np.eye(3)[axis] * self.difference
                rise = self.shares(here[rows] + shift, number) - self.shares(here[rows] - shift, number)
                slope[rows, number, axis] = rise / (2.0 * self.difference)
        return value, slope


    @cached_property
    def wall_links(self) -> sparse.csr_array:
        """(n, n): takes the mean over neighbors on the wall."""
        return _mean_over(edges_of(self.row[self.triangles], len(self.nodes))[0], len(self.nodes))[0]

    @cached_property
    def _seam(self) -> tuple[sparse.csr_array, NDArray[np.int64]]:
        edges, uses = edges_of(self.row[self.triangles], len(self.nodes))
        return _mean_over(edges[uses > 2], len(self.nodes))

    @property
    def seam_links(self) -> sparse.csr_array:
        """(n, n): takes the mean over neighbors on a line along which three structures meet."""
        return self._seam[0]

    @property
    def seam_ends(self) -> NDArray[np.int64]:
        """(n,) number of neighbors along such lines."""
        return self._seam[1]


def _move_above_floor(
    mesh: LabeledTetrahedra, target: Points, quality: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Move nodes as far as the floor allows, in place; return the new quality and volumes."""
    floor = np.where(mesh.labels == OUTSIDE, np.float32(_FLOOR_OUTSIDE), np.float32(FLOOR + _MARGIN))
    start = mesh.points
    new_quality, volume = shapes(target, mesh.tetrahedra)
    turn = 0
    while True:
        low = (new_quality < floor) & (new_quality < quality)
        if not low.any():
            break
        moved = np.zeros(len(start), bool)
        moved[mesh.tetrahedra[low]] = True
        share = 0.5 if turn < _HALVINGS else 0.0
        target[moved] = start[moved] + share * (target[moved] - start[moved])
        again = np.flatnonzero(np.logical_or.reduce([moved[corners] for corners in mesh.tetrahedra.T]))
        new_quality[again], volume[again] = shapes(target, mesh.tetrahedra[again])
        turn += 1
    mesh.points = target
    return new_quality, volume


def _labels_at(triangles: NDArray[np.int32], sides: NDArray[np.uint8], count: int) -> NDArray[np.bool_]:
    """Return which labels (n, L) touch each node of the walls, the outside included."""
    touches = np.zeros((count, int(sides.max()) + 1), bool)
    for side in range(2):
        touches[triangles.ravel(), np.repeat(sides[:, side], 3)] = True
    return touches


def _mean_over(edges: NDArray[np.int32], count: int) -> tuple[sparse.csr_array, NDArray[np.int64]]:
    """Return the matrix (n, n) that takes the mean over neighbors, and the number (n,) of these."""
    rows, columns = np.r_[edges[:, 0], edges[:, 1]], np.r_[edges[:, 1], edges[:, 0]]
    number = np.bincount(rows, minlength=count)
    weights = 1.0 / np.maximum(number, 1)
    return sparse.csr_array((weights[rows], (rows, columns)), shape=(count, count)), number
