"""`heartseg mesh` from the shell's point of view: files, words, JSON, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from command_line import NOTE, assert_failed_in_words, call
from HeartSeg3DLib.api import meshing
from HeartSeg3DLib.cli.mesh_command import walls_of
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.meshing.mesh import SurfaceMesh
from HeartSeg3DLib.meshing.surface import surface_mesh
from HeartSeg3DLib.meshing.walls import WALL_MM


@pytest.fixture
def atrium(tmp_path: Path) -> Path:
    z, y, x = np.indices((20, 20, 20)) - 9.5
    labels = sitk.GetImageFromArray(np.where(np.hypot(np.hypot(x, y), z) < 6, 4, 0).astype(np.uint8))
    labels.SetSpacing([2.0] * 3)
    sitk.WriteImage(labels, str(tmp_path / "atrium.nrrd"))
    return tmp_path / "atrium.nrrd"


def test_the_summary_names_structures_verdict_and_files(tmp_path: Path, atrium: Path) -> None:
    result = call("mesh", atrium, "-o", tmp_path / "out", "--edge", "3", "--formats", "vtp, ply", "--frame", "ras")
    assert result.exit_code == 0, result.stderr
    for said in ("Left atrium cavity", "Every hard check passed.", "heart.vtp", "heart_report.html"):
        assert said in result.stdout
    assert NOTE in result.stdout.lower()
    assert "Not in the label map and left out: Left ventricle cavity" in result.stderr
    assert json.loads((tmp_path / "out" / "heart.json").read_text("utf-8"))["frame"] == "RAS"


def test_walls_by_themselves_are_the_usual_ones(tmp_path: Path, atrium: Path) -> None:
    result = call("mesh", atrium, "-o", tmp_path / "out", "--edge", "3", "--formats", "vtp", "--walls", "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert set(summary["quality"]["labels"]) == {"4", "104"}
    assert summary["quality"]["fit_for_use"] is True
    assert [Path(path).name for path in summary["files"]][:2] == ["heart.vtp", "heart.json"]
    assert walls_of("default") == WALL_MM


def test_walls_are_given_by_structure() -> None:
    assert walls_of("RV=3, 4 = 1.5") == {3: 3.0, 4: 1.5}
    for text in ("RV", "RV=", "=2", "heart=2", "RV=thick", ""):
        with pytest.raises(UsageError, match="cannot be understood"):
            walls_of(text)


def test_a_mesh_that_fails_its_check_ends_with_six(
    tmp_path: Path, atrium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(samples: object) -> SurfaceMesh:
        whole = surface_mesh(samples)
        return SurfaceMesh(whole.points, whole.triangles[1:], whole.labels[1:])

    monkeypatch.setattr(meshing, "surface_mesh", torn)
    result = call("mesh", atrium, "-o", tmp_path / "out", "--edge", "3")
    assert_failed_in_words(result, 6, "failed its own check")
    assert not (tmp_path / "out").exists()
    accepted = call("mesh", atrium, "-o", tmp_path / "out", "--edge", "3", "--formats", "vtp", "--accept-failed")
    assert accepted.exit_code == 0, accepted.stderr
    assert "FAILED" in accepted.stdout
    assert (tmp_path / "out" / "heart_FAILED.vtp").is_file()


@pytest.mark.parametrize(("options", "exit_code", "said"), [
    (["--keep-all", "--keep-largest"], 2, "Both"),
    (["--walls", "LV=2"], 2, "gets no wall"),
    (["--preset", "nonsense"], 2, "nonsense"),
    (["--preset", "ep", "--edge", "3"], 3, "no Left ventricle myocardium"),
    (["--formats", "docx"], 2, "docx"),
    (["--scheme", "acdc"], 3, "without a known meaning"),
    (["--volume", "--edge", "0.01"], 5, "memory"),
    (["--edge", "0.01"], 5, "memory"),
])
def test_wrong_options_fail_in_words(
    tmp_path: Path, atrium: Path, options: list[str], exit_code: int, said: str
) -> None:
    assert_failed_in_words(call("mesh", atrium, "-o", tmp_path / "out", *options), exit_code, said)
    assert not (tmp_path / "out").exists()
