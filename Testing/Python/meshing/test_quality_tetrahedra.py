"""Defects of tetrahedra are found, and sound ones are measured exactly."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh
from HeartSeg3DLib.meshing.quality import MeshReport, check_tetrahedra, shape
from HeartSeg3DLib.meshing.quality.conformity import faces_of, walls_of

POINTS = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 0, 2], [2, 2, 2]], float)


def mesh_of(tetrahedra: list[list[int]], labels: list[int], points=POINTS) -> TetraMesh:
    cells, values = np.array(tetrahedra, np.int32), np.array(labels, np.int16)
    corners, sides = walls_of(faces_of(cells), values)
    surface = SurfaceMesh(points, corners.astype(np.int32), sides.astype(np.int16))
    return TetraMesh(points, cells, values, surface)


def failed(report: MeshReport) -> set[str]:
    return {check.name for check in report.failures}


def test_two_tetrahedra_of_two_labels_are_sound() -> None:
    report = check_tetrahedra(mesh_of([[0, 1, 2, 3], [1, 2, 3, 4]], [1, 2]))
    assert report.fit_for_use
    assert report.labels[1]["tetrahedron_volume_mm3"] == pytest.approx(8 / 6)
    assert report.labels[2]["volume_mm3"] == pytest.approx(16 / 6)
    assert report.labels[2]["tetrahedron_scaled_jacobian"]["minimum"] == pytest.approx(1.0)
    assert report.labels[1]["locked_percent"] == 100.0


def test_the_wall_between_two_labels_points_out_of_the_lower_one() -> None:
    surface = mesh_of([[0, 1, 2, 3], [1, 2, 3, 4]], [5, 2]).surface
    shared = (surface.labels == [2, 5]).all(axis=1)
    a, b, c = POINTS[surface.triangles[shared][0]]
    assert shared.sum() == 1
    assert np.cross(b - a, c - a) @ (POINTS[0] - a) > 0


def test_a_tetrahedron_turned_inside_out_fails() -> None:
    assert "tetrahedra that are flat or turned inside out" in failed(check_tetrahedra(mesh_of([[0, 2, 1, 3]], [1])))


def test_a_face_of_three_tetrahedra_fails() -> None:
    points = np.concatenate([POINTS, [[3.0, 3.0, 2.5]]])
    mesh = mesh_of([[0, 1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 5]], [1, 1, 1], points)
    assert "faces shared by more than two tetrahedra" in failed(check_tetrahedra(mesh))


def test_a_surface_that_is_not_that_of_the_tetrahedra_fails() -> None:
    mesh = mesh_of([[0, 1, 2, 3], [1, 2, 3, 4]], [1, 1])
    turned = SurfaceMesh(mesh.points, mesh.surface.triangles[:, ::-1].copy(), mesh.surface.labels)
    name = "triangles of the surface that are no face between labels"
    assert check_tetrahedra(mesh).fit_for_use
    assert name in failed(check_tetrahedra(dataclasses.replace(mesh, surface=turned)))


def test_parts_are_counted_by_faces() -> None:
    apart = np.concatenate([POINTS, POINTS + 10.0])
    report = check_tetrahedra(mesh_of([[0, 1, 2, 3], [5, 6, 7, 8]], [1, 1], apart))
    assert report.labels[1]["parts"] == 2


def test_only_tetrahedra_without_an_inner_node_are_locked() -> None:
    # A regular octahedron cut into eight around its center: no tetrahedron has all nodes on the boundary.
    points = np.array([[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    cells = []
    for x in (1, 2):
        for y in (3, 4):
            for z in (5, 6):
                positive = np.linalg.det(points[[x, y, z]]) > 0
                cells.append([0, x, y, z] if positive else [0, y, x, z])
    assert check_tetrahedra(mesh_of(cells, [1] * 8, points)).labels[1]["locked"] == 0
    assert check_tetrahedra(mesh_of(cells, [1] * 4 + [2] * 4, points)).labels[1]["locked"] == 4


def test_tetrahedron_shapes_are_those_of_the_textbook() -> None:
    regular = np.array([[1, 1, 1], [1, -1, -1], [-1, -1, 1], [-1, 1, -1]], float)
    corner = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    shapes = shape.tetrahedron_shapes(np.concatenate([regular, corner]), np.array([[0, 1, 2, 3], [4, 5, 6, 7],
                                                                                  [4, 6, 5, 7]]))
    assert shapes.volumes == pytest.approx([8 / 3, 1 / 6, -1 / 6])
    assert shapes.scaled_jacobians == pytest.approx([1.0, np.sqrt(0.5), -np.sqrt(0.5)])
    assert shapes.smallest_dihedrals[:2] == pytest.approx(np.degrees(np.arccos([1 / 3, 3**-0.5])))
    assert shapes.largest_dihedrals[1] == pytest.approx(90.0)
    in_ball = 2.0 / (3.0 + np.sqrt(3.0))  # radius in the corner of a cube of edge 2: three volumes over the surface
    assert shapes.aspect_ratios[:2] == pytest.approx([1.0, np.sqrt(8.0) / (2.0 * np.sqrt(6.0) * in_ball)])


def test_a_structure_that_fell_apart_is_named() -> None:
    values = np.zeros((6, 6, 6), np.uint8)
    values[2:4, 2:4, 2:4] = 1
    apart = np.concatenate([POINTS, POINTS + 10.0])
    report = check_tetrahedra(mesh_of([[0, 1, 2, 3], [5, 6, 7, 8]], [1, 1], apart), sitk.GetImageFromArray(values))
    (missed,) = [check for check in report.missed_aims if check.name.startswith("pieces")]
    assert (missed.value, missed.where) == (1, ("1",))
