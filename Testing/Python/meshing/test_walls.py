"""Walls take background only, have the thickness asked for, and leave cuts and flat ends open."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from analytic_heart import AO, RV, analytic_heart
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.meshing.label_field import label_field
from HeartSeg3DLib.meshing.patches import name_patches
from HeartSeg3DLib.meshing.planes import Disk
from HeartSeg3DLib.meshing.surface import surface_mesh
from HeartSeg3DLib.meshing.walls import WALL_MM, add_walls, hole_sentences, walls_to_grow

AO_WALL, RV_WALL = 106, 103


@pytest.fixture(scope="module")
def heart() -> sitk.Image:
    return analytic_heart((1.5, 1.5, 1.5))


def tube(spacing: float = 0.5) -> sitk.Image:
    """A vessel of 8 mm radius along z, from 5 mm to 35 mm of 40 mm."""
    count = int(40 / spacing)
    z, y, x = (np.indices((count,) * 3) + 0.5) * spacing
    image = sitk.GetImageFromArray((np.hypot(x - 20, y - 20) < 8).astype(np.uint8) * AO * (np.abs(z - 20) < 15))
    image.SetSpacing((spacing,) * 3)
    image.SetOrigin((spacing / 2,) * 3)
    return sitk.Cast(image, sitk.sitkUInt8)


def test_walls_take_background_only(heart: sitk.Image) -> None:
    before, after = (sitk.GetArrayFromImage(image) for image in (heart, add_walls(heart).labels))
    changed = before != after
    assert not before[changed].any()
    assert set(np.unique(after[changed])) == {103, 104, 105, 106, 107}


def test_a_wall_is_as_thick_as_asked_for() -> None:
    walled = add_walls(tube(), {AO: 3.0})
    voxels = sitk.GetArrayFromImage(walled.labels)
    middle = np.count_nonzero(voxels[40] == AO_WALL) * 0.25
    assert middle == pytest.approx(np.pi * (11**2 - 8**2), rel=0.06)
    assert walled.measured_mm[AO_WALL] == pytest.approx(3.0, abs=0.3)
    assert "3.0 mm asked for" in walled.sentences[0]


def test_ends_of_vessels_stay_open() -> None:
    ends = {AO: [Disk(np.array([20.0, 20.0, 35.0]), np.array([0.0, 0.0, 1.0]), 8.0)]}
    voxels = sitk.GetArrayFromImage(add_walls(tube(), {AO: 2.0}, ends).labels)
    assert not (voxels[70:] == AO_WALL).any()
    assert (voxels[:10] == AO_WALL).any()
    assert (voxels[68] == AO_WALL).any()


def test_an_end_opens_no_wall_beside_the_vessel_that_its_plane_passes_through() -> None:
    aside = {AO: [Disk(np.array([60.0, 20.0, 20.0]), np.array([0.0, 0.0, 1.0]), 8.0)]}
    voxels, whole = (sitk.GetArrayFromImage(add_walls(tube(), {AO: 2.0}, ends).labels) for ends in (aside, {}))
    np.testing.assert_array_equal(voxels, whole)


def test_a_wall_in_a_crevice_goes_to_the_structures_around_it() -> None:
    voxels = np.zeros((24, 24, 40), np.uint8)
    voxels[4:20, 4:20, 4:20] = RV
    voxels[4:20, 4:20, 20:36] = AO
    voxels[10:14, 10:14, 2] = 2  # a plug of myocardium in the wall, and a hollow behind it
    voxels[10:14, 10:14, 3] = 2
    voxels[11:13, 11:13, 3] = 0
    walled = add_walls(sitk.GetImageFromArray(voxels), {RV: 2.0})
    grown = sitk.GetArrayFromImage(walled.labels)
    assert not (grown[11:13, 11:13, 3] == RV_WALL).any()
    assert (grown[11:13, 11:13, 3] > 0).all()
    assert "crevices" in walled.sentences[0]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_thread_of_wall_goes_to_the_tissue_it_runs_into_and_the_rest_of_the_wall_stays(axis: int) -> None:
    voxels = np.zeros((20, 20, 20), np.uint8)
    voxels[5:15, 5:15, 5:15] = RV
    voxels[2:18, 2:18, 15:18] = 2
    voxels[10, 10, 15:18] = 0  # a canal through the myocardium
    along = np.moveaxis(voxels, 2, axis)
    walled = add_walls(sitk.GetImageFromArray(np.ascontiguousarray(along)), {RV: 3.0})
    grown = np.moveaxis(sitk.GetArrayFromImage(walled.labels), axis, 2)
    assert (grown[10, 10, 16:18] == 2).all(), "one voxel beside the cavity touches nothing but the thread"
    assert (grown[3:17, 3:17, 4] == RV_WALL).all()


def test_walls_do_not_depend_on_how_much_background_is_around_the_heart(heart: sitk.Image) -> None:
    narrow, wide = add_walls(heart), add_walls(sitk.ConstantPad(heart, (7, 12, 3), (9, 2, 5)))
    size = heart.GetSize()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(narrow.labels),
                                  sitk.GetArrayFromImage(wide.labels)[3:][:size[2], 12:, 7:][:, :size[1], :size[0]])
    assert narrow.measured_mm == wide.measured_mm


def test_the_nearest_cavity_gets_a_voxel_between_two() -> None:
    voxels = np.zeros((12, 12, 24), np.uint8)
    voxels[2:10, 2:10, 2:10], voxels[2:10, 2:10, 14:22] = RV, AO
    walled = sitk.GetArrayFromImage(add_walls(sitk.GetImageFromArray(voxels), {RV: 3.0, AO: 3.0}).labels)
    assert walled[5, 5, 10:14].tolist() == [RV_WALL, RV_WALL, AO_WALL, AO_WALL]


def test_a_wall_that_is_there_and_an_absent_cavity_are_left_alone() -> None:
    voxels = np.zeros((12, 12, 12), np.uint8)
    voxels[4:8, 4:8, 4:8], voxels[4:8, 4:8, 8] = AO, AO_WALL
    walled = add_walls(sitk.GetImageFromArray(voxels), WALL_MM)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(walled.labels), voxels)
    assert walled.asked_mm == {}
    assert walled.sentences == ("Aortic wall: in the label map already, and kept as it is.",)


def test_a_wall_has_no_holes_between_thick_slices() -> None:
    spacing = np.array([3.0, 0.5, 0.5])
    places = (np.indices((20, 100, 100)).transpose(1, 2, 3, 0) - [9.5, 49.5, 49.5]) * spacing
    image = sitk.GetImageFromArray((np.linalg.norm(places, axis=-1) < 18.0).astype(np.uint8) * RV)
    image.SetSpacing(spacing[::-1].tolist())
    walled = add_walls(image, {RV: 2.0})
    voxels = sitk.GetArrayFromImage(walled.labels)
    assert not (ndimage.binary_dilation(voxels == RV) & (voxels == 0)).any()
    volume = np.count_nonzero(voxels == RV_WALL) * spacing.prod()
    assert volume == pytest.approx(4.0 / 3.0 * np.pi * (20.0**3 - 18.0**3), rel=0.15)  # slices round it up


def test_a_wall_with_a_hole_is_told_about() -> None:
    voxels = np.zeros((26, 26, 26), np.uint8)
    voxels[3:23, 3:23, 3:23], voxels[6:20, 6:20, 6:20] = RV_WALL, RV
    for hole in (False, True):
        if hole:
            voxels[9:15, 9:15, 20:23] = RV
        mesh = surface_mesh(label_field(sitk.GetImageFromArray(voxels), 1.0))
        sentences = hole_sentences(mesh, name_patches(mesh), [RV_WALL], {})
        assert len(sentences) == hole
    assert "Right ventricle wall: holes of 0.3" in sentences[0]
    assert not hole_sentences(mesh, name_patches(mesh), [AO_WALL], {})


def test_a_hole_in_a_vessels_wall_and_an_outlet_too_many_are_told_about() -> None:
    mesh = surface_mesh(label_field(analytic_heart((2.0, 2.0, 2.0)), 2.0))
    rows = {"AO_OPENING": np.arange(5), "AO_OUTLET_1": np.arange(5, 9), "AO_OUTLET_2": np.arange(9, 12)}
    hole, outlets = hole_sentences(mesh, rows, [AO_WALL], {AO_WALL: 1})
    assert "Aortic wall: holes of" in hole
    assert "open at 2 places in the mesh (AO_OUTLET_1, AO_OUTLET_2), and it grew open at 1" in outlets
    assert hole_sentences(mesh, {"AO_OUTLET": np.arange(4)}, [AO_WALL], {AO_WALL: 1}) == []


def test_a_hollow_that_a_wall_closes_is_told_about() -> None:
    voxels = np.zeros((40, 40, 40), np.uint8)
    voxels[8:32, 8:32, 8:32] = RV
    voxels[12:28, 12:28, 12:28] = 0
    voxels[18:21, 18:21, 28:32] = 0  # its mouth
    walled = add_walls(sitk.GetImageFromArray(voxels), {RV: 3.0})
    grown = np.count_nonzero(sitk.GetArrayViewFromImage(walled.labels)) - np.count_nonzero(voxels)
    assert walled.holes > 500
    assert grown > walled.holes
    assert f"When walls had grown: {walled.holes} voxels in enclosed holes went to the structures around them." \
        in walled.sentences


def test_only_walls_whose_cavity_is_there_are_to_grow() -> None:
    voxels = np.zeros((6, 6, 6), np.uint8)
    voxels[1], voxels[2], voxels[3] = RV, AO, AO_WALL
    assert walls_to_grow(sitk.GetImageFromArray(voxels), WALL_MM) == {RV: WALL_MM[RV]}


def test_a_cavity_without_free_voxels_is_reported() -> None:
    voxels = np.full((8, 8, 8), 2, np.uint8)
    voxels[3:5, 3:5, 3:5] = RV
    walled = add_walls(sitk.GetImageFromArray(voxels), {RV: 3.0})
    assert walled.measured_mm == {}
    assert "no free voxel" in walled.sentences[0]


@pytest.mark.parametrize("wanted", [{1: 10.0}, {2: 3.0}, {AO: 0.0}, {AO: 80.0}, {AO: float("nan")}])
def test_what_is_no_wall_is_refused(heart: sitk.Image, wanted: dict[int, float]) -> None:
    with pytest.raises(UsageError):
        add_walls(heart, wanted)


def test_voxels_too_large_for_the_wall_are_refused(heart: sitk.Image) -> None:
    with pytest.raises(InputError, match="half a voxel"):
        add_walls(heart, {AO: 0.5})


def test_slices_too_thick_for_the_wall_are_refused() -> None:
    image = tube()
    image.SetSpacing((0.5, 0.5, 8.0))
    with pytest.raises(InputError, match="half a voxel"):
        add_walls(image, {AO: 2.0})
    assert add_walls(image, {RV: 2.0}).asked_mm == {}, "there is no right ventricle"
