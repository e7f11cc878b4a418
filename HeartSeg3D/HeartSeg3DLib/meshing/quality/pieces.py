"""Does what is written of a mesh hang together, or is it several bodies that nothing joins?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from .conformity import Faces

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """One body.

    Attributes:
        labels: Label values in it; of a surface, those that reach its outside.
        cells: Number of its tetrahedra; of a surface, of the triangles on its outside.
        volume_mm3: Its volume; of a surface, with the cavities inside it.
        center_mm: Center of this volume, LPS.
    """

    labels: tuple[int, ...]
    cells: int
    volume_mm3: float
    center_mm: tuple[float, float, float]


def tetrahedron_pieces(
    points: Points, tetrahedra: NDArray[np.integer], labels: NDArray[np.integer], faces: Faces, written: Collection[int]
) -> list[Piece]:
    """Return the pieces of some labels' tetrahedra that hang together by faces, the largest first.

    What touches at an edge or a corner only is apart: neither stress nor current passes there.

    Args:
        points: (N, 3), LPS, mm.
        tetrahedra: (K, 4) indices of points.
        labels: (K,).
        faces: Faces of all tetrahedra.
        written: Labels that count.
    """
    kept = np.isin(labels, list(written))
    joined = (faces.second >= 0) & kept[faces.first] & kept[faces.second]
    part = _joined(faces.first[joined], faces.second[joined], len(labels))
    corners = points[tetrahedra[kept]]
    start, u, v, w = corners[:, 0], *(corners[:, place] - corners[:, 0] for place in (1, 2, 3))
    volumes = np.einsum("ij,ij->i", np.cross(u, v), w) / 6.0
    return _pieces(part[kept], labels[kept], volumes, start + (u + v + w) / 4.0)


def surface_pieces(
    points: Points, triangles: NDArray[np.integer], sides: NDArray[np.integer], written: Collection[int]
) -> list[Piece]:
    """Return the bodies inside the closed surface around some labels taken together, the largest first.

    Triangles that share an edge are one shell. A shell whose normals point inward is the wall of a cavity in a body.

    Args:
        points: (N, 3), LPS, mm.
        triangles: (M, 3) indices of points, normals out of the first side.
        sides: (M, 2) labels on both sides.
        written: Labels that count; walls between two of them are inside.
    """
    inner, outer = (np.isin(sides[:, side], list(written)) for side in (0, 1))
    out_of_first, out_of_second = inner & ~outer, outer & ~inner
    around = np.concatenate([triangles[out_of_first], triangles[out_of_second][:, ::-1]]).astype(np.int64)
    labels = np.concatenate([sides[out_of_first, 0], sides[out_of_second, 1]])
    if not len(around):
        return []
    corners = points[around]
    middle = corners[0, 0]  # near the surface: far from it, products would lose digits
    a, b, c = (corners[:, place] - middle for place in range(3))
    volumes = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6.0
    shells = _pieces(_shells(around), labels, volumes, middle + (a + b + c) / 4.0)
    return [shell for shell in shells if shell.volume_mm3 > 0.0]


def _shells(triangles: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the number of the shell of each triangle, (M,)."""
    edges = np.sort(np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    same = np.flatnonzero((edges[order[1:]] == edges[order[:-1]]).all(axis=1))
    return _joined(order[same] // 3, order[same + 1] // 3, len(triangles))


def _joined(one: NDArray[np.integer], other: NDArray[np.integer], count: int) -> NDArray[np.int32]:
    links = sparse.coo_array((np.ones(len(one), np.int8), (one, other)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1], np.int32)


def _pieces(
    part: NDArray[np.integer], labels: NDArray[np.integer], volumes: NDArray[np.float64], centers: Points
) -> list[Piece]:
    """Return the pieces of cells with these numbers of pieces, labels, signed volumes and centers of volume."""
    numbers, piece = np.unique(part, return_inverse=True)
    cells = np.bincount(piece, minlength=len(numbers))
    volume = np.bincount(piece, volumes, len(numbers))
    moments = np.stack([np.bincount(piece, volumes * centers[:, axis], len(numbers)) for axis in range(3)], axis=1)
    found: list[set[int]] = [set() for _ in numbers]
    for number, value in np.unique(np.stack([piece, labels], axis=1), axis=0).tolist():
        found[number].add(value)
    safe = np.where(volume == 0.0, 1.0, volume)[:, None]
    pieces = [Piece(tuple(sorted(own)), int(count), float(size), (float(x), float(y), float(z)))
              for own, count, size, (x, y, z) in zip(found, cells, volume, moments / safe, strict=True)]
    return sorted(pieces, key=lambda one: one.volume_mm3, reverse=True)
