from __future__ import annotations

from pathlib import Path

import pytest

from HeartSeg3DLib.api import output_folder, plan_outputs
from HeartSeg3DLib.api.outputs import resampled_image_path
from HeartSeg3DLib.errors import UsageError


def scans(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def test_one_scan_goes_to_the_named_file(tmp_path: Path) -> None:
    plan = plan_outputs(scans(tmp_path, "a.nii.gz"), tmp_path / "heart.seg.nrrd")
    assert [item.output for item in plan] == [tmp_path / "heart.seg.nrrd"]


def test_results_in_a_folder_have_the_names_of_their_scans(tmp_path: Path) -> None:
    (tmp_path / "dicom.2020").mkdir()
    sources = [*scans(tmp_path, "a.nii.gz", "b.seq.nrrd", "c.MHA", "1.2.840.5"), tmp_path / "dicom.2020"]
    plan = plan_outputs(sources, tmp_path / "out")
    assert [item.output.name for item in plan] == [
        "a.nii.gz", "b.nii.gz", "c.nii.gz", "1.2.840.5.nii.gz", "dicom.2020.nii.gz"]
    assert not (tmp_path / "out").exists()


def test_scans_of_one_name_get_their_folders_names(tmp_path: Path) -> None:
    sources = scans(tmp_path, "ann/base/ct.nii.gz", "bob/base/ct.nii.gz")
    plan = plan_outputs(sources, tmp_path / "out")
    assert [item.output.name for item in plan] == ["ann_base_ct.nii.gz", "bob_base_ct.nii.gz"]


def test_one_scan_may_go_to_an_existing_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert plan_outputs(scans(tmp_path, "a.nrrd"), tmp_path / "out")[0].output == tmp_path / "out" / "a.nii.gz"


@pytest.mark.parametrize(("names", "out", "said"), [
    ((), "heart.nii.gz", "No scan was given"),
    (("a.nii.gz",), "heart.dcm", "a.nii.gz is no DICOM"),
    (("a.nii.gz",), "heart", "no ending"),
    (("a.nii.gz",), "heart.png", "no ending"),
    (("a.nii.gz", "b.nii.gz"), "heart.nii.gz", "cannot go into one file"),
    (("a.nii.gz", "a.nii.gz"), "out", "given twice"),
    (("a.nii.gz", "a.nrrd"), "out", "Two results would be called"),
    (("a.nii.gz",), "missing/heart.nii.gz", "does not exist"),
    (("a.nii.gz", "b.nii.gz"), "missing/out", "does not exist"),
])
def test_what_cannot_work_is_said_before_any_work(tmp_path: Path, names: tuple[str, ...], out: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        plan_outputs(scans(tmp_path, *names), tmp_path / out)


def test_a_result_never_replaces_a_scan_even_when_forced(tmp_path: Path) -> None:
    sources = scans(tmp_path, "a.nii.gz", "b.nii.gz")
    with pytest.raises(UsageError, match="one of the scans itself"):
        plan_outputs(sources, tmp_path, force=True)
    (tmp_path / "link.nii.gz").symlink_to(sources[0])
    with pytest.raises(UsageError, match="one of the scans itself"):
        plan_outputs(sources[:1], tmp_path / "link.nii.gz", force=True)


def test_existing_results_need_force(tmp_path: Path) -> None:
    sources, existing = scans(tmp_path, "a.nii.gz"), scans(tmp_path, "heart.nii.gz")[0]
    with pytest.raises(UsageError, match="exists already"):
        plan_outputs(sources, existing)
    assert plan_outputs(sources, existing, force=True)[0].output == existing


def test_an_output_folder_without_results_goes_away_again(tmp_path: Path) -> None:
    with pytest.raises(KeyError), output_folder(tmp_path / "out"):
        raise KeyError
    assert not (tmp_path / "out").exists()
    with output_folder(tmp_path / "out"):
        (tmp_path / "out" / "result").touch()
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize("out", ["taken", "taken/below", "taken/deep/below"])
def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path, out: str) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(UsageError, match="taken is not a folder") as caught, output_folder(tmp_path / out):
        raise AssertionError
    assert "Create" not in caught.value.remedy
    with pytest.raises(UsageError, match="taken is not a folder"):
        plan_outputs(scans(tmp_path, "a.nii.gz", "b.nii.gz"), tmp_path / out)


@pytest.mark.parametrize("name", ["page.pdf", "HEART.NII.GZ", "heart.seg.nrrd"])
def test_a_new_folder_does_not_get_the_name_of_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is the name of a file") as caught, output_folder(tmp_path / name):
        raise AssertionError
    assert caught.value.remedy == f"Give a folder, such as {name.split('.')[0]}."
    (tmp_path / name).mkdir()
    with output_folder(tmp_path / name):
        pass


def test_dots_in_the_name_of_a_folder_are_no_ending(tmp_path: Path) -> None:
    with output_folder(tmp_path / "run.2027.v2"):
        (tmp_path / "run.2027.v2" / "result").touch()


def test_a_folder_above_that_is_missing_is_named(tmp_path: Path) -> None:
    out = tmp_path / "none" / "out"
    with pytest.raises(UsageError, match=r"there is no folder .*none\.") as caught, output_folder(out):
        raise AssertionError
    assert caught.value.remedy.startswith("Create that folder first")


@pytest.mark.parametrize(("output", "image"), [
    ("heart.nii.gz", "heart_resampled_image.nii.gz"), ("a.b.seg.nrrd", "a.b_resampled_image.nrrd"),
    ("heart.mha", "heart_resampled_image.mha")])
def test_the_resampled_image_lies_beside_its_label_map(output: str, image: str) -> None:
    assert resampled_image_path(Path("out", output)) == Path("out", image)
