from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from command_line import NOTE, assert_failed_in_words, call


def write_ball(path: Path, shift: int = 0, value: int = 1) -> None:
    path.parent.mkdir(exist_ok=True)
    z, y, x = np.indices((16, 16, 16)) - 8
    voxels = ((z**2 + y**2 + (x - shift) ** 2) < 25).astype(np.uint8) * value
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[object, ...]:
    write_ball(tmp_path / "pred" / "case1.nii.gz")
    write_ball(tmp_path / "ref" / "case1.nii.gz", shift=1)
    return ("--pred", tmp_path / "pred", "--ref", tmp_path / "ref", "-o", tmp_path / "out")


def test_scores_are_written_and_shown(tmp_path: Path, folders: tuple[object, ...]) -> None:
    result = call("evaluate", *folders)
    assert result.exit_code == 0, result.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    dice = summary["structures"]["LV"]["dice_mean"]
    assert 0.5 < dice < 1.0
    assert f"{dice:.3f}" in result.stdout
    assert NOTE in result.stdout.lower()
    assert_failed_in_words(call("evaluate", *folders), 2, "exists already")
    assert json.loads(call("evaluate", *folders, "--force", "--json").stdout)["n_cases"] == 1


def test_cases_without_a_partner_and_unusable_pairs_are_named(tmp_path: Path, folders: tuple[object, ...]) -> None:
    write_ball(tmp_path / "pred" / "alone.nii.gz")
    write_ball(tmp_path / "pred" / "odd.nii.gz")
    write_ball(tmp_path / "ref" / "odd.nii.gz", value=200)
    result = call("evaluate", *folders)
    assert result.exit_code == 3
    assert "Error: odd: " in result.stderr
    assert "alone" in result.stderr
    assert (tmp_path / "out" / "cases.csv").is_file()


def test_folders_that_do_not_match_leave_nothing(tmp_path: Path) -> None:
    write_ball(tmp_path / "pred" / "a.nii.gz")
    write_ball(tmp_path / "ref" / "b.nii.gz")
    result = call("evaluate", "--pred", tmp_path / "pred", "--ref", tmp_path / "ref", "-o", tmp_path / "out")
    assert_failed_in_words(result, 3, "has the name of a file")
    assert not (tmp_path / "out").exists()
