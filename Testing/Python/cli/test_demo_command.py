from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import SimpleITK as sitk

from command_line import NOTE, assert_failed_in_words, call
from HeartSeg3DLib.trust import NOT_JUDGED
from random_models import ct_like
from random_trust import write_trust

FILES = ["heart.nii.gz", "heart.png", "heart.seg.nrrd", "volumes.csv"]


@pytest.fixture
def in_an_empty_folder(tmp_path: Path, user_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder; a small scan stands for the embedded one and the picture is not drawn."""
    sample = user_data / "Resources" / "Samples" / "chest_ct_generated.nii.gz"
    sample.parent.mkdir(parents=True)
    sitk.WriteImage(ct_like(), str(sample))
    monkeypatch.setattr("HeartSeg3DLib.api.demonstration._draw", lambda image, labels, path: path.touch())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_demo_prints_the_table_and_where_the_files_are(in_an_empty_folder: Path) -> None:
    result = call("demo")
    assert result.exit_code == 0, result.stderr
    folder = in_an_empty_folder / "heartseg-demo"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert "Left ventricle cavity" in result.stdout
    assert all(str(folder / name) in result.stdout for name in FILES)
    assert NOTE in result.stdout.lower()


def test_the_demo_says_how_far_its_result_can_be_trusted(in_an_empty_folder: Path, user_data: Path) -> None:
    assert f"Not judged. {NOT_JUDGED}" in call("demo").stderr.splitlines()
    write_trust(user_data / "models" / "random-segmenter")
    judged = call("demo")
    assert re.search(r"^Amber\. \d structures? (are|is) possibly wrong: ", judged.stderr, re.MULTILINE)
    assert re.search(r"^Amber\. Right ventricle cavity: .*possibly wrong \(50 % risk\)", judged.stderr, re.MULTILINE)
    told = json.loads(call("demo", "--json").stdout)
    assert told["verdict"]["level"] == "amber"
    assert "possibly wrong (50 % risk)" in told["doubts"][0]["sentence"]


def test_a_second_demo_takes_another_folder(in_an_empty_folder: Path) -> None:
    call("demo")
    call("demo")
    assert sorted(path.name for path in in_an_empty_folder.iterdir()) == ["heartseg-demo", "heartseg-demo-2"]


def test_a_named_folder_is_not_written_over_without_force(in_an_empty_folder: Path) -> None:
    assert call("demo", "-o", "here").exit_code == 0
    assert_failed_in_words(call("demo", "-o", "here"), 2, "exists already")
    summary = json.loads(call("demo", "-o", "here", "--force", "--json").stdout)
    assert Path(summary["files"]["Picture"]) == in_an_empty_folder / "here" / "heart.png"


def test_the_demo_with_the_shipped_models_shows_a_heart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTSEG_DATA", str(tmp_path / "data"))
    result = call("demo", "-o", tmp_path / "demo", "--json")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == FILES
    assert (tmp_path / "demo" / "heart.png").stat().st_size > 50_000
    volumes = {row["id"]: row["volume_ml"] for row in json.loads(result.stdout)["measurements"]["rows"]}
    limits = {"LV": (40, 300), "MYO": (50, 300), "RV": (50, 350), "LA": (20, 250), "RA": (20, 250), "AO": (20, 400),
              "PA": (10, 200)}
    assert {id for id, (low, high) in limits.items() if not low <= volumes[id] <= high} == set()
