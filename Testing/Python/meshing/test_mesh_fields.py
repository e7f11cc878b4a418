"""Values of nodes and of tetrahedra are told apart, even where there are as many of the one as of the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from HeartSeg3DLib.meshing.export.content import content_of
from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh
from labeled_blocks import surface_of


@pytest.fixture
def even_mesh() -> TetraMesh:
    """An octahedron around a node, and a node that one more tetrahedron hangs on: nine of each."""
    points = np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1], [1, 1, 1],
                       [-1, -1, -1]], float)
    cells = [[0, x, y, z] for x in (1, 2) for y in (3, 4) for z in (5, 6)]
    cells[-1:] = [cells[-1], [1, 3, 5, 7]]
    tetrahedra = np.array(cells, np.int32)
    edges = points[tetrahedra[:, 1:]] - points[tetrahedra[:, :1]]
    inverted = np.linalg.det(edges) < 0
    tetrahedra[inverted] = tetrahedra[inverted][:, [0, 2, 1, 3]]
    labels = np.full(len(tetrahedra), 2, np.int16)
    return TetraMesh(points, tetrahedra, labels, surface_of(points, tetrahedra, labels))


def test_fields_of_the_same_length_go_where_their_names_say(even_mesh: TetraMesh) -> None:
    assert len(even_mesh.points) == len(even_mesh.tetrahedra) == 9
    fields = {"depth": np.arange(9.0), "stiffness": np.arange(9.0) + 100.0}
    content = content_of(replace(even_mesh, fields=fields, nodal=frozenset({"depth"})), {})
    assert set(content.node_fields) == {"depth"}
    assert set(content.cell_fields) == {"stiffness"}
    np.testing.assert_array_equal(content.node_fields["depth"], np.arange(8.0), "the last node belongs to nothing")
    np.testing.assert_array_equal(content.cell_fields["stiffness"], fields["stiffness"])


def test_elsewhere_lengths_tell(even_mesh: TetraMesh) -> None:
    cells = even_mesh.tetrahedra[:-1]
    labels = even_mesh.labels[:-1]
    mesh = TetraMesh(even_mesh.points, cells, labels, surface_of(even_mesh.points, cells, labels),
                     {"at nodes": np.zeros(9), "of cells": np.zeros((8, 3))}, frozenset({"of cells"}))
    assert mesh.nodal == {"at nodes"}


def test_a_field_that_fits_neither_is_refused(even_mesh: TetraMesh) -> None:
    with pytest.raises(ValueError, match="the field depth has 5 values for 9 nodes and 9 tetrahedra"):
        replace(even_mesh, fields={"depth": np.zeros(5)})


def test_a_surface_of_some_labels_has_the_others_outside(even_mesh: TetraMesh) -> None:
    surface = SurfaceMesh(even_mesh.points, np.array([[0, 1, 3], [0, 3, 5], [0, 5, 1]], np.int32),
                          np.array([[1, 2], [2, 0], [1, 0]], np.int16))
    alone = surface.alone((2,))
    assert alone.labels.tolist() == [[2, 0], [2, 0]]
    assert alone.triangles.tolist() == [[3, 1, 0], [0, 3, 5]], "normals point out of the label"
    assert surface.triangles_of((1,)).tolist() == [True, False, True]
