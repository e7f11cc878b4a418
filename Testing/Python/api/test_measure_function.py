"""From a 4-D label map in a file to function, tables and reports."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib import api
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.measurement import FunctionChoices
from random_models import write_cine, write_ct

SIDES = (12, 11, 10, 8, 6, 7, 9, 11)


def heart(side: int, left: bool = True) -> sitk.Image:
    """Left ventricle as a cube of `side` voxels in its myocardium, right ventricle beside it."""
    voxels = np.zeros((24, 24, 32), np.uint8)
    voxels[3:21, 3:21, 3:21] = 2
    voxels[5:5 + side, 5:5 + side, 5:5 + side] = 1 if left else 2
    voxels[5:5 + side, 5:5 + side, 22:30] = 3
    return sitk.GetImageFromArray(voxels)


def write_labels(path: Path, frames: list[sitk.Image], step_s: float = 0.1) -> Path:
    sitk.WriteImage(sitk.JoinSeries(frames, 0.0, step_s), str(path))
    return path


@pytest.fixture
def beating(tmp_path: Path) -> Path:
    return write_labels(tmp_path / "cine.nii.gz", [heart(side) for side in SIDES])


def test_a_label_map_over_time_has_a_function(beating: Path) -> None:
    found = api.function(beating)
    assert (found.ed_index, found.es_index) == (0, 4)
    assert found.ventricles["LV"].ejection_fraction_percent == pytest.approx(100 * (1 - 6**3 / 12**3))
    assert found.ventricles["RV"].ejection_fraction_percent == pytest.approx(75.0)
    assert found.heart_rate == pytest.approx(75.0)


def test_a_chosen_phase_and_heart_rate_are_used(beating: Path) -> None:
    found = api.function(beating, choices=FunctionChoices(heart_rate=100, end_systole=3))
    assert found.ventricles["LV"].cardiac_output_l_min == pytest.approx((12**3 - 8**3) / 1000 * 0.1)


def test_one_frame_has_no_function(tmp_path: Path) -> None:
    sitk.WriteImage(heart(8), str(tmp_path / "heart.nii.gz"))
    with pytest.raises(InputError, match="two frames"):
        api.function(tmp_path / "heart.nii.gz")


def test_csv_keeps_its_columns_and_adds_those_of_function(beating: Path, tmp_path: Path) -> None:
    sitk.WriteImage(heart(8), str(tmp_path / "still.nii.gz"))
    api.measure_to_file([tmp_path / "still.nii.gz"], tmp_path / "still.csv")
    api.measure_to_file([beating], tmp_path / "cine.csv", choices=FunctionChoices(height_cm=180, weight_kg=80))
    with (tmp_path / "still.csv").open(newline="") as file:
        usual = next(csv.reader(file))
    with (tmp_path / "cine.csv").open(newline="") as file:
        table = csv.DictReader(file)
        rows = list(table)
    assert list(table.fieldnames or []) == [*usual, "quantity", "value", "unit", "remark"]
    volumes = [row for row in rows if not row["quantity"]]
    assert len(volumes) == 7 * len(SIDES)
    assert all(row["volume_mL"] for row in volumes)
    function = {(row["structure"], row["quantity"]): row for row in rows if row["quantity"]}
    assert float(function["LV", "Ejection fraction"]["value"]) == pytest.approx(87.5)
    assert function["LV", "Ejection fraction"]["source"] == str(beating)
    assert function["LV", "End-diastolic volume index"]["unit"] == "mL/m2"
    assert function["LV", "Ejection fraction"]["volume_mL"] == ""


def test_json_has_functions_only_where_a_heart_beats(beating: Path, tmp_path: Path) -> None:
    sitk.WriteImage(heart(8), str(tmp_path / "still.nii.gz"))
    api.measure_to_file([tmp_path / "still.nii.gz", beating], tmp_path / "both.json")
    content = json.loads((tmp_path / "both.json").read_text())
    assert len(content["label_maps"]) == 1 + len(SIDES)
    assert [entry["source"] for entry in content["functions"]] == [str(beating)]
    api.measure_to_file([tmp_path / "still.nii.gz"], tmp_path / "one.json")
    assert "functions" not in json.loads((tmp_path / "one.json").read_text())


def test_volumes_without_a_left_ventricle_are_measured_and_the_reason_is_said(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "right.nii.gz", [heart(8, left=False), heart(6, left=False)])
    (found,) = api.measure_to_file([path], tmp_path / "right.csv")
    assert found.function is None
    assert len(found.frames) == 2
    assert found.warnings[0].startswith("No left ventricle")


def test_what_only_function_uses_is_not_dropped_in_silence(tmp_path: Path) -> None:
    sitk.WriteImage(heart(8), str(tmp_path / "still.nii.gz"))
    (found,) = api.measure_to_file([tmp_path / "still.nii.gz"], tmp_path / "a.csv", choices=FunctionChoices(60.0))
    assert "not used" in found.warnings[0]


@pytest.mark.parametrize("choices", [FunctionChoices(heart_rate=0), FunctionChoices(height_cm=1.8),
                                     FunctionChoices(weight_kg=0)])
def test_impossible_numbers_stop_before_anything_is_read(choices: FunctionChoices, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not possible"):
        api.measure_to_file([tmp_path / "never_read.nii.gz"], tmp_path / "a.csv", choices=choices)


@pytest.mark.parametrize("ending", [".html", ".pdf"])
def test_a_label_map_has_a_report(beating: Path, tmp_path: Path, ending: str) -> None:
    api.measure_to_file([beating], tmp_path / "a.csv", report=tmp_path / f"page{ending}")
    assert (tmp_path / f"page{ending}").stat().st_size > 10_000


def without_orientation(source: Path, path: Path) -> Path:
    """Writes a NIfTI file again as one that says nothing about how the patient lay: qform and sform codes of 0."""
    image = bytearray(gzip.decompress(source.read_bytes()))
    image[252:256] = bytes(4)
    path.write_bytes(image)
    return path


def test_pictures_of_a_label_map_that_does_not_say_how_the_patient_lay_name_no_sides(
    beating: Path, tmp_path: Path
) -> None:
    lost = without_orientation(beating, tmp_path / "lost.nii")
    for labels, named in ((beating, True), (lost, False)):
        api.measure_to_file([labels], tmp_path / "a.csv", report=tmp_path / "page.html", force=True)
        assert ("Sides of the patient are not marked" in (tmp_path / "page.html").read_text("utf-8")) != named


def test_a_report_that_cannot_be_written_leaves_no_table(beating: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.html").write_text("mine")
    for report, labels, said in ((tmp_path / "mine.html", [beating], "exists already"),
                                 (tmp_path / "page.docx", [beating], "no known ending"),
                                 (tmp_path / "page.html", [beating, beating], "about one label map")):
        with pytest.raises(UsageError, match=said):
            api.measure_to_file(labels, tmp_path / "a.csv", report=report)
    assert not (tmp_path / "a.csv").exists()
    assert (tmp_path / "mine.html").read_text() == "mine"


@pytest.fixture
def models(user_data: Path) -> api.SegmentationModels:
    return api.SegmentationModels(device="cpu")


def test_a_segmented_scan_has_a_report_in_a_folder_that_is_made(tmp_path: Path, models: api.SegmentationModels) -> None:
    done = api.segment_to_file(write_ct(tmp_path / "scan.nii.gz"), tmp_path / "heart.nii.gz", models,
                               report=tmp_path / "pages")
    assert done.report == tmp_path / "pages" / "heart.html"
    text = done.report.read_text("utf-8")
    assert "scan.nii.gz" in text
    assert models.description.split(";")[0] in text
    assert str(tmp_path) not in text
    assert done.to_dict()["report"] == str(done.report)
    assert done.function is None


def test_pictures_of_a_scan_that_does_not_say_how_the_patient_lay_name_no_sides(
    tmp_path: Path, models: api.SegmentationModels
) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    for source, named in ((scan, True), (without_orientation(scan, tmp_path / "lost.nii"), False)):
        done = api.segment_to_file(source, tmp_path / "heart.nii.gz", models, report=tmp_path / "pages", force=True)
        assert done.report is not None
        text = done.report.read_text("utf-8")
        assert ("the heart from the front left." in text) == named
        assert ("Sides of the patient are not marked" in text) != named


def test_a_segmented_cine_has_a_function_or_says_why_not(tmp_path: Path, models: api.SegmentationModels) -> None:
    done = api.segment_to_file(write_cine(tmp_path / "cine.nii.gz"), tmp_path / "heart.nii.gz", models)
    if done.volumes_ml["LV"].count(0.0) == len(done.volumes_ml["LV"]):
        assert any("No left ventricle" in sentence for sentence in done.warnings)
    else:
        assert done.function is not None
        assert list(done.function.curve["LV"]) == pytest.approx(done.volumes_ml["LV"])
        assert set(done.function.warnings) <= set(done.warnings)


def test_an_existing_report_stops_the_work_before_it_starts(tmp_path: Path, models: api.SegmentationModels) -> None:
    (tmp_path / "heart.html").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        api.segment_to_file(write_ct(tmp_path / "scan.nii.gz"), tmp_path / "heart.nii.gz", models, report=tmp_path)
    assert not models.loaded
    assert not (tmp_path / "heart.nii.gz").exists()


@pytest.mark.parametrize("spacing", [(1.5, 1.5, 1.5), (1.4, 1.4, 8.0)])
@pytest.mark.parametrize("degrees", [0.0, 25.0])
def test_the_ejection_fraction_of_an_ellipsoid_is_known(tmp_path: Path, spacing: tuple[float, float, float],
                                                        degrees: float) -> None:
    turn = sitk.Euler3DTransform()
    turn.SetRotation(*[np.deg2rad(degrees)] * 3)
    matrix = np.array(turn.GetMatrix()).reshape(3, 3)
    axes = [(np.arange(round(110 / step)) - 55 / step + 0.3) * step for step in spacing]
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    points = np.stack([x, y, z], -1) @ matrix.T
    frames = []
    for half_axes in ((26.0, 26.0, 45.0), (18.0, 18.0, 38.0)):
        left = sitk.GetImageFromArray((((points / half_axes) ** 2).sum(-1) <= 1.0).astype(np.uint8))
        left.SetSpacing(spacing)
        left.SetDirection(matrix.ravel().tolist())
        frames.append(left)
    found = api.function(write_labels(tmp_path / "phantom.nii.gz", frames))
    truth = 100 * (1 - 18**2 * 38 / (26**2 * 45))
    assert found.ventricles["LV"].ejection_fraction_percent == pytest.approx(truth, abs=2.0)
    assert found.ventricles["LV"].edv_ml == pytest.approx(4 / 3 * np.pi * 26**2 * 45 / 1000, rel=0.02)
