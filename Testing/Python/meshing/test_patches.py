"""Every triangle has one name, and names follow anatomy, cuts and flat ends."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from analytic_heart import HIGH, LEFT_BASE, LOW, analytic_heart
from HeartSeg3DLib.meshing.label_field import label_field
from HeartSeg3DLib.meshing.mesh import SurfaceMesh
from HeartSeg3DLib.meshing.patch_names import JOINT, kind_of
from HeartSeg3DLib.meshing.patches import name_patches
from HeartSeg3DLib.meshing.planes import image_border, triangle_planes
from HeartSeg3DLib.meshing.surface import surface_mesh

Patches = dict[str, np.ndarray]
TURNED = tuple(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.4, -0.5, 0.6).GetMatrix())


@pytest.fixture(scope="module")
def heart() -> tuple[SurfaceMesh, Patches]:
    labels = analytic_heart((2.0, 2.0, 2.0))
    mesh = surface_mesh(label_field(labels, 2.0))
    return mesh, name_patches(mesh, image_border(labels))


def test_every_triangle_has_one_name(heart: tuple[SurfaceMesh, Patches]) -> None:
    mesh, patches = heart
    together = np.sort(np.concatenate(list(patches.values())))
    np.testing.assert_array_equal(together, np.arange(len(mesh.triangles)))


@pytest.mark.parametrize(("name", "pair"), [
    ("MV", (1, 4)), ("TV", (3, 5)), ("AV", (1, 6)), ("PV", (3, 7)), ("LV_ENDO", (1, 2)), ("LA_AO", (4, 6)),
])
def test_pairs_of_labels_have_their_names(heart: tuple[SurfaceMesh, Patches], name: str, pair: tuple[int, int]) -> None:
    mesh, patches = heart
    np.testing.assert_array_equal(patches[name], np.flatnonzero((mesh.labels == pair).all(axis=1)))


def test_a_cavity_without_wall_has_its_endocardium_outside(heart: tuple[SurfaceMesh, Patches]) -> None:
    mesh, patches = heart
    assert {tuple(pair) for pair in mesh.labels[patches["RV_ENDO"]].tolist()} == {(2, 3), (3, 0)}


def test_the_base_is_the_plane_of_the_mitral_valve(heart: tuple[SurfaceMesh, Patches]) -> None:
    mesh, patches = heart
    centers, normals, _ = triangle_planes(mesh.points, mesh.triangles)
    cut = patches["BASE"][mesh.labels[patches["BASE"], 1] == 0]
    assert len(cut) > 50
    assert np.abs(centers[cut, 2] - LEFT_BASE).max() < 5
    assert normals[cut, 2].min() > 0.8
    assert centers[patches["EPI"], 2].min() < -48


def test_vessels_have_outlets_where_they_end_flat(heart: tuple[SurfaceMesh, Patches]) -> None:
    mesh, patches = heart
    centers, normals, areas = triangle_planes(mesh.points, mesh.triangles)
    ends = {"AO_OUTLET": ((-26, -34, 58), 12.0), "PA_OUTLET": ((0, -28, 72), 10.5)}
    assert {name for name in patches if "OUTLET" in name} == set(ends)
    for name, (middle, radius) in ends.items():
        end = patches[name]
        np.testing.assert_allclose(centers[end].mean(axis=0), middle, atol=2.0)
        assert 0.6 < areas[end].sum() / (np.pi * radius**2) < 1.2
        assert np.linalg.norm(normals[end].mean(axis=0)) > 0.95


@pytest.mark.parametrize("direction", [(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), TURNED])
def test_what_the_image_border_cuts_is_named(direction: tuple[float, ...]) -> None:
    whole = analytic_heart((2.0, 2.0, 2.0), high=HIGH, low=LOW)
    whole.SetDirection(direction)
    cut = whole[:, :, 15:35]  # through the ventricles below the base
    mesh = surface_mesh(label_field(cut, 2.0))
    patches = name_patches(mesh, image_border(cut))
    assert {"LV_CUT_1", "LV_CUT_2", "MYO_CUT_1", "MYO_CUT_2", "RV_CUT_1", "RV_CUT_2"} <= set(patches)
    _, normals, areas = triangle_planes(mesh.points, mesh.triangles)
    voxels = sitk.GetArrayViewFromImage(cut)
    expected = sorted([np.count_nonzero(voxels[side] == 1) * 4.0 for side in (0, -1)])
    found = sorted(areas[patches[f"LV_CUT_{number}"]].sum() for number in (1, 2))
    np.testing.assert_allclose(found, expected, rtol=0.15)
    along = np.reshape(direction, (3, 3))[:, 2]
    assert np.abs(normals[patches["LV_CUT_1"]] @ along).min() >= 0.9


@pytest.mark.parametrize("margin", [0, 1])
def test_what_only_comes_near_the_image_border_is_not_cut_by_it(margin: int) -> None:
    voxels = np.pad(np.full((20, 20, 20), 3, np.uint8), ((margin, 9), (9, 9), (9, 9)))
    labels = sitk.GetImageFromArray(voxels)
    mesh = surface_mesh(label_field(labels, 2.0))
    assert ("RV_CUT" in name_patches(mesh, image_border(labels))) == (margin == 0)


def test_walls_have_inner_and_outer_sides() -> None:
    voxels = np.zeros((26, 26, 26), np.uint8)
    for value, low, high in ((103, 3, 23), (3, 6, 20)):
        voxels[low:high, low:high, low:high] = value
    voxels[10:14, 10:14, 20:23] = 3  # a hole in the wall
    mesh = surface_mesh(label_field(sitk.GetImageFromArray(voxels), 1.0))
    assert set(name_patches(mesh)) == {"RV_ENDO", "EPI", "RV_OPENING"}


@pytest.mark.parametrize(("cavity", "wall", "name"), [
    (4, 104, "LA_ENDO"), (4, 105, "LA_ENDO"), (6, 107, "AO_LUMEN"), (7, 106, "PA_LUMEN"), (3, 105, "RV_ENDO"),
    (1, 106, "LV_ENDO"),
])
def test_blood_against_any_wall_is_its_own_endocardium(cavity: int, wall: int, name: str) -> None:
    assert name_between(cavity, wall) == name


@pytest.mark.parametrize("tissue", [2, 21, 103])
@pytest.mark.parametrize("other", [4, 5, 6, 7, 8, 12, 13, 104, 105, 106, 107])
def test_ventricular_tissue_against_atria_and_vessels_is_the_base(tissue: int, other: int) -> None:
    assert name_between(tissue, other) == "BASE"


@pytest.mark.parametrize(("tissue", "other", "name"), [
    (2, 40, "MYO_LABEL40"), (20, 40, "SCAR_LABEL40"), (103, 40, "LABEL40_RV_WALL"), (2, 103, "MYO_RV_WALL"),
])
def test_ventricular_tissue_against_anything_else_is_no_base(tissue: int, other: int, name: str) -> None:
    """A pericardium or a lead would be clamped in mechanics, and fibers would begin there."""
    assert name_between(tissue, other) == name
    assert kind_of(name) is JOINT


def name_between(one: int, other: int) -> str:
    """Return the name of the wall between two blocks."""
    voxels = np.zeros((14, 14, 24), np.uint8)
    voxels[3:11, 3:11, 3:12], voxels[3:11, 3:11, 12:21] = one, other
    mesh = surface_mesh(label_field(sitk.GetImageFromArray(voxels), 1.0))
    between = (mesh.labels == sorted((one, other))).all(axis=1)
    assert between.any()
    names = {name for name, triangles in name_patches(mesh).items() if between[triangles].any()}
    assert len(names) == 1
    return names.pop()
