"""Marks of structures: what is cut or in pieces is amber, everything else is grey."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.trust import structure_marks


def label_map(voxels: np.ndarray, orientation: str = "LPS") -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((2.0, 2.0, 2.0))
    return sitk.DICOMOrient(image, orientation)


@pytest.fixture
def voxels() -> np.ndarray:
    """A 40 mm heart in an 80 mm image: nothing cut, everything in one piece."""
    voxels = np.zeros((40, 40, 40), np.uint8)
    voxels[10:20, 10:20, 10:20] = 1
    voxels[20:30, 10:20, 10:20] = 3
    return voxels


def marks_of(labels: sitk.Image, **choices: bool) -> dict[str, tuple[str, str]]:
    return {mark.id: (mark.level, mark.sentence) for mark in structure_marks(labels, **choices)}


def test_seven_structures_are_grey_when_nothing_is_wrong(voxels: np.ndarray) -> None:
    marks = marks_of(label_map(voxels))
    assert list(marks) == ["LV", "MYO", "RV", "LA", "RA", "AO", "PA"]
    assert marks["LV"] == ("grey", "Left ventricle cavity: not judged.")
    assert marks["PA"] == ("grey", "Pulmonary artery: not found in this scan.")


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "SRA", "AIL"])
def test_a_cut_names_the_side_of_the_patient_in_every_storage_order(voxels: np.ndarray, orientation: str) -> None:
    voxels[:10, 10:20, 10:20] = 3
    marks = marks_of(label_map(voxels, orientation))
    assert marks["RV"][0] == "amber"
    assert "cut by the lower border of the scan" in marks["RV"][1]
    assert marks["LV"][0] == "grey"


def test_sides_are_not_named_where_the_orientation_is_unknown(voxels: np.ndarray) -> None:
    voxels[:20, 10:20, 10:20] = 1
    voxels[20:30, 10:20, :20] = 3
    marks = marks_of(label_map(voxels), orientation_known=False)
    assert marks["LV"] == ("amber", "Left ventricle cavity: cut by the border of the scan.")
    assert marks["RV"] == ("amber", "Right ventricle cavity: cut by the border of the scan.")


def test_a_touch_of_a_few_voxels_is_no_cut(voxels: np.ndarray) -> None:
    voxels[:10, 15, 15] = 1
    assert marks_of(label_map(voxels))["LV"][0] == "grey"


def test_a_second_piece_counts_from_one_milliliter_and_one_percent(voxels: np.ndarray) -> None:
    voxels[32:34, 32:34, 32:34] = 1  # 0.06 mL
    assert marks_of(label_map(voxels))["LV"][0] == "grey"
    voxels[32:38, 32:38, 32:38] = 1  # 1.7 mL of 9.7
    assert marks_of(label_map(voxels))["LV"] == (
        "amber", "Left ventricle cavity: in 2 separate pieces, the second of 1.7 mL.")


def test_a_second_piece_is_found_in_large_images_too() -> None:
    voxels = np.zeros((120, 120, 121), np.uint8)
    voxels[10:60, 10:60, 10:60], voxels[70:111, 70:111, 70:111] = 1, 1
    level, sentence = marks_of(label_map(voxels))["LV"]
    assert (level, "551.4 mL" in sentence) == ("amber", True), sentence
    voxels[60:70, 60:70, 60:70] = 1
    assert marks_of(label_map(voxels))["LV"][0] == "grey"


def test_pieces_that_touch_at_a_corner_are_one(voxels: np.ndarray) -> None:
    voxels[30:40, 20:30, 20:30] = 3
    level, sentence = marks_of(label_map(voxels))["RV"]
    assert level == "amber"
    assert "upper border" in sentence
    assert "pieces" not in sentence


def test_an_image_over_time_is_refused() -> None:
    with pytest.raises(InputError, match="three-dimensional"):
        structure_marks(sitk.Image([4, 4, 4, 2], sitk.sitkUInt8))
