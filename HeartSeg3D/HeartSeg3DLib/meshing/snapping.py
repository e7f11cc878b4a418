"""Moves the walls of a labeled tetrahedral mesh onto the smooth walls of its structures.

Each step goes towards the place where two structures have equal shares, smooths within the wall, and is taken back
around every tetrahedron that it would bring below a floor of quality. Pressures between the structures shift the walls
so that every structure gets its volume. Between some steps edges go that keep tetrahedra flat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .mesh import OUTSIDE
from .neighbors import edges_of
from .tetra_shape import shapes, towards_better_shape
from .tetra_shares import Shares
from .tetra_swaps import remove_poor_edges
from .tetra_walls import walls
from .volume_balance import balancing_pressures

Points = NDArray[np.float64]
Tick = Callable[[], None]

FLOOR = 0.2
"""Scaled Jacobian below which no step may bring a tetrahedron."""

_FLOOR_OUTSIDE = 0.05
"""The same for the layer outside, which is thrown away: it only keeps surfaces from cutting each other."""

_MARGIN = 2e-4
"""Kept above the floor, so that rounding of stored coordinates does not fall below it."""

_ROUNDS = 12
_FREE_ROUNDS = 2
"""Rounds before volumes are corrected: walls first come near their place."""

_ROUNDS_WITHOUT_POOR_EDGES = (3, 5, 7, 9)
"""Rounds before which edges are removed: walls must be near their place, and nodes need rounds to settle. A real heart
with thin walls gained 0.018 of the mean scaled Jacobian at 2 mm; of the tetrahedra at the floor half were left."""

_TOWARDS_WALL, _SMOOTHER, _BETTER, _ALONG_SEAM = 0.85, 0.2, 0.5, 0.3
"""Parts of the full step to the wall, of the way to the mean of the neighbors on it, of the way to a better shape, and
of the way to the mean of the neighbors on a seam."""

_LONGEST_STEP = 0.4
"""Of an edge."""

_DAMPING = 0.02
"""Of steps to several walls at once: where these are nearly parallel, the place where they meet is not well known."""

_HALVINGS = 4
_DIFFERENCE = 0.7
"""Way in widths of the Gaussian over which slopes are measured, forth and back."""

_FLATTEST = 0.035
"""Slope, in shares per width of the Gaussian, below which a point is too far from a wall to know where it is."""


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
    mesh: LabeledTetrahedra, shares: Shares, sigma_mm: float, edge_mm: float, volumes_mm3: NDArray[np.float64],
    progress: Callable[[float], None] = lambda _: None, tick: Tick = lambda: None,
) -> None:
    """Move the nodes of a mesh, and remove edges that keep tetrahedra flat, in place.

    Args:
        mesh: Mesh whose tetrahedra are all above the floor.
        shares: Share of each label at any point.
        sigma_mm: Width of the Gaussian that made the shares.
        edge_mm: Mean edge of the tetrahedra.
        volumes_mm3: (L,) volumes that the labels should have, that of the outside first.
        progress: Told the finished part, 0 to 1.
        tick: Called often.
    """
    mover = _Mover(mesh, shares, sigma_mm, edge_mm, tick)
    quality, volume = shapes(mesh.points, mesh.tetrahedra, tick)
    pressures = np.zeros(len(volumes_mm3))
    for turn in range(_ROUNDS):
        if turn in _ROUNDS_WITHOUT_POOR_EDGES:
            mesh.tetrahedra, mesh.labels = remove_poor_edges(
                mesh.points, mesh.tetrahedra, mesh.labels, mesh.on_wall, quality, tick)
            quality, volume = shapes(mesh.points, mesh.tetrahedra, tick)
        if turn >= _FREE_ROUNDS:
            missing = volumes_mm3 - np.bincount(mesh.labels, weights=volume, minlength=len(volumes_mm3))
            pressures += balancing_pressures(mover.wall_areas(len(volumes_mm3)), missing)
        target = mesh.points + mover.step(pressures)
        quality, volume = _move_above_floor(mesh, target, quality, tick)
        progress((turn + 1) / _ROUNDS)


class _Mover:
    """Steps of all nodes; the connections are looked up once."""

    def __init__(self, mesh: LabeledTetrahedra, shares: Shares, sigma_mm: float, edge_mm: float, tick: Tick) -> None:
        self.mesh, self.shares, self.edge_mm, self.tick = mesh, shares, edge_mm, tick
        self.difference = _DIFFERENCE * sigma_mm
        self.flattest = _FLATTEST / sigma_mm
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
        move = towards_better_shape(points, self.mesh.tetrahedra, self.tick)
        move[self.fixed] = 0.0
        self.tick()
        here = points[self.nodes]
        wanted, across = self._towards_wall(here, pressures)
        inverse = np.asarray(np.linalg.inv(across + _DAMPING * np.eye(3)), np.float64)
        towards = _times(inverse, wanted)
        length = np.linalg.norm(towards, axis=1, keepdims=True)
        towards *= np.minimum(1.0, _LONGEST_STEP * self.edge_mm / np.maximum(length, 1e-12))
        on_seam = self.touches.sum(axis=1, keepdims=True) > 2
        along = np.where(self.seam_ends[:, None] == 2, self.seam_links @ here - here, 0.0)
        within = _SMOOTHER * (self.wall_links @ here - here) + _BETTER * move[self.nodes]
        free = np.where(on_seam, _ALONG_SEAM * along, within)
        move[self.nodes] = _TOWARDS_WALL * towards + free - _times(inverse, _times(across, free))
        return move

    def wall_areas(self, count: int) -> NDArray[np.float64]:
        """Return the area (L, L) of the walls between every two labels in mm²."""
        a, b, c = (self.mesh.points[self.triangles[:, corner]] for corner in range(3))
        area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
        pair = self.sides[:, 0].astype(np.intp) * count + self.sides[:, 1]
        areas = np.asarray(np.bincount(pair, area, count * count), np.float64).reshape(count, count)
        return areas + areas.T

    def _towards_wall(self, here: Points, pressures: NDArray[np.float64]) -> tuple[Points, NDArray[np.float64]]:
        """Return the step (n, 3) to the walls on which each node lies, and the directions across them (n, 3, 3).

        Where several walls meet, the step goes to all of them, as far as they agree (least squares).
        """
        value, slope = self._shares_and_slopes(here, len(pressures))
        wanted, across = np.zeros_like(here), np.zeros((len(here), 3, 3))
        for one, other in combinations(range(len(pressures)), 2):
            rows = np.flatnonzero(self.touches[:, one] & self.touches[:, other])
            excess = value[rows, one] - value[rows, other]
            rise = slope[rows, one].astype(np.float64) - slope[rows, other]
            steepness = np.maximum(np.linalg.norm(rise, axis=1), self.flattest)
            outward = -rise / steepness[:, None]
            wanted[rows] += outward * (excess / steepness + pressures[one] - pressures[other])[:, None]
            across[rows] += outward[:, :, None] * outward[:, None, :]
        return wanted, across

    def _shares_and_slopes(self, here: Points, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return shares (n, L) and their slopes (n, L, 3) in 1/mm of the labels that each node touches."""
        value = np.zeros((len(here), count), np.float32)
        slope = np.zeros((len(here), count, 3), np.float32)
        for number in range(count):
            rows = np.flatnonzero(self.touches[:, number])
            value[rows, number] = self.shares.at(here[rows], number)
            self.tick()
            for axis in range(3):
                shift = np.eye(3)[axis] * self.difference
                rise = self.shares.at(here[rows] + shift, number) - self.shares.at(here[rows] - shift, number)
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
    mesh: LabeledTetrahedra, target: Points, quality: NDArray[np.float32], tick: Tick
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Move nodes as far as the floor allows, in place; return the new quality and volumes."""
    floor = np.where(mesh.labels == OUTSIDE, np.float32(_FLOOR_OUTSIDE), np.float32(FLOOR + _MARGIN))
    start = mesh.points
    new_quality, volume = shapes(target, mesh.tetrahedra, tick)
    turn = 0
    while True:
        tick()
        low = (new_quality < floor) & (new_quality < quality)
        if not low.any():
            break
        moved = np.zeros(len(start), bool)
        moved[mesh.tetrahedra[low]] = True
        share = 0.5 if turn < _HALVINGS else 0.0
        target[moved] = start[moved] + share * (target[moved] - start[moved])
        again = np.flatnonzero(np.logical_or.reduce([moved[corners] for corners in mesh.tetrahedra.T]))
        new_quality[again], volume[again] = shapes(target, mesh.tetrahedra[again], tick)
        turn += 1
    mesh.points = target
    return new_quality, volume


def _times(matrices: NDArray[np.float64], vectors: Points) -> Points:
    """Return the products (n, 3) of matrices (n, 3, 3) and vectors (n, 3)."""
    return np.einsum("nij,nj->ni", matrices, vectors)


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
