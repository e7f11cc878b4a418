"""The body-centered cubic lattice: equal cells of which each vertex has the same 24 nearly regular tetrahedra.

Vertices are the corners of cubes and their centers. A tetrahedron joins the centers of two neighboring cubes with one
edge of the square between them (Labelle and Shewchuk 2007, doi 10.1145/1276377.1276448). Nothing is stored: a
tetrahedron is a number, kind * cells + cell, a vertex is its cell, or cells + cell for a center.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

KINDS = 12
"""Tetrahedra of a cell: three squares with four edges each."""

STAR = 24
"""Tetrahedra around a vertex."""

MEAN_EDGE = (2 * 1.0 + 4 * np.sqrt(0.75)) / 6
"""Mean edge of a tetrahedron for cubes of edge 1: two long edges, four short ones."""

_CHUNK = 1_000_000
"""Vertices whose stars are read at a time: 200 MB."""


@dataclass(frozen=True)
class Lattice:
    """A block of cubes.

    Attributes:
        origin: (3,) place of the first corner along the three axes in mm.
        cube_mm: Edge of a cube.
        shape: Number of cubes along the axes. Tetrahedra that leave the block must not be used: the outermost two
            layers of cubes stay outside of everything.
    """

    origin: NDArray[np.float64]
    cube_mm: float
    shape: tuple[int, int, int]

    @property
    def cells(self) -> int:
        """Number of cubes."""
        return int(np.prod(self.shape))

    def points(self, vertices: Numbers) -> NDArray[np.float64]:
        """Return the places (N, 3) of vertices in mm."""
        centers, cell = np.divmod(vertices, self.cells)
        index = np.stack(np.unravel_index(cell, self.shape), axis=1)
        return self.origin + (index + 0.5 * centers[:, None]) * self.cube_mm

    def corners(self, tetrahedra: Numbers) -> Numbers:
        """Return the vertices (K, 4) of tetrahedra; their volume is positive."""
        kind, cell = np.divmod(tetrahedra, self.cells)
        return cell[:, None] + self._corner_offsets[kind]

    def stars(self, vertices: Numbers) -> Numbers:
        """Return the tetrahedra (N, 24) around vertices, in an order that depends only on whether they are centers."""
        center, cell = np.divmod(vertices, self.cells)
        return cell[:, None] + self._star_offsets[center]

    def neighbors(self, tetrahedra: Numbers) -> Numbers:
        """Return the tetrahedra (K, 4) behind the faces of others; face j lies opposite to corner j."""
        return tetrahedra[:, None] + self._neighbor_offsets[tetrahedra // self.cells]

    def grid_axes(self, kind: int) -> list[NDArray[np.float64]]:
        """Return the coordinates along each axis in mm of the centroids of all tetrahedra of one kind."""
        return [self.origin[a] + (np.arange(self.shape[a]) + _CENTROIDS[kind, a]) * self.cube_mm for a in range(3)]

    def centroids(self, tetrahedra: Numbers) -> NDArray[np.float64]:
        """Return the centroids (K, 3) of tetrahedra in mm."""
        kind, cell = np.divmod(tetrahedra, self.cells)
        return self.origin + (np.stack(np.unravel_index(cell, self.shape), axis=1) + _CENTROIDS[kind]) * self.cube_mm

    def mixed_vertices(self, numbers: NDArray[np.uint8]) -> Numbers:
        """Return the vertices around which tetrahedra have different labels.

        Args:
            numbers: (12 * cells,) label of each tetrahedron, 0 in the outermost two layers.
        """
        inner = np.zeros(self.shape, bool)
        inner[2:-1, 2:-1, 2:-1] = True
        cells = np.flatnonzero(inner)
        found = []
        for vertices in (cells, cells + self.cells):
            for start in range(0, len(vertices), _CHUNK):
                part = vertices[start : start + _CHUNK]
                around = numbers[self.stars(part)]
                found.append(part[(around != around[:, :1]).any(axis=1)])
        return np.concatenate(found)

    @cached_property
    def star_links(self) -> NDArray[np.intp]:
        """(2, 24, 3): members of a star that share a face with a member, for corners and for centers."""
        links = []
        for vertex in (self._middle, self._middle + self.cells):
            sets = [set(row) for row in self.corners(self.stars(np.array([vertex]))[0]).tolist()]
            links.append([[j for j in range(STAR) if len(sets[i] & sets[j]) == 3] for i in range(STAR)])
        return np.array(links, np.intp)

    @property
    def _middle(self) -> int:
        """A cell away from the sides."""
        return int(np.ravel_multi_index(tuple(size // 2 for size in self.shape), self.shape))

    @property
    def _steps(self) -> tuple[int, int, int]:
        return self.shape[1] * self.shape[2], self.shape[2], 1

    @cached_property
    def _corner_offsets(self) -> Numbers:
        """(12, 4) vertices of each kind of tetrahedron, from its cell."""
        rows = []
        for axis in range(3):
            u, v = (self._steps[other] for other in _across(axis))
            square = [self._steps[axis] + side for side in (0, u, u + v, v)]
            for edge in range(4):
                rows.append([self.cells, self.cells + self._steps[axis], square[edge], square[(edge + 1) % 4]])
        return np.array(rows, np.int64)

    @cached_property
    def _star_offsets(self) -> Numbers:
        """(2, 24) tetrahedra around a corner and around a center, from the vertex's cell."""
        stars: list[list[int]] = [[], []]
        for kind in range(KINDS):
            for offset in self._corner_offsets[kind].tolist():
                is_center = offset >= self.cells
                stars[is_center].append(kind * self.cells - (offset - is_center * self.cells))
        return np.array(stars, np.int64)

    @cached_property
    def _neighbor_offsets(self) -> Numbers:
        """(12, 4) tetrahedra behind the faces of each kind, from the tetrahedron itself."""
        table = np.zeros((KINDS, 4), np.int64)
        for kind in range(KINDS):
            own = kind * self.cells + self._middle
            corners = self.corners(np.array([own]))[0]
            for face in range(4):
                kept = set(np.delete(corners, face).tolist())
                around = self.stars(corners[[face - 1]])[0]
                behind = [t for t, row in zip(around.tolist(), self.corners(around).tolist(), strict=True)
                          if kept <= set(row) and t != own]
                table[kind, face] = behind[0] - own
        return table


def lattice_around(low: NDArray[np.float64], high: NDArray[np.float64], edge_mm: float) -> Lattice:
    """Return a lattice of tetrahedra with a mean edge that covers a box and leaves its outermost layers free.

    Args:
        low: (3,) lowest corner of the box in mm.
        high: (3,) highest corner.
        edge_mm: Mean edge of the tetrahedra.
    """
    cube = edge_mm / MEAN_EDGE
    count = np.ceil((high - low) / cube).astype(int) + 6
    origin = (low + high) / 2 - cube * count / 2
    return Lattice(origin, cube, (int(count[0]), int(count[1]), int(count[2])))


def _across(axis: int) -> tuple[int, int]:
    """Return the axes of the square between two cubes so that (axis, first, second) is right-handed."""
    return (axis + 1) % 3, (axis + 2) % 3


def _centroids() -> NDArray[np.float64]:
    """Return the centroids (12, 3) of a cell's tetrahedra in edges of the cube from its corner."""
    places = np.full((KINDS, 3), 0.5)
    for kind in range(KINDS):
        axis, edge = divmod(kind, 4)
        places[kind, axis] = 1.0
        places[kind, _across(axis)[(edge + 1) % 2]] += 0.25 if edge in (1, 2) else -0.25
    return places


_CENTROIDS = _centroids()
