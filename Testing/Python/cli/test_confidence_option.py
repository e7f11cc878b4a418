"""`heartseg segment --confidence` in words: where the map goes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import SimpleITK as sitk

from command_line import assert_failed_in_words, call
from HeartSeg3DLib.trust import TRUST_FILE
from HeartSeg3DLib.trust.light import Light
from random_models import ct_like, same_grid, write_ct
from random_trust import write_trust


@pytest.fixture
def package(user_data: Path) -> Path:
    return user_data / "models" / "random-segmenter"


def test_the_map_and_the_doubts_are_told(tmp_path: Path, package: Path) -> None:
    write_trust(package)
    result = call("segment", write_ct(tmp_path / "scan.nrrd"), "-o", tmp_path / "heart.nrrd",
                  "--confidence", tmp_path / "sure.nrrd", "--json")
    assert result.exit_code == 0, result.stderr
    entry, = json.loads(result.stdout)["results"]
    assert entry["confidence"] == str(tmp_path / "sure.nrrd")
    assert entry["trust"][0]["is_unusual"] is True
    assert same_grid(sitk.ReadImage(entry["confidence"]), ct_like())
    assert "Warning: The image is unlike those that the model knows: look at every structure." in result.stderr
    assert entry["doubts"]
    said = result.stderr.splitlines()
    lights = [Light(**light).text for light in (entry["verdict"], *entry["doubts"])]
    first = said.index(lights[0])
    assert said[first:first + len(lights)] == lights


def test_several_scans_fill_a_folder(tmp_path: Path, package: Path) -> None:
    write_trust(package)
    scans = [write_ct(tmp_path / f"{name}.nrrd") for name in ("one", "two")]
    result = call("segment", *scans, "-o", tmp_path / "hearts", "--confidence", tmp_path / "sure")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "sure").iterdir()) == ["one_confidence.nii.gz",
                                                                         "two_confidence.nii.gz"]
    refused = call("segment", *scans, "-o", tmp_path / "others", "--confidence", tmp_path / "sure.nrrd")
    assert_failed_in_words(refused, 2, "cannot go into one file")
    assert not (tmp_path / "others").exists()


def test_a_model_without_a_trust_file_has_no_map(tmp_path: Path, package: Path) -> None:
    result = call("segment", write_ct(tmp_path / "scan.nrrd"), "-o", tmp_path / "heart.nrrd",
                  "--confidence", tmp_path / "sure.nrrd")
    assert_failed_in_words(result, 4, "was never measured")
    assert not list(tmp_path.glob("heart*"))


@pytest.mark.parametrize(("options", "exit_code", "said"), [
    ((), 4, "is damaged: its entry 'format' is missing"), (("--quality", "fast"), 2, "not measured at quality 'fast'")])
def test_that_there_is_no_map_is_said_once_before_any_scan_is_read(
    tmp_path: Path, package: Path, options: tuple[str, ...], exit_code: int, said: str
) -> None:
    (package / TRUST_FILE).write_text("{}", encoding="utf-8")
    scans = [write_ct(tmp_path / f"{name}.nrrd") for name in ("one", "two")]
    result = call("segment", *scans, "-o", tmp_path / "hearts", "--confidence", tmp_path / "sure", *options)
    assert_failed_in_words(result, exit_code, said)
    assert result.stderr.count("Error: ") == 1
    assert "Reading the scan" not in result.stderr
    assert not (tmp_path / "hearts").exists()


def test_calibration_refuses_too_few_cases_and_an_existing_file(tmp_path: Path, package: Path) -> None:
    few = call("train", "calibrate", package, "--cases", "5")
    assert_failed_in_words(few, 2, "too few")
    write_trust(package)
    there = call("train", "calibrate", package, "--work", tmp_path / "work")
    assert_failed_in_words(there, 2, "exists already")
    assert not (tmp_path / "work").exists()
    unknown = call("train", "calibrate", "nothing")
    assert_failed_in_words(unknown, 4, "nothing")
