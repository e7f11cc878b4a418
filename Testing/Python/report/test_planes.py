"""Planes look at the patient as radiologists do, whatever way the image is stored."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.report.planes import Plane, edge_letters, three_planes

SIZE = 200


@pytest.fixture(scope="module")
def planes(heart_image: sitk.Image, heart_labels: sitk.Image) -> list[Plane]:
    return three_planes(heart_image, heart_labels, SIZE)[0]


def outline_of(plane: Plane, structure: str) -> np.ndarray:
    """Pixels (y, x) in about the color of a structure's outline."""
    color = np.array(BY_ID[structure].color) / 255
    return np.argwhere(np.abs(plane.picture - color).max(axis=2) < 0.1)


def test_planes_have_the_letters_of_radiological_convention(planes: list[Plane]) -> None:
    assert [(plane.name, plane.letters) for plane in planes] == [
        ("Axial", ("R", "L", "A", "P")),
        ("Coronal", ("R", "L", "H", "F")),
        ("Sagittal", ("A", "P", "H", "F")),
    ]


def test_the_left_ventricle_is_on_the_right_of_the_axial_and_coronal_plane(planes: list[Plane]) -> None:
    for plane in planes[:2]:
        assert outline_of(plane, "LV")[:, 1].mean() > outline_of(plane, "RV")[:, 1].mean() + 20


def test_the_left_atrium_is_posterior_and_above(planes: list[Plane]) -> None:
    axial, _, sagittal = planes
    assert outline_of(axial, "LA")[:, 0].mean() > outline_of(axial, "LV")[:, 0].mean() + 20
    assert outline_of(sagittal, "LA")[:, 1].mean() > outline_of(sagittal, "LV")[:, 1].mean() + 20
    assert outline_of(sagittal, "LA")[:, 0].mean() < outline_of(sagittal, "LV")[:, 0].mean() - 10


def test_outlines_have_the_size_of_the_structure(heart_image: sitk.Image, heart_labels: sitk.Image) -> None:
    planes, millimeters = three_planes(heart_image, heart_labels, SIZE)
    columns = outline_of(planes[1], "MYO")[:, 1]
    assert np.ptp(columns) * millimeters == pytest.approx(2 * 28, abs=4)


@pytest.mark.parametrize("stored", ["RAS", "PIR", "SLA", "ARI"])
def test_storage_order_does_not_matter(
    stored: str, planes: list[Plane], heart_image: sitk.Image, heart_labels: sitk.Image
) -> None:
    again, _ = three_planes(sitk.DICOMOrient(heart_image, stored), sitk.DICOMOrient(heart_labels, stored), SIZE)
    assert [plane.letters for plane in again] == [plane.letters for plane in planes]
    for plane, same in zip(planes, again, strict=True):
        assert np.abs(plane.picture - same.picture).mean() < 0.01


def test_an_oblique_stack_is_called_so_and_names_both_directions(
    heart_image: sitk.Image, heart_labels: sitk.Image
) -> None:
    turned_image, turned_labels = sitk.Image(heart_image), sitk.Image(heart_labels)
    cosine, sine = np.cos(np.radians(30)), np.sin(np.radians(30))
    for turned in (turned_image, turned_labels):
        turned.SetDirection([cosine, -sine, 0, sine, cosine, 0, 0, 0, 1])
    axial, coronal, _ = three_planes(turned_image, turned_labels, SIZE)[0]
    assert (axial.name, coronal.name) == ("Axial", "Coronal, oblique")
    assert axial.letters == ("RA", "LP", "AL", "PR")


def test_letters_of_the_patient_axes() -> None:
    assert edge_letters(np.array([1.0, 0, 0]), np.array([0, 0, -1.0])) == ("R", "L", "H", "F")
