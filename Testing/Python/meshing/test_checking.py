"""Bad label maps are refused in words, and facts about good ones are right."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from analytic_heart import AO, MYO, analytic_heart
from HeartSeg3DLib.errors import DeviceError, InputError
from HeartSeg3DLib.meshing.checking import (
    check_edge,
    check_labels,
    check_memory,
    field_memory,
    pitch_warnings,
    suggested_pitch,
)


def box(value: int = 1, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> sitk.Image:
    voxels = np.zeros((20, 20, 20), np.uint8)
    voxels[5:15, 5:15, 5:15] = value
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing)
    return image


def sheared() -> sitk.Image:
    image = box()
    image.SetDirection((1.0, 0.3, 0.0, 0.0, 0.95, 0.0, 0.0, 0.0, 1.0))
    return image


@pytest.mark.parametrize(("image", "words"), [
    (sitk.Image(8, 8, 8, sitk.sitkUInt8), "empty"),
    (box()[:, :, 5:6], "only 1 slice,"),
    (box()[:, :, 5:7], "only 2 slices,"),
    (box()[8:11, :, :], "only 3 slices,"),
    (sheared(), "sheared"),
    (sitk.Cast(box(), sitk.sitkFloat32) + 0.5, "fractional"),
    (sitk.Cast(box(), sitk.sitkInt16) * 500, "labels are between"),
    (sitk.Cast(box(), sitk.sitkInt16) * -1, "labels are between"),
    (sitk.Image([4, 4], sitk.sitkUInt8), "3-D"),
])
def test_what_cannot_be_meshed_is_refused(image: sitk.Image, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        check_labels(image)
    assert caught.value.remedy


def test_the_smallest_structures_are_refused() -> None:
    image = sitk.Image(8, 8, 8, sitk.sitkUInt8)
    image[3, 3, 3] = 1
    with pytest.raises(InputError, match=r"only 1 voxel\."):
        check_labels(image)


def test_labels_on_a_few_slices_of_many_are_refused() -> None:
    voxels = np.zeros((20, 20, 20), np.uint8)
    voxels[5:8, 5:15, 5:15] = 1
    with pytest.raises(InputError, match="The structures are on only 3 slices"):
        check_labels(sitk.GetImageFromArray(voxels))
    voxels[8, 9, 9] = 2
    assert check_labels(sitk.GetImageFromArray(voxels)).counts == {1: 300, 2: 1}


def test_whole_numbers_stored_as_floats_are_labels() -> None:
    assert check_labels(sitk.Cast(box(), sitk.sitkFloat32)).counts == {1: 1000}


def test_labels_that_are_missing_or_unknown_are_named() -> None:
    sentences = " ".join(check_labels(box(99), asked=(1,)).warnings)
    assert "Left ventricle cavity" in sentences
    assert "99" in sentences


def test_the_area_at_the_border_is_measured() -> None:
    facts = check_labels(box(AO, (1.0, 2.0, 3.0))[:, :, :12])
    assert facts.cut == {AO: pytest.approx(10 * 10 * 2.0)}
    assert "Aorta is cut by the image border over 2.0 cm²" in facts.warnings[0]


def test_the_pitch_follows_voxels_and_walls() -> None:
    thick = analytic_heart((2.0, 2.0, 2.0))
    assert suggested_pitch(thick, check_labels(thick)) == 1.0
    thin = analytic_heart((1.5, 1.5, 1.5), wall=1.6)
    facts = check_labels(thin)
    assert facts.wall_mm[MYO] == pytest.approx(1.6, rel=0.3)
    assert suggested_pitch(thin, facts) == pytest.approx(facts.wall_mm[MYO] / 2)
    assert "myocardium" in pitch_warnings(facts, 1.5)[0]
    assert pitch_warnings(facts, suggested_pitch(thin, facts)) == []


def test_edges_longer_than_a_structure_are_refused() -> None:
    voxels = np.zeros((30, 30, 30), np.uint8)
    voxels[3:27, 3:27, 3:27], voxels[10:15, 10:15, 10:15] = 1, AO
    voxels[20, 20, 20] = 20  # a stray voxel is nothing that anybody looks for
    facts = check_labels(sitk.GetImageFromArray(voxels))
    assert facts.extent_mm == {1: 24.0, AO: 5.0, 20: 1.0}
    check_edge(facts, 5.0)
    with pytest.raises(InputError, match=r"longer than a whole structure: Aorta\.") as caught:
        check_edge(facts, 5.1)
    assert "mm or less" in caught.value.remedy


def test_a_pitch_too_fine_for_the_memory_is_refused_with_one_that_fits() -> None:
    labels = box()
    check_memory(labels, 0.5, 2 * field_memory(labels, 0.5))
    with pytest.raises(DeviceError, match="GB") as caught:
        check_memory(labels, 0.05, 10**8)
    fits = float(caught.value.remedy.split(" mm")[0].split()[-1])
    assert field_memory(labels, fits) < 10**8


def test_stray_voxels_do_not_make_the_whole_mesh_finer() -> None:
    labels = box()
    labels[1, 1, 1] = 20
    large = sitk.Resample(labels, (60, 60, 60), sitk.Transform(), sitk.sitkNearestNeighbor)
    large[20:50, 20:50, 20:50] = 1
    assert suggested_pitch(large, check_labels(large)) == 1.0
