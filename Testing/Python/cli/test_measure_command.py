from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from command_line import NOTE, assert_failed_in_words, call


@pytest.fixture
def heart(tmp_path: Path) -> Path:
    voxels = np.zeros((20, 20, 20), np.uint8)
    voxels[2:12, 2:12, 2:12], voxels[0:4, 15:19, 15:19] = 2, 6
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "heart.nii.gz"))
    return tmp_path / "heart.nii.gz"


def test_volumes_and_mass_are_written_and_shown(tmp_path: Path, heart: Path) -> None:
    result = call("measure", heart, "-o", tmp_path / "volumes.csv")
    assert result.exit_code == 0, result.stderr
    with (tmp_path / "volumes.csv").open() as file:
        rows = {row["structure"]: row for row in csv.DictReader(file)}
    assert float(rows["MYO"]["volume_mL"]) == pytest.approx(1.0)
    assert float(rows["MYO"]["mass_g"]) == pytest.approx(1.05)
    assert rows["LV"]["note"] == NOTE
    assert "Left ventricle myocardium" in result.stdout
    assert "Cut off by the border of the image, so perhaps larger: Aorta." in result.stdout
    assert NOTE in result.stdout.lower()


@pytest.mark.parametrize("shape", [(8, 8, 8), (3, 8, 8, 8)])
def test_a_label_map_without_a_heart_is_said_so(tmp_path: Path, shape: tuple[int, ...]) -> None:
    empty = tmp_path / "empty.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros(shape, np.uint8), isVector=False), str(empty))
    result = call("measure", empty, "-o", tmp_path / "empty.csv")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines() == ["Warning: empty.nii.gz holds none of the structures of the heart."]


def test_json_output_and_json_summary(tmp_path: Path, heart: Path) -> None:
    result = call("measure", heart, heart, "-o", tmp_path / "volumes.json", "--json")
    assert len(json.loads((tmp_path / "volumes.json").read_text())["label_maps"]) == 2
    summary = json.loads(result.stdout)
    assert summary["output"] == str(tmp_path / "volumes.json")
    assert [row["id"] for row in summary["label_maps"][0]["rows"]][:2] == ["LV", "MYO"]


def test_a_scheme_gives_foreign_values_their_meaning(tmp_path: Path, heart: Path) -> None:
    (tmp_path / "mine.csv").write_text("value,structure\n2,LV\n6,background\n")
    call("measure", heart, "-o", tmp_path / "volumes.json", "--scheme", tmp_path / "mine.csv")
    rows = json.loads((tmp_path / "volumes.json").read_text())["label_maps"][0]["structures"]
    assert [row["voxels"] for row in rows if row["voxels"]] == [1000]
    result = call("measure", heart, "-o", tmp_path / "other.csv", "--scheme", "unknown")
    assert_failed_in_words(result, 2, "scheme unknown is unknown")


def test_existing_tables_need_force(tmp_path: Path, heart: Path) -> None:
    (tmp_path / "volumes.csv").write_text("mine")
    assert_failed_in_words(call("measure", heart, "-o", tmp_path / "volumes.csv"), 2, "exists already")
    assert (tmp_path / "volumes.csv").read_text() == "mine"
    assert call("measure", heart, "-o", tmp_path / "volumes.csv", "--force").exit_code == 0
