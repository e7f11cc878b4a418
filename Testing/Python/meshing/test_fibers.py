"""Fibers by rule on ellipsoids whose answer is known, and on hearts that cannot have any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from ellipsoid_wall import EllipsoidWall, confocal, degrees_between, flat_based
from HeartSeg3DLib.errors import CancelledError, InputError, UsageError
from HeartSeg3DLib.meshing.fibers import FiberAngles, with_fibers
from HeartSeg3DLib.meshing.fibers.frames import axis_frames, interpolated, turned
from HeartSeg3DLib.meshing.fibers.laplace import LaplaceSolver
from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh
from HeartSeg3DLib.meshing.patches import name_patches
from HeartSeg3DLib.meshing.quality.fiber_angles import measure_fibers
from HeartSeg3DLib.meshing.tetra import tetra_mesh

Patches = dict[str, NDArray[np.intp]]
LV, MYO, RV, RIGHT_WALL = 1, 2, 3, 103


@pytest.fixture(scope="module")
def wall() -> EllipsoidWall:
    return flat_based()


@pytest.fixture(scope="module")
def ventricle(wall: EllipsoidWall) -> tuple[TetraMesh, Patches]:
    return wall.mesh(5, 24, 32)


@pytest.fixture(scope="module")
def with_directions(ventricle: tuple[TetraMesh, Patches]) -> TetraMesh:
    return with_fibers(*ventricle)


def centers(mesh: TetraMesh) -> NDArray[np.float64]:
    return mesh.points[mesh.tetrahedra].mean(axis=1)


def septal(mesh: TetraMesh, patches: Patches) -> tuple[TetraMesh, Patches]:
    """The outside where x > 8 mm becomes the endocardium of a right ventricle."""
    middle = mesh.points[mesh.surface.triangles].mean(axis=1)
    epicardium = patches["EPI"]
    right = middle[epicardium, 0] > 8.0
    return mesh, {**patches, "EPI": epicardium[~right], "RV_ENDO": epicardium[right]}


def test_fibers_of_an_ellipsoid_are_known(wall: EllipsoidWall, with_directions: TetraMesh) -> None:
    expected = wall.fibers(centers(with_directions), 60.0, -60.0)
    error = degrees_between(with_directions.fields["fiber"], expected)
    assert error.mean() < 2.0
    assert np.percentile(error, 99) < 6.0


@pytest.mark.parametrize(("inner", "outer"), [(80.0, -40.0), (40.0, -50.0), (90.0, -90.0), (0.0, 0.0)])
def test_angles_can_be_chosen(
    wall: EllipsoidWall, ventricle: tuple[TetraMesh, Patches], inner: float, outer: float
) -> None:
    mesh = with_fibers(*ventricle, FiberAngles(inner, outer))
    assert degrees_between(mesh.fields["fiber"], wall.fibers(centers(mesh), inner, outer)).mean() < 3.0


def test_sheets_turn_about_the_fibers(wall: EllipsoidWall, ventricle: tuple[TetraMesh, Patches]) -> None:
    mesh = with_fibers(*ventricle, FiberAngles(60.0, -60.0, 30.0, 30.0))
    fiber, sheet = mesh.fields["fiber"], mesh.fields["sheet"]
    assert np.abs(np.einsum("ij,ij->i", fiber, sheet)).max() < 1e-9
    assert np.linalg.norm(sheet, axis=1) == pytest.approx(1.0)
    outward = wall.frames(centers(mesh))[0][:, :, 2]
    tilt = degrees_between(sheet, outward)
    assert np.median(tilt) == pytest.approx(30.0, abs=1.0)
    upright = with_fibers(*ventricle, FiberAngles(60.0, -60.0, 0.0, 0.0))
    assert degrees_between(upright.fields["sheet"], outward).mean() < 3.0


def test_depth_and_height_go_from_zero_to_one(
    wall: EllipsoidWall, ventricle: tuple[TetraMesh, Patches], with_directions: TetraMesh
) -> None:
    mesh, patches = ventricle
    depth, height = with_directions.fields["transmural"], with_directions.fields["apicobasal"]
    triangles = mesh.surface.triangles
    assert (depth[triangles[patches["LV_ENDO"]]] == 0.0).all()
    assert (height[triangles[patches["BASE"]]] == 1.0).all()
    assert height[mesh.points[:, 2].argmin()] == 0.0
    expected = wall.frames(centers(mesh))[1]
    assert np.abs(depth[mesh.tetrahedra].mean(axis=1) - expected).mean() < 0.02


def test_septal_fibers_turn_from_the_left_to_the_right_endocardium(
    wall: EllipsoidWall, ventricle: tuple[TetraMesh, Patches]
) -> None:
    mesh = with_fibers(*septal(*ventricle))
    places = centers(mesh)
    septum = (places[:, 0] > 15.0) & (np.abs(places[:, 1]) < 10.0) & (places[:, 2] > -30.0)
    expected = wall.fibers(places[septum], 60.0, -60.0)
    assert degrees_between(mesh.fields["fiber"][septum], expected).mean() < 4.0
    free = places[:, 0] < -8.0
    assert degrees_between(mesh.fields["fiber"][free], wall.fibers(places[free], 60.0, -60.0)).mean() < 2.0
    right = mesh.surface.triangles[septal(*ventricle)[1]["RV_ENDO"]]
    assert np.median(mesh.fields["transmural"][right]) == 0.0


def test_a_right_free_wall_is_turned_as_the_left_one(
    wall: EllipsoidWall, ventricle: tuple[TetraMesh, Patches]
) -> None:
    mesh, patches = ventricle
    middle = mesh.points[mesh.surface.triangles[patches["LV_ENDO"]]].mean(axis=1)
    right = middle[:, 0] > 5.0
    endocardium = patches["LV_ENDO"]
    labels = np.where(centers(mesh)[:, 0] > 5.0, RIGHT_WALL, 2).astype(np.int16)
    both = with_fibers(replace(mesh, labels=labels),
                       {**patches, "LV_ENDO": endocardium[~right], "RV_ENDO": endocardium[right]})
    places = centers(mesh)
    free = places[:, 0] > 12.0
    error = degrees_between(both.fields["fiber"][free], wall.fibers(places[free], 60.0, -60.0))
    assert error.mean() < 3.0


def test_fibers_turn_with_the_heart(
    ventricle: tuple[TetraMesh, Patches], with_directions: TetraMesh
) -> None:
    mesh, patches = ventricle
    turn = np.diag([1.0, -1.0, -1.0])
    points = mesh.points @ turn + 100.0
    turned_mesh = TetraMesh(points, mesh.tetrahedra, mesh.labels,
                            SurfaceMesh(points, mesh.surface.triangles, mesh.surface.labels))
    found = with_fibers(turned_mesh, patches).fields["fiber"]
    assert degrees_between(found, with_directions.fields["fiber"] @ turn).max() < 0.1


def test_cavities_have_no_fibers(ventricle: tuple[TetraMesh, Patches]) -> None:
    mesh, patches = ventricle
    labels = mesh.labels.copy()
    top = mesh.points[mesh.tetrahedra][:, :, 2].max(axis=1) > 14.0
    labels[top] = RV
    bare = replace(mesh, labels=labels)
    rim = np.flatnonzero(np.isin(mesh.surface.triangles, mesh.tetrahedra[~top]).any(axis=1)
                         & np.isin(mesh.surface.triangles, mesh.tetrahedra[top]).any(axis=1))
    found = with_fibers(bare, {**patches, "BASE": rim})
    assert (found.fields["fiber"][top] == 0.0).all()
    assert np.linalg.norm(found.fields["fiber"][~top], axis=1) == pytest.approx(1.0)
    tissue = np.zeros(len(mesh.points), bool)
    tissue[mesh.tetrahedra[~top]] = True
    assert (np.isnan(found.fields["transmural"]) == ~tissue).all()


@pytest.mark.parametrize(("missing", "words"),
                         [("LV_ENDO", "left endocardium"), ("EPI", "epicardium"), ("BASE", "base")])
def test_a_missing_surface_is_named(ventricle: tuple[TetraMesh, Patches], missing: str, words: str) -> None:
    mesh, patches = ventricle
    with pytest.raises(InputError, match=words) as failure:
        with_fibers(mesh, {name: chosen for name, chosen in patches.items() if name != missing})
    assert failure.value.remedy


def without_a_slab(mesh: TetraMesh, low: float, high: float) -> TetraMesh:
    """The tissue between two heights in mm becomes a cavity."""
    heights = mesh.points[mesh.tetrahedra][:, :, 2]
    gap = (heights.max(axis=1) > low) & (heights.min(axis=1) < high)
    return replace(mesh, labels=np.where(gap, RV, mesh.labels).astype(np.int16))


def test_tissue_in_parts_is_refused(ventricle: tuple[TetraMesh, Patches]) -> None:
    mesh, patches = ventricle
    with pytest.raises(InputError, match="2 separate parts"):
        with_fibers(without_a_slab(mesh, -12.0, -8.0), patches)


def test_an_island_has_no_fibers_and_stops_nobody(ventricle: tuple[TetraMesh, Patches]) -> None:
    mesh, patches = ventricle
    apart = without_a_slab(mesh, -57.9, -57.0)
    found = with_fibers(apart, patches)
    fibers = np.linalg.norm(found.fields["fiber"], axis=1) > 0.0
    island = (mesh.points[mesh.tetrahedra][:, :, 2].max(axis=1) <= -57.9) & (apart.labels != RV)
    assert 0 < island.sum() < 0.01 * len(island)
    assert (fibers == ((apart.labels != RV) & ~island)).all()


def test_where_only_the_image_ends_the_base_is_there(ventricle: tuple[TetraMesh, Patches]) -> None:
    mesh, patches = ventricle
    cut = {**{name: chosen for name, chosen in patches.items() if name != "BASE"}, "MYO_CUT": patches["BASE"]}
    np.testing.assert_array_equal(with_fibers(mesh, cut).fields["fiber"], with_fibers(mesh, patches).fields["fiber"])


def test_a_rim_of_the_base_that_is_named_epicardium_does_no_harm(
    wall: EllipsoidWall, ventricle: tuple[TetraMesh, Patches]
) -> None:
    mesh, patches = ventricle
    triangles = mesh.surface.triangles
    rim = np.isin(triangles[patches["BASE"]], triangles[patches["LV_ENDO"]]).any(axis=1)
    assert rim.any()
    found = with_fibers(mesh, {**patches, "BASE": patches["BASE"][~rim],
                               "EPI": np.sort(np.concatenate([patches["EPI"], patches["BASE"][rim]]))})
    top = centers(mesh)[:, 2] > 8.0
    error = degrees_between(found.fields["fiber"], wall.fibers(centers(mesh), 60.0, -60.0))[top]
    assert error.mean() < 3.0
    assert error.max() < 15.0


def test_progress_is_told_and_stops_the_work_where_it_raises(ventricle: tuple[TetraMesh, Patches]) -> None:
    told: list[float] = []
    with_fibers(*ventricle, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert len(told) > 10

    def enough(part: float) -> None:
        if part > 0.3:
            raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        with_fibers(*ventricle, progress=enough)


def test_a_mesh_without_myocardium_is_refused(ventricle: tuple[TetraMesh, Patches]) -> None:
    mesh, patches = ventricle
    with pytest.raises(InputError, match="no ventricular myocardium"):
        with_fibers(replace(mesh, labels=np.full_like(mesh.labels, RV)), patches)


@pytest.mark.parametrize("angle", [90.1, float("nan")])
def test_impossible_angles_are_refused(angle: float) -> None:
    with pytest.raises(UsageError, match="out of range"):
        FiberAngles(endocardium=angle)


def test_laplace_between_confocal_ellipsoids_is_solved_exactly() -> None:
    shape = confocal()
    mesh, patches = shape.mesh(5, 25, 32)
    fixed = np.zeros(len(mesh.points), bool)
    values = np.zeros(len(mesh.points))
    for name, value in (("LV_ENDO", 0.0), ("EPI", 1.0)):
        nodes = mesh.surface.triangles[patches[name]]
        fixed[nodes], values[nodes] = True, value
    solver = LaplaceSolver(mesh.points, mesh.tetrahedra)
    found = solver.solve(fixed, values)[mesh.tetrahedra].mean(axis=1)
    frames, depth = shape.frames(centers(mesh))
    assert np.abs(found - depth).mean() < 0.01
    slopes = solver.gradients(solver.solve(fixed, values))
    slopes /= np.linalg.norm(slopes, axis=1, keepdims=True)
    assert degrees_between(slopes, frames[:, :, 2]).mean() < 1.5


def test_gradients_of_a_linear_field_are_exact(ventricle: tuple[TetraMesh, Patches]) -> None:
    mesh, _ = ventricle
    solver = LaplaceSolver(mesh.points, mesh.tetrahedra)
    slope = np.array([0.3, -1.2, 0.7])
    assert solver.gradients(mesh.points @ slope) == pytest.approx(np.tile(slope, (len(mesh.tetrahedra), 1)))


def test_frames_meet_in_the_middle_by_the_shortest_way() -> None:
    up, out, share = np.array([[0.0, 0.0, 1.0]]), np.array([[1.0, 0.0, 0.0]]), np.array([0.5])
    level = axis_frames(up, out)
    assert level.as_matrix()[0] == pytest.approx(np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]))
    none = np.zeros(1)
    between = interpolated(turned(level, np.array([40.0]), none), turned(level, np.array([-20.0]), none), share)
    assert between.as_matrix() == pytest.approx(turned(level, np.array([10.0]), none).as_matrix())
    opposite = turned(level, np.array([160.0]), none)
    across = interpolated(turned(level, np.array([-40.0]), none), opposite, share).as_matrix()[0, :, 0]
    assert abs(across @ turned(level, np.array([-30.0]), none).as_matrix()[0, :, 0]) == pytest.approx(1.0)


def test_a_short_axis_stack_has_its_base_at_the_largest_opening_of_the_cavity() -> None:
    z, y, x = np.indices((34, 36, 36)) - np.array([28, 17.5, 17.5])[:, None, None, None]
    distance = np.hypot(np.hypot(x, y), 0.6 * z)
    voxels = np.where(distance < 9, LV, np.where(distance < 14, MYO, 0)).astype(np.uint8)
    voxels[28:] = 0
    side = voxels[20:28, 14:22, :18]  # the wall is missing on a side of the basal slices
    side[side == MYO] = 0
    labels = sitk.GetImageFromArray(voxels)
    labels.SetSpacing((2.0, 2.0, 2.0))
    mesh = tetra_mesh(labels, 5.0)
    patches = name_patches(mesh.surface)
    assert len(patches["LV_OPENING"]) > len(patches["BASE"]) > 20
    tops = mesh.points[mesh.surface.triangles[patches["BASE"]], 2]
    assert np.abs(tops - tops.max()).max() < 4.0
    assert measure_fibers(with_fibers(mesh, patches), patches).left[0].median == pytest.approx(53.0, abs=10.0)
