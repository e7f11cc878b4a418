"""The lattice fills space with equal, well-shaped tetrahedra, and its tables say who is whose neighbor."""

from __future__ import annotations

import numpy as np
import pytest

from HeartSeg3DLib.meshing.lattice import KINDS, MEAN_EDGE, Lattice, lattice_around
from HeartSeg3DLib.meshing.tetra_shape import shapes, towards_better_shape


@pytest.fixture
def lattice() -> Lattice:
    return lattice_around(np.zeros(3), np.array([4.0, 6.0, 9.0]), 2.0)


def inner(lattice: Lattice) -> np.ndarray:
    """All tetrahedra of the cells that are three or more layers from the sides."""
    block = np.zeros(lattice.shape, bool)
    block[3:-3, 3:-3, 3:-3] = True
    cells = np.flatnonzero(block)
    return (np.arange(KINDS)[:, None] * lattice.cells + cells).ravel()


def test_tetrahedra_are_equal_positive_and_fill_their_cells(lattice: Lattice) -> None:
    tetrahedra = inner(lattice)
    corners = lattice.corners(tetrahedra)
    used, numbers = np.unique(corners, return_inverse=True)
    quality, volume = shapes(lattice.points(used), numbers.reshape(-1, 4).astype(np.int32))
    assert quality == pytest.approx(np.full(len(tetrahedra), 0.9428), abs=1e-4)
    assert volume.sum() == pytest.approx(len(tetrahedra) / KINDS * lattice.cube_mm**3, rel=1e-5)
    points = lattice.points(corners[0])
    edges = [np.linalg.norm(points[i] - points[j]) for i in range(4) for j in range(i)]
    assert np.mean(edges) == pytest.approx(2.0) == MEAN_EDGE * lattice.cube_mm


def test_neighbors_share_the_face_opposite_to_the_corner(lattice: Lattice) -> None:
    tetrahedra = inner(lattice)
    corners, beside = lattice.corners(tetrahedra), lattice.neighbors(tetrahedra)
    for face in range(4):
        others = lattice.corners(beside[:, face])
        shared = (corners[:, :, None] == others[:, None, :]).any(axis=2)
        assert shared.sum(axis=1).tolist() == [3] * len(tetrahedra)
        assert not shared[:, face].any()
    assert (lattice.neighbors(beside[:, 0]) == tetrahedra[:, None]).any(axis=1).all()


def test_stars_hold_the_tetrahedra_of_their_vertex_and_their_links_share_faces(lattice: Lattice) -> None:
    vertices = np.unique(lattice.corners(inner(lattice)))
    stars = lattice.stars(vertices)
    assert (lattice.corners(stars.ravel()).reshape(len(vertices), 24, 4) == vertices[:, None, None]).any(axis=2).all()
    assert all(len(set(star)) == 24 for star in stars.tolist())
    for vertex in (vertices[0], vertices[-1]):
        star = lattice.stars(vertex[None])[0]
        links = lattice.star_links[int(vertex >= lattice.cells)]
        for member in range(24):
            around = set(lattice.neighbors(star[member : member + 1])[0].tolist())
            assert set(star[links[member]].tolist()) <= around


def test_centroids_lie_on_the_axes_given_for_them(lattice: Lattice) -> None:
    cell = np.ravel_multi_index((3, 4, 5), lattice.shape)
    for kind in range(KINDS):
        centroid = lattice.points(lattice.corners(np.array([kind * lattice.cells + cell]))[0]).mean(axis=0)
        axes = lattice.grid_axes(kind)
        assert centroid == pytest.approx([axes[0][3], axes[1][4], axes[2][5]])


def test_a_node_moves_back_to_where_its_tetrahedra_are_best(lattice: Lattice) -> None:
    corners = lattice.corners(lattice.stars(np.array([np.ravel_multi_index((4, 4, 4), lattice.shape)]))[0])
    used, numbers = np.unique(corners, return_inverse=True)
    points, tetrahedra = lattice.points(used), numbers.reshape(-1, 4).astype(np.int32)
    middle = np.bincount(tetrahedra.ravel()).argmax()
    assert towards_better_shape(points, tetrahedra)[middle] == pytest.approx(np.zeros(3), abs=1e-12)
    away = np.array([0.3, -0.2, 0.1])
    points[middle] += away
    before = shapes(points, tetrahedra)[0].min()
    for _ in range(30):
        points[middle] += towards_better_shape(points, tetrahedra)[middle]
    assert shapes(points, tetrahedra)[0].min() > before
    assert points[middle] == pytest.approx(lattice.points(used)[middle], abs=1e-3)
