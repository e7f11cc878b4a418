from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from command_line import NOTE, assert_failed_in_words, call
from HeartSeg3DLib.api import loading
from HeartSeg3DLib.cli.segment_command import FROM_LABELS
from HeartSeg3DLib.errors import CheckError
from HeartSeg3DLib.imaging import ClassProbabilities, read_label_frames
from HeartSeg3DLib.trust import NOT_JUDGED, Verdict
from random_models import ct_like, same_grid, write_cine, write_ct

pytestmark = pytest.mark.usefixtures("user_data")


def test_a_scan_gives_a_label_map_on_its_grid(tmp_path: Path) -> None:
    result = call("segment", write_ct(tmp_path / "scan.nii.gz"), "-o", tmp_path / "heart.nii.gz")
    assert result.exit_code == 0, result.stderr
    assert same_grid(sitk.ReadImage(str(tmp_path / "heart.nii.gz")), ct_like())
    assert str(tmp_path / "heart.nii.gz") in result.stdout
    assert NOTE in result.stdout.lower()


def test_progress_and_warnings_go_to_stderr_in_plain_words(tmp_path: Path) -> None:
    result = call("segment", write_ct(tmp_path / "scan.nii.gz"), "-o", tmp_path / "heart.nii.gz")
    assert "Reading the scan (0%)" in result.stderr
    assert "Writing the label map (95%)" in result.stderr
    assert "Warning: " in result.stderr
    assert "Warning" not in result.stdout


def test_json_is_all_that_goes_to_stdout(tmp_path: Path) -> None:
    result = call("segment", write_ct(tmp_path / "scan.nii.gz"), "-o", tmp_path / "heart.seg.nrrd", "--json")
    summary = json.loads(result.stdout)
    assert (summary["note"], summary["command"], summary["exit_code"]) == (NOTE, "segment", 0)
    entry, = summary["results"]
    assert (entry["status"], entry["output"]) == ("done", str(tmp_path / "heart.seg.nrrd"))
    assert (entry["modality"], entry["model"], entry["frames"]) == ("ct", "random-segmenter 1.2.3", 1)
    assert {"LV", "PA"} < set(entry["volumes_ml"])
    assert entry["warnings"]


def test_json_tells_failures_too(tmp_path: Path) -> None:
    result = call("segment", tmp_path / "missing.nii.gz", "-o", tmp_path / "heart.nii.gz", "--json")
    summary = json.loads(result.stdout)
    assert summary["exit_code"] == result.exit_code == 3
    assert summary["error"]["code"] == "input"
    assert summary["error"]["remedy"]


def test_quiet_leaves_warnings_and_lights_that_are_not_green(tmp_path: Path) -> None:
    result = call("segment", write_ct(tmp_path / "scan.nii.gz"), "-o", tmp_path / "heart.nii.gz", "--quiet")
    assert (result.exit_code, result.stdout) == (0, "")
    said = [line.removeprefix("Warning: ") for line in result.stderr.splitlines()]
    assert f"Not judged. {NOT_JUDGED}" in said
    assert all(line.startswith(("Warning: ", "Not judged. ", "Amber. ")) for line in result.stderr.splitlines())


def test_a_result_that_nobody_judged_says_so_with_its_reason(tmp_path: Path) -> None:
    result = call("segment", write_ct(tmp_path / "scan.nii.gz"), "-o", tmp_path / "heart.nii.gz")
    assert result.stderr.splitlines().count(f"Not judged. {NOT_JUDGED}") == 1
    cine = call("segment", write_cine(tmp_path / "cine.nii.gz"), "-o", tmp_path / "beat.nii.gz", "--json")
    assert cine.stderr.splitlines().count(f"Not judged. {NOT_JUDGED} (In all 3 phases.)") == 1
    entry, = json.loads(cine.stdout)["results"]
    assert entry["verdict"] == {"level": "grey", "sentence": f"{NOT_JUDGED} (In all 3 phases.)"}


@pytest.mark.parametrize("options", [(), ("--quiet",), ("--json",)])
def test_a_green_result_says_so_in_the_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.setattr("HeartSeg3DLib.api.segmenting.judge", lambda *_, **__: Verdict("green", "All is well.", ()))
    result = call("segment", write_ct(tmp_path / "scan.nii.gz"), "-o", tmp_path / "heart.nii.gz", *options)
    assert "All is well." not in result.stderr
    assert ("Green. All is well." in result.stdout.splitlines()) == (options == ())


def test_force_replaces_a_result(tmp_path: Path) -> None:
    (tmp_path / "heart.nii.gz").write_text("old")
    scan = write_ct(tmp_path / "scan.nii.gz")
    assert call("segment", scan, "-o", tmp_path / "heart.nii.gz", "--force").exit_code == 0
    assert sitk.ReadImage(str(tmp_path / "heart.nii.gz")).GetSize() == ct_like().GetSize()


def test_modality_and_quality_are_passed_on(tmp_path: Path) -> None:
    result = call("segment", write_ct(tmp_path / "scan.nii.gz"), "-o", tmp_path / "heart.nii.gz", "--json",
                  "--modality", "mr", "--quality", "best")
    assert json.loads(result.stdout)["results"][0]["modality"] == "mr"


def test_several_scans_share_one_loaded_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    real = loading.load_package
    monkeypatch.setattr(loading, "load_package", lambda folder: loaded.append(folder.name) or real(folder))
    scans = [write_ct(tmp_path / name) for name in ("a.nii.gz", "b.nrrd", "c.mha")]
    result = call("segment", *scans, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.nii.gz", "b.nii.gz", "c.nii.gz"]
    assert sorted(loaded) == ["random-locator", "random-segmenter"]


def test_one_bad_scan_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "bad.nii.gz").write_text("no image")
    scans = [tmp_path / "bad.nii.gz", tmp_path / "missing.nii.gz", write_ct(tmp_path / "good.nii.gz")]
    result = call("segment", *scans, "-o", tmp_path / "out", "--json")
    summary = json.loads(result.stdout)
    assert [entry["status"] for entry in summary["results"]] == ["failed", "failed", "done"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.nii.gz"]
    assert result.exit_code == summary["exit_code"] == 3
    troubles = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert [line.count("bad.nii.gz") for line in troubles] == [1, 0]
    assert [line.count("missing.nii.gz") for line in troubles] == [0, 1]


def test_a_batch_is_summed_up(tmp_path: Path) -> None:
    result = call("segment", tmp_path / "missing.nii.gz", write_ct(tmp_path / "good.nii.gz"), "-o", tmp_path / "out")
    assert "1 of 2 scans were segmented." in result.stdout
    assert result.exit_code == 3


def test_an_unexpected_failure_of_one_scan_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from HeartSeg3DLib.api import files

    real = files.read_scan

    def read(path: Path, *, series: str | None = None) -> object:
        if path.name == "strange.nii.gz":
            raise ZeroDivisionError("division by zero")
        return real(path, series=series)

    monkeypatch.setattr(files, "read_scan", read)
    scans = [write_ct(tmp_path / name) for name in ("strange.nii.gz", "good.nii.gz")]
    result = call("segment", *scans, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "Error: strange.nii.gz: Something happened that HeartSeg did not expect" in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.nii.gz"]


def test_a_batch_without_any_result_leaves_no_folder(tmp_path: Path) -> None:
    result = call("segment", tmp_path / "a.nii.gz", tmp_path / "b.nii.gz", "-o", tmp_path / "out")
    assert result.exit_code == 3
    assert not (tmp_path / "out").exists()


def test_a_batch_stops_at_once_when_the_model_is_altered(tmp_path: Path, user_data: Path) -> None:
    weights = user_data / "models" / "random-segmenter" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    scans = [write_ct(tmp_path / name) for name in ("a.nii.gz", "b.nii.gz")]
    assert_failed_in_words(call("segment", *scans, "-o", tmp_path / "out"), 4, "random-segmenter")


def test_several_scans_need_a_folder(tmp_path: Path) -> None:
    scans = [write_ct(tmp_path / name) for name in ("a.nii.gz", "b.nii.gz")]
    assert_failed_in_words(call("segment", *scans, "-o", tmp_path / "heart.nii.gz"), 2, "cannot go into one file")
    summary = call("segment", scans[0], "-o", tmp_path / "heart.nii.gz", "--json", tmp_path / "heart.json")
    assert_failed_in_words(summary, 2, "--json takes no file")


def test_a_cine_gives_a_4d_label_map(tmp_path: Path) -> None:
    result = call("segment", write_cine(tmp_path / "cine.nii.gz"), "-o", tmp_path / "heart.nrrd")
    assert result.exit_code == 0, result.stderr
    assert "3 frames" in result.stdout
    assert "Frame 3 of 3: Segmenting" in result.stderr
    assert len(read_label_frames(tmp_path / "heart.nrrd")) == 3


def test_a_cine_fits_into_a_segmentation_one_frame_at_a_time(tmp_path: Path) -> None:
    cine = write_cine(tmp_path / "cine.nii.gz")
    assert_failed_in_words(call("segment", cine, "-o", tmp_path / "heart.seg.nrrd"), 2, "3 frames")
    assert call("segment", cine, "-o", tmp_path / "heart.seg.nrrd", "--frame", 1).exit_code == 0
    assert_failed_in_words(call("segment", cine, "-o", tmp_path / "other.nii.gz", "--frame", 3), 2, "no frame 3")


def test_real_cine_dicom_is_read_as_one_stack(tmp_path: Path, shared_data: Path) -> None:
    result = call("segment", shared_data / "dicom" / "cine_mr", "-o", tmp_path / "heart.nii.gz", "--frame", 0)
    assert result.exit_code == 0, result.stderr
    labels = sitk.ReadImage(str(tmp_path / "heart.nii.gz"))
    assert labels.GetSize()[2] == 6
    assert np.linalg.det(np.reshape(labels.GetDirection(), (3, 3))) != 0


def test_a_phase_of_a_real_cine_becomes_a_dicom_segmentation(tmp_path: Path, shared_data: Path) -> None:
    folder, out = shared_data / "dicom" / "cine_mr", tmp_path / "heart.dcm"
    assert_failed_in_words(call("segment", folder, "-o", out), 2, "25 frames")
    result = call("segment", folder, "-o", out, "--frame", 0)
    assert result.exit_code == 0, result.stderr
    built, patient = pydicom.dcmread(out), pydicom.dcmread(next(folder.glob("*/*")), stop_before_pixels=True)
    assert (built.PatientID, built.StudyInstanceUID) == (patient.PatientID, patient.StudyInstanceUID)
    assert len(built.ReferencedSeriesSequence) == 6


def test_surfaces_are_made_of_each_result_and_stay_apart(tmp_path: Path) -> None:
    scans = [write_ct(tmp_path / name) for name in ("one.nii.gz", "two.nii.gz")]
    result = call("segment", *scans, "-o", tmp_path / "hearts", "--mesh", tmp_path / "meshes", "--json")
    assert result.exit_code == 0, result.stderr
    for entry in json.loads(result.stdout)["results"]:
        name = Path(entry["output"]).name.split(".")[0]
        assert str(tmp_path / "meshes" / name / "heart.vtp") in entry["mesh"]
        assert all(Path(path).exists() for path in entry["mesh"])


def test_a_mesh_that_is_there_already_stops_before_the_scan_is_segmented(tmp_path: Path) -> None:
    (tmp_path / "mesh").mkdir()
    (tmp_path / "mesh" / "heart.vtp").write_text("mine")
    result = call("segment", write_ct(tmp_path / "scan.nii.gz"), "-o", tmp_path / "heart.nii.gz",
                  "--mesh", tmp_path / "mesh")
    assert_failed_in_words(result, 2, "heart.vtp")
    assert not (tmp_path / "heart.nii.gz").exists()
    assert (tmp_path / "mesh" / "heart.vtp").read_text() == "mine"


def test_surfaces_of_a_cine_ask_for_a_frame_and_leave_the_label_map(tmp_path: Path) -> None:
    result = call("segment", write_cine(tmp_path / "cine.nii.gz"), "-o", tmp_path / "heart.nii.gz",
                  "--mesh", tmp_path / "mesh")
    assert_failed_in_words(result, 3, "3")
    assert "--frame" in result.stderr
    assert (tmp_path / "heart.nii.gz").exists()
    assert not (tmp_path / "mesh").exists()


@pytest.mark.parametrize("fails", [False, True])
def test_surfaces_of_thick_slices_come_from_probabilities_where_these_can_be_meshed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """The random model sees voxels of 6 mm, and of 7.5 mm at most where its window has to hold more."""
    given: list[type] = []

    def mesh(source: Path | ClassProbabilities, *_: object, remarks: Sequence[str], **__: object) -> SimpleNamespace:
        given.append(type(source))
        soft = isinstance(source, ClassProbabilities)
        if fails and soft:
            raise CheckError("The mesh failed its own check. intersections: 3.", "Try another edge length.")
        return SimpleNamespace(warnings=tuple(remarks), files=(tmp_path / "heart.vtp",),
                               made_from="probabilities" if soft else "labels")

    monkeypatch.setattr("HeartSeg3DLib.api.meshing.mesh_to_folder", mesh)
    scans = []
    for name, spacing in (("thick", 24.0), ("thin", 5.0)):
        scan = ct_like()
        scan.SetSpacing((4.0, 4.0, spacing))
        scans.append(tmp_path / f"{name}.nii.gz")
        sitk.WriteImage(scan, str(scans[-1]))
    result = call("segment", *scans, "-o", tmp_path / "hearts", "--mesh", tmp_path / "meshes", "--json")
    assert result.exit_code == 0, result.stderr
    entries = json.loads(result.stdout)["results"]
    assert [entry["mesh_from"] for entry in entries] == ["labels" if fails else "probabilities", "labels"]
    assert [issubclass(kind, Path) for kind in given] == ([False, True, True] if fails else [False, True])
    said = f"{FROM_LABELS} The mesh failed its own check. intersections: 3."
    assert [entry["mesh_warnings"] for entry in entries] == [[said] if fails else [], []]
    assert (said in result.stderr) == fails
    labels = sitk.ReadImage(str(tmp_path / "hearts" / "thick.nii.gz"))
    assert labels.GetSpacing()[2] == pytest.approx(24.0), "the label map stays on the scan's grid"


def test_probabilities_go_into_a_file_that_can_be_meshed(tmp_path: Path) -> None:
    scan, file = write_ct(tmp_path / "scan.nii.gz"), tmp_path / "p.nrrd"
    result = call("segment", scan, "-o", tmp_path / "heart.nii.gz", "--probabilities", file)
    assert result.exit_code == 0, result.stderr
    assert str(file) in result.stdout
    again = call("segment", scan, "-o", tmp_path / "other.nii.gz", "--probabilities", file)
    assert_failed_in_words(again, 2, "p.nrrd exists already")
    assert not (tmp_path / "other.nii.gz").exists()
    assert call("segment", scan, "-o", tmp_path / "other.nii.gz", "--probabilities", file, "--force").exit_code == 0
    meshed = call("mesh", file, "-o", tmp_path / "mesh", "--keep-all", "--edge", "4", "--json")
    assert meshed.exit_code == 0, meshed.stderr
    assert (tmp_path / "mesh" / "heart.vtp").exists()


@pytest.mark.parametrize(("said", "options"), [
    ("has no known ending", ["--probabilities", "p.nii.gz"]),
    ("is the scan or another result", ["--probabilities", "heart.nrrd"]),
    ("does not exist", ["--probabilities", "missing/p.nrrd"]),
])
def test_a_file_that_cannot_hold_probabilities_stops_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, options: list[str]
) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    monkeypatch.chdir(tmp_path)
    assert_failed_in_words(call("segment", scan, "-o", "heart.nrrd", *options), 2, said)
    assert [path.name for path in tmp_path.iterdir()] == ["scan.nii.gz"]


def test_probabilities_are_of_one_scan_and_one_frame(tmp_path: Path) -> None:
    scans = [write_ct(tmp_path / name) for name in ("a.nii.gz", "b.nii.gz")]
    several = call("segment", *scans, "-o", tmp_path / "hearts", "--probabilities", tmp_path / "p.nrrd")
    assert_failed_in_words(several, 2, "one scan at a time")
    cine = call("segment", write_cine(tmp_path / "cine.nii.gz"), "-o", tmp_path / "heart.nii.gz",
                "--probabilities", tmp_path / "p.nrrd")
    assert_failed_in_words(cine, 2, "3 frames")
    assert not (tmp_path / "p.nrrd").exists()
