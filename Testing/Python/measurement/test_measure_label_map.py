"""Volumes, mass and border flags of label maps whose answer is known."""

import math

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.measurement import measure


def label_map(array, spacing=(1.0, 1.0, 1.0), direction=None):
    image = sitk.GetImageFromArray(array.astype(np.uint8))
    image.SetSpacing(spacing)
    if direction is not None:
        image.SetDirection(direction)
    return image


@pytest.fixture
def nested_spheres():
    """LV of radius 20 mm inside a wall of 10 mm, at 1.2 x 0.9 x 0.8 mm (x, y, z)."""
    z, y, x = np.meshgrid(
        (np.arange(90) - 44.6) * 0.8, (np.arange(80) - 39.7) * 0.9, (np.arange(60) - 29.8) * 1.2, indexing="ij"
    )
    radius = np.sqrt(z**2 + y**2 + x**2)
    array = np.where(radius <= 20, 1, np.where(radius <= 30, 2, 0))
    return label_map(array, (1.2, 0.9, 0.8))


def test_volumes_and_mass_of_nested_spheres(nested_spheres):
    result = measure(nested_spheres)
    cavity, whole = (4 / 3 * math.pi * r**3 / 1000 for r in (20, 30))
    assert result["LV"].volume_ml == pytest.approx(cavity, rel=0.005)
    assert result["MYO"].volume_ml == pytest.approx(whole - cavity, rel=0.005)
    assert result["MYO"].mass_g == pytest.approx(1.05 * result["MYO"].volume_ml)
    assert result["LV"].mass_g is None
    assert result["LV"].diameter_mm is None


def test_the_seven_structures_always_have_a_row_and_others_only_when_present():
    array = np.zeros((6, 6, 6))
    array[2:4, 2:4, 2:4] = 12
    array[1, 1, 1] = 103
    array[4, 4, 4] = 42
    rows = list(measure(label_map(array)))
    assert [row.id for row in rows] == ["LV", "MYO", "RV", "LA", "RA", "AO", "PA", "LAA", "LABEL_42", "RV_WALL"]
    assert [row.voxels for row in rows] == [0] * 7 + [8, 1, 1]
    assert rows[5].diameter_mm == 0.0
    assert rows[1].mass_g == 0.0


def test_lesions_count_into_the_mass_of_the_wall():
    array = np.zeros((12, 12, 12))
    array[1:11, 1:11, 1:11] = 2
    array[2:4, 2:4, 2:4] = 20
    result = measure(label_map(array))
    assert result["MYO"].volume_ml == pytest.approx(0.992)
    assert result["MYO"].mass_g == pytest.approx(1.05)


def test_volume_follows_the_determinant_in_left_handed_and_oblique_frames():
    array = np.zeros((8, 9, 10))
    array[2:6, 2:6, 2:6] = 3
    spacing = (0.5, 2.0, 3.0)
    angle = math.radians(33)
    cos, sin = math.cos(angle), math.sin(angle)
    left_handed_oblique = (cos, sin, 0, sin, -cos, 0, 0, 0, 1)
    straight, turned = (measure(label_map(array, spacing, d))["RV"] for d in (None, left_handed_oblique))
    assert straight.volume_ml == pytest.approx(64 * 3.0 / 1000)
    assert turned.volume_ml == pytest.approx(straight.volume_ml)


def test_aorta_and_pulmonary_artery_have_diameters_on_anisotropic_voxels():
    z, y, x = np.meshgrid(np.arange(30) * 2.0, np.arange(90) * 0.8, np.arange(70) * 1.0, indexing="ij")
    aorta = (y - 20.3) ** 2 + (x - 20.1) ** 2 <= 14.0**2
    artery = (y - 52.2) ** 2 + (z - 30.4) ** 2 <= 11.0**2
    array = np.where(aorta, 6, np.where(artery, 7, 0))
    result = measure(label_map(array, (1.0, 0.8, 2.0)))
    assert result["AO"].diameter_mm == pytest.approx(28.0, abs=0.3)
    assert result["PA"].diameter_mm == pytest.approx(22.0, abs=0.4)


def test_a_structure_cut_by_the_image_says_so():
    array = np.zeros((8, 8, 8))
    array[0, 3, 3] = 4
    array[3, 3, 7] = 5
    array[3, 3, 3] = 1
    result = measure(label_map(array))
    assert result["LA"].touches_border
    assert result["RA"].touches_border
    assert not result["LV"].touches_border
    assert not result["PA"].touches_border


def test_any_integer_type_measures_the_same():
    array = np.zeros((6, 6, 6))
    array[1:5, 1:5, 1:5] = 2
    image = label_map(array)
    kinds = [sitk.sitkUInt8, sitk.sitkInt8, sitk.sitkUInt16, sitk.sitkInt16, sitk.sitkInt32, sitk.sitkInt64]
    assert {measure(sitk.Cast(image, kind))["MYO"].voxels for kind in kinds} == {64}


def test_an_image_instead_of_a_label_map_is_refused():
    noise = np.random.default_rng(0).integers(0, 2000, (20, 20, 20))
    for array in (noise.astype(np.int16), noise.astype(np.int16) - 1000, noise.astype(np.float32)):
        with pytest.raises(InputError, match=r"[Ll]abel map"):
            measure(sitk.GetImageFromArray(array))


def test_a_4d_map_is_refused():
    with pytest.raises(InputError, match="3-D"):
        measure(sitk.Image([4, 4, 4, 2], sitk.sitkUInt8))


def test_a_prior_heart_has_plausible_numbers(shared_data):
    result = measure(sitk.ReadImage(str(shared_data / "priors" / "fourchamber_healthy_labels.nii.gz")))
    assert 60 < result["LV"].volume_ml < 250
    assert 60 < result["MYO"].mass_g < 250
    assert 20 < result["AO"].diameter_mm < 40
    assert result["RV_WALL"].voxels > 0
