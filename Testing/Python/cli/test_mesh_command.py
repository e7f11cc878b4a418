"""`heartseg mesh` from the shell's point of view: files, words, JSON, exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from command_line import NOTE, assert_failed_in_words, call
from HeartSeg3DLib.api import meshing
from HeartSeg3DLib.cli.mesh_command import fibers_of, formats_of, walls_of, with_usual_values
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.meshing.export.presets import PRESETS
from HeartSeg3DLib.meshing.export.registry import FORMATS
from HeartSeg3DLib.meshing.fibers import FiberAngles
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


def test_the_help_names_every_format_and_preset() -> None:
    text = " ".join(call("mesh", "--help").stdout.replace("│", " ").split())
    for name in (*FORMATS, *PRESETS):
        assert re.search(rf"\b{name}\b", text), name


def test_what_force_removes_of_an_earlier_mesh_is_told(tmp_path: Path, atrium: Path) -> None:
    words = ("mesh", atrium, "-o", tmp_path / "out", "--edge", "3", "--formats")
    assert call(*words, "vtp,obj").exit_code == 0
    (tmp_path / "out" / "notes.txt").write_text("mine")
    result = call(*words, "vtp", "--force", "--json")
    assert result.exit_code == 0, result.stderr
    (said,) = [warning for warning in json.loads(result.stdout)["warnings"] if "earlier mesh" in warning]
    assert said == "Removed of the earlier mesh in this folder: heart.mtl, heart.obj."
    assert said in result.stderr
    assert {"heart.vtp", "notes.txt"} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert not (tmp_path / "out" / "heart.obj").exists()


def test_walls_by_themselves_are_the_usual_ones(tmp_path: Path, atrium: Path) -> None:
    result = call("mesh", atrium, "-o", tmp_path / "out", "--edge", "3", "--formats", "vtp", "--walls", "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert set(summary["quality"]["labels"]) == {"4", "104"}
    assert summary["quality"]["fit_for_use"] is True
    assert [Path(path).name for path in summary["files"]][:2] == ["heart.vtp", "heart.json"]
    assert walls_of("default") == WALL_MM


def test_a_word_that_is_a_file_is_the_label_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("3", "LV,RV"):
        Path(name).mkdir()
        assert with_usual_values(["--walls", name]) == ["--walls", "default", name]


def test_formats_are_given_with_commas() -> None:
    assert formats_of(None) == ()
    assert formats_of("vtu, vtk,") == ("vtu", "vtk")


def test_the_summary_of_tissue_says_what_is_not_written(tmp_path: Path, ventricle: Path) -> None:
    result = call("mesh", ventricle, "-o", tmp_path / "out", "--preset", "ep", "--edge", "4")
    assert result.exit_code == 0, result.stderr
    assert "Left ventricle cavity (not written)" in result.stdout
    rows = (tmp_path / "out" / "heart_opencarp" / "heart.elem").read_text().splitlines()[1:]
    written = f"{len(rows):,}".replace(",", " ")
    assert f"tetrahedra, of which {written} are written." in result.stdout


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


@pytest.fixture
def ventricle(tmp_path: Path) -> Path:
    z, y, x = np.indices((34, 26, 26))
    distance = np.hypot(np.hypot(x - 13, y - 13), z - 12)
    above = np.hypot(np.hypot(x - 13, y - 13), z - 23) < 7
    voxels = np.where(distance < 6, 1, np.where(distance < 10, 2, np.where(above, 4, 0))).astype(np.uint8)
    labels = sitk.GetImageFromArray(voxels)
    labels.SetSpacing([2.0] * 3)
    sitk.WriteImage(labels, str(tmp_path / "ventricle.nrrd"))
    return tmp_path / "ventricle.nrrd"


def test_fibers_are_laid_and_told_about(tmp_path: Path, ventricle: Path) -> None:
    result = call("mesh", "--fibres", ventricle, "-o", tmp_path / "out", "--edge", "4")
    assert result.exit_code == 0, result.stderr
    assert "Fibers in 100.0 % of the ventricles' muscle, helix angle " in result.stdout
    assert "heart_report_fibers.png" in result.stdout
    assert (tmp_path / "out" / "heart.vtu").is_file()


def test_the_user_is_told_how_a_preset_is_used(tmp_path: Path, ventricle: Path) -> None:
    result = call("mesh", ventricle, "-o", tmp_path / "out", "--preset", "ep", "--edge", "3")
    assert result.exit_code == 0, result.stderr
    assert "-meshname heart_opencarp/heart" in " ".join(result.stdout.split())


def test_angles_of_fibers_come_from_the_command_line(tmp_path: Path, ventricle: Path) -> None:
    result = call("mesh", ventricle, "-o", tmp_path / "out", "--edge", "4", "--fibres", "-30,70", "--preset", "ep",
                  "--json")
    assert result.exit_code == 0, result.stderr
    angles = json.loads(result.stdout)["fibers"]["angles_degrees"]
    assert (angles["endocardium"], angles["epicardium"]) == (-30.0, 70.0)


def test_fibers_are_given_by_two_angles() -> None:
    assert fibers_of(None) is None
    assert fibers_of("default") == FiberAngles(60.0, -60.0)
    assert fibers_of(" 80 , -50.5 ") == FiberAngles(80.0, -50.5)
    for text in ("60", "60,", "60,-60,0", "steep,flat", ""):
        with pytest.raises(UsageError, match="cannot be understood"):
            fibers_of(text)


@pytest.mark.parametrize(("words", "complete"), [
    (["--fibres"], ["--fibres", "default"]),
    (["--fibres", "60,-60", "heart.nrrd"], ["--fibres", "60,-60", "heart.nrrd"]),
    (["--fibres", "-60,60"], ["--fibres", "-60,60"]),
    (["--fibres", "80"], ["--fibres", "80"]),
    (["--fibres", "3d_heart.nrrd"], ["--fibres", "default", "3d_heart.nrrd"]),
    (["--fibres", "a,b"], ["--fibres", "a,b"]),
    (["--fibres", "nan,0"], ["--fibres", "nan,0"]),
    (["--fibres", "steep,flat.nrrd"], ["--fibres", "default", "steep,flat.nrrd"]),
    (["--walls", "3.5", "heart.nrrd"], ["--walls", "3.5", "heart.nrrd"]),
    (["--fibres", "--walls", "-o", "out"], ["--fibres", "default", "--walls", "default", "-o", "out"]),
    (["--fibres=60,-60", "heart.nrrd"], ["--fibres=60,-60", "heart.nrrd"]),
])
def test_options_without_a_value_get_the_usual_one(words: list[str], complete: list[str]) -> None:
    assert with_usual_values(words) == complete


@pytest.mark.parametrize(("options", "exit_code", "said"), [
    (["--fibres", "60"], 2, "cannot be understood"),
    (["--fibres", "100,-60"], 2, "out of range"),
    (["--fibres", "a,b"], 2, "'a,b' cannot be understood"),
    (["--fibres", "nan,0"], 2, "out of range"),
    (["--walls", "3.5"], 2, "'3.5' cannot be understood"),
    (["--formats", ""], 2, "names no format"),
    (["--formats", " , "], 2, "names no format"),
    (["--edge", "100"], 3, "Left atrium cavity"),
    (["--edge", "100", "--volume"], 3, "Left atrium cavity"),
    (["--time-frame", "1"], 2, "no frame 1"),
    (["--fibres", "--preset", "print"], 2, "makes surfaces"),
    (["--fibres", "--formats", "stl"], 2, "No fibers fit into stl"),
    (["--fibres"], 3, "no ventricular myocardium"),
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
