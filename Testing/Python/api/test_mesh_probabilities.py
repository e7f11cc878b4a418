"""Class probabilities are meshed as a label map is, with walls and as tetrahedra, and bad ones are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from heart_of_balls import SPACING, balls
from HeartSeg3DLib import api
from HeartSeg3DLib.api import MeshChoices, mesh_to_folder
from HeartSeg3DLib.api.segmenting import Probabilities, SegmentationChoices, segment_scan
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.imaging import ClassProbabilities, scan_of_image, write_probabilities
from HeartSeg3DLib.imaging.probabilities import class_probabilities_on
from random_models import ct_like


@pytest.fixture
def probabilities() -> ClassProbabilities:
    voxels = balls()
    shares = np.stack([ndimage.gaussian_filter((voxels == value).astype(np.float32), 0.8) for value in (1, 2, 4)], -1)
    grid = sitk.GetImageFromArray(voxels)
    grid.SetSpacing([SPACING] * 3)
    grid.SetOrigin([-30.0, 10.0, 70.0])
    return class_probabilities_on(grid, (1, 2, 4), np.rint(255 * shares).astype(np.uint8))


@pytest.fixture
def file(tmp_path: Path, probabilities: ClassProbabilities) -> Path:
    path = tmp_path / "patient.seq.nrrd"
    write_probabilities(path, probabilities)
    return path


def test_a_file_and_an_object_give_the_same_surfaces(
    file: Path, probabilities: ClassProbabilities, tmp_path: Path
) -> None:
    one = mesh_to_folder(file, tmp_path / "one")
    two = mesh_to_folder(probabilities, tmp_path / "two", title="other")
    np.testing.assert_array_equal(one.mesh.points, two.mesh.points)
    assert one.report.fit_for_use
    assert max(abs(figures["volume_error_percent"]) for figures in one.report.labels.values()) < 0.5
    from_labels = mesh_to_folder(probabilities.labels, tmp_path / "labels")
    assert from_labels.mesh.points.shape != one.mesh.points.shape or \
        not np.allclose(from_labels.mesh.points, one.mesh.points)


@pytest.mark.parametrize("volume", [False, True])
@pytest.mark.parametrize(("made_from", "words"), [("labels", "Labels of the label map"),
                                                  ("probabilities", "Class probabilities, which")])
def test_the_report_says_what_a_mesh_was_made_from_and_what_came_before(
    probabilities: ClassProbabilities, tmp_path: Path, made_from: str, words: str, volume: bool
) -> None:
    given = probabilities if made_from == "probabilities" else probabilities.labels
    made = mesh_to_folder(given, tmp_path / "out", MeshChoices(edge_mm=3.5, volume=volume), remarks=["Another failed."])
    figures = json.loads((tmp_path / "out" / "heart_report.json").read_text("utf-8"))
    page = (tmp_path / "out" / "heart_report.html").read_text("utf-8")
    assert made.made_from == figures["made_from"] == made_from
    assert made.warnings[0] == figures["warnings"][0] == "Another failed."
    assert f"<dt>Made from</dt><dd>{words}" in page
    assert "Another failed." in page


def test_walls_thinner_than_voxels_grow_on_finer_ones(file: Path, tmp_path: Path) -> None:
    meshed = mesh_to_folder(file, tmp_path / "out", MeshChoices(walls_mm={4: 0.9}, edge_mm=1.0))
    assert meshed.report.fit_for_use
    assert 104 in meshed.mesh.values
    assert max(meshed.labels.GetSpacing()) < 1.0


def test_tetrahedra_are_made_of_them(file: Path, tmp_path: Path) -> None:
    meshed = mesh_to_folder(file, tmp_path / "out", MeshChoices(edge_mm=3.5, volume=True))
    assert meshed.report.kind == "tetrahedra"
    assert meshed.report.fit_for_use


@pytest.mark.parametrize("choices", [MeshChoices(scheme="mmwhs"), MeshChoices(time_frame=0)])
def test_meanings_and_frames_are_not_asked_of_them(file: Path, tmp_path: Path, choices: MeshChoices) -> None:
    with pytest.raises(UsageError, match="class probabilities of one frame") as caught:
        mesh_to_folder(file, tmp_path / "out", choices)
    assert "--scheme" in caught.value.remedy
    assert not (tmp_path / "out").exists()


def test_probabilities_without_a_structure_are_refused(probabilities: ClassProbabilities, tmp_path: Path) -> None:
    faint = class_probabilities_on(probabilities.labels, probabilities.values, probabilities.shares // 3)
    write_probabilities(tmp_path / "faint.nrrd", faint)
    with pytest.raises(InputError, match="empty"):
        mesh_to_folder(tmp_path / "faint.nrrd", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("user_data")
def test_a_segmentation_has_them_only_where_they_were_asked_for() -> None:
    assert api.segment(ct_like()).probabilities is None
    found = api.segment(ct_like(), probabilities=True).probabilities
    assert found is not None
    assert set(found.values) <= set(range(1, 8))


@pytest.mark.usefixtures("user_data")
def test_thin_slices_have_them_only_on_demand() -> None:
    """The random model sees voxels of 6 mm; slices are 5 mm thick."""
    models = api.SegmentationModels()
    kept = [segment_scan(scan_of_image(ct_like()), models, SegmentationChoices(probabilities=wanted))[0].heart
            for wanted in (Probabilities.THICK_SLICES, Probabilities.ALWAYS)]
    assert kept[0].probabilities is None
    assert kept[1].probabilities is not None
    np.testing.assert_array_equal(*(sitk.GetArrayViewFromImage(one.labels) for one in kept))
