"""Defects of surfaces are found, and surfaces without any are called sound."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.optimize import linprog

from HeartSeg3DLib.meshing.mesh import SurfaceMesh
from HeartSeg3DLib.meshing.quality import MeshReport, check_surfaces, patch_figures, shape
from HeartSeg3DLib.meshing.quality.closedness import closedness
from HeartSeg3DLib.meshing.quality.intersections import intersecting_triangles

CUBE = np.array([[0, 2, 1], [1, 2, 3], [4, 5, 6], [5, 7, 6], [0, 1, 4], [1, 5, 4],
                 [2, 6, 3], [3, 6, 7], [0, 4, 2], [2, 4, 6], [1, 3, 5], [3, 7, 5]])
CUBE_POINTS = np.array([[x, y, z] for z in (0.0, 1.0) for y in (0.0, 1.0) for x in (0.0, 1.0)])


def surface(points: NDArray[np.float64], triangles: NDArray[np.int64], value: int = 1) -> SurfaceMesh:
    labels = np.tile(np.array([[value, 0]], np.int16), (len(triangles), 1))
    return SurfaceMesh(np.asarray(points, np.float64), np.asarray(triangles, np.int32), labels)


def cubes(*corners: tuple[float, float, float]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Cubes of 1 mm, no vertices shared."""
    points = np.concatenate([CUBE_POINTS + corner for corner in corners])
    return points, np.concatenate([CUBE + 8 * number for number in range(len(corners))])


def failed(report: MeshReport) -> set[str]:
    return {check.name for check in report.failures}


def test_a_cube_is_sound_and_measured_exactly() -> None:
    report = check_surfaces(surface(*cubes((5.0, -3.0, 700.0))))
    figures = report.labels[1]
    assert report.fit_for_use
    assert figures["volume_mm3"] == pytest.approx(1.0)
    assert figures["area_mm2"] == pytest.approx(6.0)
    assert (figures["components"], figures["euler"]) == (1, 2)
    assert figures["smallest_angle_degrees"] == pytest.approx(45.0)
    assert figures["wall_in_edges"] == pytest.approx(2.0 / 6.0 / figures["edge_mm"]["mean"])
    (patch,) = patch_figures(surface(*cubes((0.0, 0.0, 0.0))), {"SIDE": np.array([0, 1, 2])}).values()
    assert (patch["triangles"], patch["area_mm2"]) == (3, pytest.approx(1.5))
    assert json.loads(report.to_json())["labels"]["1"]["triangles"] == 12


@pytest.mark.parametrize(("change", "defect"), [
    (lambda triangles: triangles[1:], "open edges"),
    (lambda triangles: np.concatenate([triangles, [[0, 1, 7]]]), "edges of more than two triangles"),
    (lambda triangles: np.concatenate([triangles[:1, ::-1], triangles[1:]]),
     "edges between triangles turned against each other"),
    (lambda triangles: triangles[:, ::-1], "volume inside the surface in mm³"),
])
def test_a_defect_of_a_cube_is_named(change, defect: str) -> None:
    report = check_surfaces(surface(CUBE_POINTS, change(CUBE)))
    assert not report.fit_for_use
    assert defect in failed(report)


def test_cubes_that_share_one_vertex_are_not_manifold_there() -> None:
    points, triangles = cubes((0, 0, 0), (1, 1, 1))
    triangles[triangles == 8] = 7  # the first corner of the second cube is the last of the first
    found = closedness(triangles)
    assert found.non_manifold_vertices == 1
    assert (found.open_edges, found.non_manifold_edges, found.components) == (0, 0, 2)
    assert not intersecting_triangles(points, triangles).any()


def test_cubes_that_share_an_edge_are_not_manifold_along_it() -> None:
    _, triangles = cubes((0, 0, 0), (1, 1, 0))
    triangles[triangles == 8], triangles[triangles == 12] = 3, 7
    found = closedness(triangles)
    assert (found.non_manifold_edges, found.non_manifold_vertices) == (1, 0)


def test_a_torus_has_the_euler_number_zero() -> None:
    ring = np.arange(5)
    quads = [(a * 5 + b, (a + 1) % 5 * 5 + b, (a + 1) % 5 * 5 + (b + 1) % 5, a * 5 + (b + 1) % 5)
             for a in ring for b in ring]
    found = closedness(np.array([triangle for q in quads for triangle in ((q[0], q[1], q[2]), (q[0], q[2], q[3]))]))
    assert (found.euler, found.components, found.open_edges) == (0, 1, 0)


@pytest.mark.parametrize(("offset", "meets"), [
    ((0.5, 0.5, 0.5), True),
    ((0.25, 0.25, 1.0), True),  # faces in one plane overlap
    ((1.0, 0.0, 0.0), True),  # two faces lie on each other without sharing vertices
    ((0.25, 0.25, 1.0 + 1e-6), False),
    ((3.0, 0.0, 0.0), False),
])
def test_cubes_that_meet_are_found(offset: tuple[float, float, float], meets: bool) -> None:
    assert intersecting_triangles(*cubes((0, 0, 0), offset)).any() == meets


def test_a_corner_pushed_through_the_opposite_face_is_found_although_it_shares_vertices() -> None:
    points = CUBE_POINTS.copy()
    points[7] = [-0.5, 0.4, 0.3]
    assert intersecting_triangles(points, CUBE).any()


def test_a_fold_and_a_triangle_that_is_there_twice_are_found() -> None:
    square = np.array([[0, 0, 0], [1, 0, 0], [0.5, 1, 0], [0.5, 0.9, 0.001]], float)
    assert intersecting_triangles(square, np.array([[0, 1, 2], [1, 0, 3]])).all()
    assert intersecting_triangles(square, np.array([[0, 1, 2], [2, 0, 1]])).all()


def test_flat_surfaces_are_not_taken_for_folded_ones() -> None:
    rng = np.random.default_rng(3)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    grid = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0), [0.0], indexing="ij"), axis=-1).reshape(-1, 3)
    first = np.array([6 * a + b for a in range(5) for b in range(5)])
    triangles = np.concatenate([np.stack([first, first + 6, first + 7], 1), np.stack([first, first + 7, first + 1], 1)])
    assert not intersecting_triangles(grid, triangles).any()
    assert not intersecting_triangles(grid @ turn.T + 100.0, triangles).any()
    for unevenness in (1e-12, 1e-11, 1e-10, 1e-9, 1e-7):
        uneven = grid + unevenness * rng.normal(size=grid.shape)
        assert not intersecting_triangles(uneven @ turn.T + 100.0, triangles).any()


def hulls_meet(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Whether two triangles have a point in common, by linear programming."""
    equations = np.zeros((5, 6))
    equations[:3, :3], equations[:3, 3:] = first.T, -second.T
    equations[3, :3] = equations[4, 3:] = 1.0
    return linprog(np.zeros(6), A_eq=equations, b_eq=[0, 0, 0, 1, 1], bounds=(0, None)).status == 0


def test_random_triangles_meet_where_linear_programming_says_so() -> None:
    rng = np.random.default_rng(7)
    answers = []
    for _ in range(150):
        points = rng.normal(size=(6, 3)) + np.repeat([[0, 0, 0], [0.7, 0, 0]], 3, axis=0)
        answers.append(hulls_meet(points[:3], points[3:]))
        assert intersecting_triangles(points, np.arange(6).reshape(2, 3)).all() == answers[-1]
    assert 20 < sum(answers) < 130


def test_all_cutting_triangles_of_a_crowd_are_found() -> None:
    rng = np.random.default_rng(11)
    sizes = np.where(np.arange(60) < 3, 6.0, 0.8)  # a few triangles are as large as the whole crowd
    points = (rng.uniform(0, 5, (60, 1, 3)) + rng.normal(size=(60, 3, 3)) * sizes[:, None, None]).reshape(-1, 3)
    triangles = np.arange(180).reshape(-1, 3)
    expected = np.zeros(60, bool)
    for one in range(60):
        for other in range(one):
            if hulls_meet(points[triangles[one]], points[triangles[other]]):
                expected[[one, other]] = True
    assert np.array_equal(intersecting_triangles(points, triangles), expected)


def test_triangle_shapes_are_those_of_the_textbook() -> None:
    regular = np.array([[[0, 0, 0], [1, 0, 0], [0.5, np.sqrt(0.75), 0]]])
    right = np.array([[[0, 0, 0], [3.0, 0, 0], [0, 4.0, 0]]])
    flat = np.array([[[0, 0, 0], [1.0, 0, 0], [2.0, 0, 0]]])
    assert shape.triangle_scaled_jacobians(regular)[0] == pytest.approx(1.0)
    assert shape.triangle_scaled_jacobians(right)[0] == pytest.approx(0.6 / np.sin(np.radians(60)))
    assert shape.triangle_scaled_jacobians(flat)[0] == 0.0
    assert shape.triangle_aspect_ratios(regular)[0] == pytest.approx(1.0)
    assert shape.triangle_aspect_ratios(right)[0] == pytest.approx(5.0 / (2.0 * np.sqrt(3.0)))  # inscribed circle of 1
    assert shape.triangle_aspect_ratios(flat)[0] == pytest.approx(shape.FLAT)
    assert shape.smallest_angles(right)[0] == pytest.approx(np.degrees(np.arctan(3 / 4)))


def box_of_voxels() -> sitk.Image:
    """A block of 2 x 3 x 4 voxels in an oblique, mirrored frame."""
    values = np.zeros((8, 7, 6), np.uint8)
    values[2:6, 2:5, 2:4] = 3
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((0.5, 1.0, 2.0))
    image.SetOrigin((-100.0, 20.0, 7.0))
    image.SetDirection((0.6, 0.8, 0.0, 0.8, -0.6, 0.0, 0.0, 0.0, 1.0))
    return image


def mesh_of_the_box(image: sitk.Image, swollen: float) -> SurfaceMesh:
    index = np.array([[x, y, z] for z in (1.5, 5.5) for y in (1.5, 4.5) for x in (1.5, 3.5)])
    matrix = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    center = index.mean(axis=0)
    points = (center + (index - center) * swollen) @ matrix.T + image.GetOrigin()
    triangles = CUBE[:, ::-1] if np.linalg.det(matrix) < 0 else CUBE
    return surface(points, triangles, value=3)


def test_a_mesh_on_the_voxels_outside_has_their_volume_and_no_distance() -> None:
    image = box_of_voxels()
    report = check_surfaces(mesh_of_the_box(image, 1.0), image)
    figures = report.labels[3]
    assert report.fit_for_use
    assert figures["volume_error_percent"] == pytest.approx(0.0, abs=1e-9)
    assert figures["voxel_distance_mm"]["maximum"] == pytest.approx(0.0, abs=1e-5)
    assert not {"difference from the volume of the voxels in %"} & {check.name for check in report.missed_aims}


def test_a_swollen_mesh_misses_the_aim_for_the_volume() -> None:
    image = box_of_voxels()
    report = check_surfaces(mesh_of_the_box(image, 1.1), image)
    assert report.labels[3]["volume_error_percent"] == pytest.approx(100 * (1.1**3 - 1))
    assert report.labels[3]["voxel_distance_mm"]["maximum"] == pytest.approx(np.linalg.norm([0.5, 1.5, 4.0]) * 0.1,
                                                                             rel=0.01)
    assert "difference from the volume of the voxels in %" in {check.name for check in report.missed_aims}


def test_a_structure_without_a_surface_fails() -> None:
    image = box_of_voxels()
    values = sitk.GetArrayFromImage(image)
    values[0, 0, 0] = 2
    with_speck = sitk.GetImageFromArray(values)
    with_speck.CopyInformation(image)
    report = check_surfaces(mesh_of_the_box(image, 1.0), with_speck)
    assert [check.where for check in report.failures] == [("2",)]
