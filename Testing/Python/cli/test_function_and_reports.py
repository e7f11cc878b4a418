from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from command_line import assert_failed_in_words, call
from random_models import write_cine, write_ct


@pytest.fixture
def beating(tmp_path: Path) -> Path:
    return write_beating(tmp_path / "cine.nii.gz")


def write_beating(path: Path, slice_distance_mm: float = 1.0) -> Path:
    """Writes a 4-D label map of a heart made of boxes."""
    frames = []
    for side in (12, 10, 7, 6, 8, 11):
        voxels = np.zeros((24, 24, 32), np.uint8)
        voxels[3:21, 3:21, 3:21] = 2
        voxels[5:5 + side, 5:5 + side, 5:5 + side] = 1
        voxels[5:5 + side, 5:5 + side, 22:22 + side // 2] = 3
        frames.append(sitk.GetImageFromArray(voxels))
        frames[-1].SetSpacing((1.0, 1.0, slice_distance_mm))
    sitk.WriteImage(sitk.JoinSeries(frames), str(path))
    return path


def test_the_function_of_a_cine_is_written_and_shown(beating: Path, tmp_path: Path) -> None:
    result = call("measure", beating, "-o", tmp_path / "cine.csv", "--heart-rate", 60, "--height", 180, "--weight", 80)
    assert result.exit_code == 0, result.stderr
    with (tmp_path / "cine.csv").open(newline="") as file:
        rows = {(row["structure"], row["quantity"]): row["value"] for row in csv.DictReader(file)}
    assert float(rows["LV", "Ejection fraction"]) == pytest.approx(87.5)
    assert float(rows["LV", "Cardiac output"]) == pytest.approx((12**3 - 6**3) / 1000 * 0.06, abs=1e-4)
    assert float(rows["", "Body surface area"]) == pytest.approx(2.0)
    for said in ("Ejection fraction", "87.5", "End-diastole is frame 0, end-systole frame 3", "Heart rate 60"):
        assert said in result.stdout
    assert "Warning: " in result.stderr


@pytest.mark.parametrize(("distance", "far"), [(8.0, False), (10.0, True)])
def test_an_ejection_fraction_from_slices_far_apart_says_so_beside_itself(tmp_path: Path, distance: float,
                                                                          far: bool) -> None:
    cine = write_beating(tmp_path / "cine.nii.gz", distance)
    result = call("measure", cine, "-o", tmp_path / "cine.csv", "--report", tmp_path / "cine.html")
    remark = "uncertain: slices 10 mm apart"
    (line,) = [line for line in result.stdout.splitlines() if "Ejection fraction" in line]
    assert (f"Ejection fraction ({remark})" in line) == far
    assert ("Warning: The slices lie 10 mm apart" in result.stderr) == far
    with (tmp_path / "cine.csv").open(newline="") as file:
        remarks = {row["quantity"]: row["remark"] for row in csv.DictReader(file)}
    assert remarks["Ejection fraction"] == (remark if far else "")
    page = (tmp_path / "cine.html").read_text(encoding="utf-8")
    headline = page[page.index('<dl class="numbers">'):page.index("</dl>")]
    assert headline.count(f'<dd class="doubt">{remark}</dd>') == (2 if far else 0)
    assert ("The slices lie 10 mm apart" in page) == far


def test_phases_can_be_chosen_and_json_says_so(beating: Path, tmp_path: Path) -> None:
    result = call("measure", beating, "-o", tmp_path / "cine.json", "--end-diastole", 5, "--end-systole", 2, "--json")
    (function,) = json.loads(result.stdout)["functions"]
    assert function["end_diastole"] == {"frame": 5, "by_hand": True}
    assert json.loads((tmp_path / "cine.json").read_text())["functions"] == [function]


@pytest.mark.parametrize("report", ["page.html", "page.pdf"])
def test_measure_writes_a_report(beating: Path, tmp_path: Path, report: str) -> None:
    arguments = ("measure", beating, "-o", tmp_path / "cine.csv", "--report", tmp_path / report)
    result = call(*arguments)
    assert result.exit_code == 0, result.stderr
    assert str(tmp_path / report) in result.stdout
    if report.endswith(".html"):
        said = re.sub("<.*?>", "", (tmp_path / report).read_text("utf-8"))
        assert said.count("A label map alone does not tell how far it can be trusted") == 1
    else:
        assert (tmp_path / report).read_bytes().startswith(b"%PDF")
    (tmp_path / "cine.csv").unlink()
    assert_failed_in_words(call(*arguments), 2, f"{report} exists already")
    assert call(*arguments, "--force").exit_code == 0


@pytest.mark.parametrize(("options", "said"), [
    (("--heart-rate", 0), "heart rate of 0"), (("--height", 1.8, "--weight", 80), "looks like meters"),
    (("--end-systole", 9), "no frame 9 for end-systole"), (("--report", "page.txt"), "no known ending")])
def test_wrong_numbers_are_explained_and_nothing_is_written(beating: Path, tmp_path: Path, options: tuple[object, ...],
                                                            said: str) -> None:
    assert_failed_in_words(call("measure", beating, "-o", tmp_path / "cine.csv", *options), 2, said)
    assert not (tmp_path / "cine.csv").exists()


@pytest.mark.usefixtures("user_data")
def test_segment_writes_a_report_for_each_scan(tmp_path: Path) -> None:
    scans = [write_ct(tmp_path / "one.nii.gz"), write_cine(tmp_path / "two.nii.gz")]
    result = call("segment", *scans, "-o", tmp_path / "labels", "--report", tmp_path / "pages", "--json")
    assert result.exit_code == 0, result.stderr
    assert sorted(page.name for page in (tmp_path / "pages").iterdir()) == ["one.html", "two.html"]
    results = json.loads(result.stdout)["results"]
    assert [Path(entry["report"]).name for entry in results] == ["one.html", "two.html"]
    assert results[0]["function"] is None


@pytest.mark.usefixtures("user_data")
@pytest.mark.parametrize(("name", "begins"), [("page.html", b"<!DOCTYPE html>"), ("PAGE.PDF", b"%PDF-")])
def test_segment_writes_a_report_into_the_file_that_is_named(tmp_path: Path, name: str, begins: bytes) -> None:
    scan, page = write_ct(tmp_path / "one.nii.gz"), tmp_path / name
    result = call("segment", scan, "-o", tmp_path / "heart.nii.gz", "--quality", "best", "--report", page)
    assert result.exit_code == 0, result.stderr
    assert str(page) in result.stdout.splitlines()
    assert page.read_bytes().startswith(begins)
    if name.endswith("html"):
        assert "7.23 mm and 5.78 mm voxels" in page.read_text("utf-8")
    again = call("segment", scan, "-o", tmp_path / "other.nii.gz", "--report", page)
    assert_failed_in_words(again, 2, f"{name} exists already")
    assert not (tmp_path / "other.nii.gz").exists()


@pytest.mark.usefixtures("user_data")
@pytest.mark.parametrize(("report", "said"), [
    ("page.docx", "A report cannot be written as page.docx."), ("none/page.pdf", "none does not exist"),
    ("none/pages", "none does not exist"), ("one.nii.gz/page.pdf", "one.nii.gz is not a folder")])
def test_a_report_that_cannot_be_is_refused_before_any_work(tmp_path: Path, report: str, said: str) -> None:
    result = call("segment", write_ct(tmp_path / "one.nii.gz"), "-o", tmp_path / "heart.nii.gz", "--report",
                  tmp_path / report)
    assert_failed_in_words(result, 2, said)
    assert "Reading the scan" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["one.nii.gz"]


@pytest.mark.usefixtures("user_data")
def test_reports_of_several_scans_need_a_folder(tmp_path: Path) -> None:
    scans = [write_ct(tmp_path / "one.nii.gz"), write_ct(tmp_path / "two.nii.gz")]
    result = call("segment", *scans, "-o", tmp_path / "labels", "--report", tmp_path / "page.html")
    assert_failed_in_words(result, 2, "The reports of 2 scans cannot go into one file, page.html.")
    assert not (tmp_path / "labels").exists()


@pytest.mark.usefixtures("user_data")
@pytest.mark.parametrize("words", [
    ("segment", "one.nii.gz", "-o", "heart.nii.gz", "--mesh", "page.stl"),
    ("segment", "one.nii.gz", "two.nii.gz", "-o", "page.html"),
    ("mesh", "one.nii.gz", "-o", "page.vtu"), ("demo", "-o", "page.pdf"),
    ("generate", "-n", "1", "-o", "page.nii.gz"),
    ("evaluate", "--pred", ".", "--ref", ".", "-o", "page.html")])
def test_no_command_makes_a_folder_with_the_name_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                           words: tuple[str, ...]) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one.nii.gz", "two.nii.gz"):
        write_ct(Path(name))
    assert_failed_in_words(call(*words), 2, "is the name of a file, and a folder is needed there.")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.nii.gz", "two.nii.gz"]
