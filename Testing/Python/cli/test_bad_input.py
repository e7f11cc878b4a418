"""Every way to go wrong gets one sentence, a remedy and its exit code, and leaves nothing behind."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from command_line import assert_failed_in_words, call
from HeartSegTrainingLib.generator import Sampler, SamplerConfig
from HeartSegTrainingLib.generator.geometry import Grid
from HeartSegTrainingLib.generator.heartless import heartless_scene
from random_models import NEVER_A_HEART, ct_like, write_ct, write_package

USAGE, INPUT, MODEL, DEVICE = 2, 3, 4, 5


def written(image: sitk.Image, path: Path) -> Path:
    sitk.WriteImage(image, str(path))
    return path


def with_nifti_bytes(folder: Path, offset: int, form: str, *values: float) -> Path:
    """A NIfTI file with some bytes of its header changed."""
    path = write_ct(folder / "scan.nii")
    content = bytearray(path.read_bytes())
    struct.pack_into(f"<{len(values)}{form}", content, offset, *values)
    path.write_bytes(bytes(content))
    return path


def with_sform(folder: Path, rows: list[float]) -> Path:
    path = with_nifti_bytes(folder, 280, "f", *rows)
    content = bytearray(path.read_bytes())
    struct.pack_into("<2h", content, 252, 0, 1)
    path.write_bytes(bytes(content))
    return path


def missing(folder: Path) -> Path:
    return folder / "missing.nii.gz"


def empty(folder: Path) -> Path:
    (folder / "empty.nii.gz").touch()
    return folder / "empty.nii.gz"


def empty_folder(folder: Path) -> Path:
    (folder / "dicom").mkdir()
    return folder / "dicom"


def renamed_text(folder: Path) -> Path:
    (folder / "text.nii.gz").write_text("Dear colleague, here is the scan.\n" * 40)
    return folder / "text.nii.gz"


def truncated_gzip(folder: Path) -> Path:
    path = write_ct(folder / "scan.nii.gz")
    path.write_bytes(path.read_bytes()[:3000])
    return path


def flat_image(folder: Path) -> Path:
    return written(sitk.Image([30, 30], sitk.sitkInt16), folder / "flat.nrrd")


def color_image(folder: Path) -> Path:
    voxels = np.random.default_rng(0).integers(0, 255, (8, 9, 10, 3)).astype(np.uint8)
    return written(sitk.GetImageFromArray(voxels, isVector=True), folder / "colors.nrrd")


def zero_spacing(folder: Path) -> Path:
    return with_nifti_bytes(folder, 80, "f", 0.0)


def negative_spacing(folder: Path) -> Path:
    return with_nifti_bytes(folder, 80, "f", -2.0)


def singular_direction(folder: Path) -> Path:
    return with_sform(folder, [4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 5, 0])


def single_slice(folder: Path) -> Path:
    return written(ct_like((20, 18, 1)), folder / "slice.nii.gz")


def constant(folder: Path) -> Path:
    return written(ct_like() * 0 + 7, folder / "constant.nii.gz")


def label_map(folder: Path) -> Path:
    voxels = np.zeros((20, 20, 20), np.uint8)
    voxels[4:16, 4:16, 4:10], voxels[4:16, 4:16, 10:16] = 1, 2
    return written(sitk.GetImageFromArray(voxels), folder / "labels.nii.gz")


def not_an_image(folder: Path) -> Path:
    with gzip.open(folder / "table.csv.gz", "wb") as file:
        file.write(b"a,b\n1,2\n")
    return folder / "table.csv.gz"


def grey_values(folder: Path) -> Path:
    return write_ct(folder / "scan.nii.gz")


def grey_values_of_mr(folder: Path) -> Path:
    """8 bits without a sign, air cut off to 0, as viewers export it."""
    return written(sitk.Cast(sitk.Clamp(ct_like() / 2, lowerBound=0, upperBound=255), sitk.sitkUInt8),
                   folder / "mr.nii.gz")


def foreign_labels(folder: Path) -> Path:
    return written(sitk.ReadImage(str(label_map(folder))) + 200, folder / "foreign.nii.gz")


BAD_SCANS: list[tuple[Callable[[Path], Path], str]] = [
    (missing, "does not exist"),
    (empty, "is empty"),
    (empty_folder, "no DICOM images"),
    (renamed_text, "text.nii.gz"),
    (truncated_gzip, "scan.nii.gz"),
    (flat_image, "2-D image"),
    (color_image, "3 numbers per voxel"),
    (zero_spacing, "spacing"),
    (negative_spacing, "spacing"),
    (singular_direction, "singular"),
    (single_slice, "single slice"),
    (constant, "same value"),
    (label_map, "is a label map"),
    (not_an_image, "not an image"),
]


@pytest.mark.usefixtures("user_data")
@pytest.mark.parametrize(("make", "said"), BAD_SCANS, ids=[make.__name__ for make, _ in BAD_SCANS])
def test_a_bad_scan_is_explained(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    scan = make(tmp_path)
    before = sorted(tmp_path.iterdir())
    result = call("segment", scan, "-o", tmp_path / "heart.nii.gz")
    assert_failed_in_words(result, INPUT, said)
    assert sorted(tmp_path.iterdir()) == before


def test_a_scan_without_a_heart_is_explained(tmp_path: Path, user_data: Path) -> None:
    write_package(user_data / "models" / "other", "locator", NEVER_A_HEART)
    (user_data / "models" / "random-locator").rename(user_data / "old")
    (user_data / "models" / "other" / "random-locator").rename(user_data / "models" / "random-locator")
    scan = write_ct(tmp_path / "brain.nii.gz")
    result = call("segment", scan, "-o", tmp_path / "heart.nii.gz")
    assert_failed_in_words(result, INPUT, "No heart found in this image")
    assert list(tmp_path.iterdir()) == [scan]


@pytest.mark.parametrize(("body", "mode"), [(0, "ct_contrast"), (1, "mr_bright")], ids=["abdomen CT", "brain MR"])
def test_the_shipped_models_find_no_heart_in_another_part_of_the_body(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: int, mode: str
) -> None:
    scene = heartless_scene(body, 0, Grid(size=112, spacing=3.5))
    config = SamplerConfig(window=112, spacing=3.0, thick_ct=0.0, thick_mr=0.0, cut=0.0)
    voxels = Sampler([scene], config).scan(np.random.default_rng(0), mode).image.numpy()
    image = sitk.GetImageFromArray(np.clip(voxels, -1024, 3000).astype(np.int16))
    image.SetSpacing((3.0, 3.0, 3.0))
    monkeypatch.setenv("HEARTSEG_DATA", str(tmp_path / "data"))
    result = call("segment", written(image, tmp_path / "scan.nii.gz"), "-o", tmp_path / "heart.nii.gz")
    assert_failed_in_words(result, INPUT, "No heart found in this image")
    assert not (tmp_path / "heart.nii.gz").exists()


def unwritable(folder: Path) -> Path:
    """A folder that nobody may write to, the administrator included."""
    closed = folder / "closed"
    closed.mkdir(mode=0o500)
    return closed if not os.access(closed, os.W_OK) else Path("/proc")


@pytest.mark.usefixtures("user_data")
def test_an_unwritable_folder_is_found_before_the_work_starts(tmp_path: Path) -> None:
    folder = unwritable(tmp_path)
    if not folder.is_dir():
        pytest.skip("this system has no folder that its administrator cannot write to")
    result = call("segment", write_ct(tmp_path / "scan.nii.gz"), "-o", folder / "heart.nii.gz")
    assert_failed_in_words(result, USAGE, "cannot be written")
    assert "Reading" not in result.stderr


@pytest.mark.usefixtures("user_data")
@pytest.mark.parametrize(("output", "said"), [
    ("missing/heart.nii.gz", "does not exist"), ("scan.nii.gz/heart.nii.gz", "scan.nii.gz is not a folder"),
    ("scan.nii.gz/deep/heart.nii.gz", "A file is in the way"),
    ("heart.dcm", "scan.nii.gz is no DICOM"), ("heart.stl", "no ending"), ("heart", "no ending"),
    ("old.nii.gz", "exists already"), ("scan.nii.gz", "one of the scans itself")])
def test_a_wrong_output_is_found_before_the_work_starts(tmp_path: Path, output: str, said: str) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    (tmp_path / "old.nii.gz").write_text("mine")
    content = scan.read_bytes()
    result = call("segment", scan, "-o", tmp_path / output)
    assert_failed_in_words(result, USAGE, said)
    assert "Reading" not in result.stderr
    assert (scan.read_bytes(), (tmp_path / "old.nii.gz").read_text()) == (content, "mine")


@pytest.mark.usefixtures("user_data")
def test_a_scan_is_never_its_own_output_even_when_forced(tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    content = scan.read_bytes()
    assert_failed_in_words(call("segment", scan, "-o", scan, "--force"), USAGE, "one of the scans itself")
    assert scan.read_bytes() == content


def altered(user_data: Path) -> str:
    weights = user_data / "models" / "random-segmenter" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    return "random-segmenter"


@pytest.mark.parametrize(("break_model", "said"), [
    (lambda data: "nobody", "no model 'nobody'"),
    (lambda data: "random-locator", "only finds the heart"),
    (lambda data: str(data), "not a model package"),
    (altered, "checksum differs"),
], ids=["unknown", "locator", "no package", "altered weights"])
def test_a_model_problem_is_explained(
    tmp_path: Path, user_data: Path, break_model: Callable[[Path], str], said: str
) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    result = call("segment", scan, "-o", tmp_path / "heart.nii.gz", "--model", break_model(user_data))
    assert_failed_in_words(result, MODEL, said)
    assert list(tmp_path.iterdir()) == [scan]


@pytest.mark.parametrize("model", [(), ("--model", "random-segmenter")])
def test_a_broken_model_card_is_explained(tmp_path: Path, user_data: Path, model: tuple[str, ...]) -> None:
    (user_data / "models" / "random-segmenter" / "model.json").write_text("{}")
    result = call("segment", write_ct(tmp_path / "scan.nii.gz"), "-o", tmp_path / "heart.nii.gz", *model)
    assert result.exit_code == MODEL
    assert "Import" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_device_is_explained(tmp_path: Path, user_data: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    result = call("segment", scan, "-o", tmp_path / "heart.nii.gz", "--device", "cuda:99")
    assert_failed_in_words(result, DEVICE, "99")


@pytest.mark.parametrize("arguments", [
    (), ("scan.nii.gz",), ("scan.nii.gz", "-o", "h.nii.gz", "--device", "tpu"),
    ("scan.nii.gz", "-o", "h.nii.gz", "--modality", "pet"), ("scan.nii.gz", "-o", "h.nii.gz", "--frame", "first"),
    ("scan.nii.gz", "-o", "h.nii.gz", "--unknown")])
def test_wrong_options_are_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = call("segment", *arguments)
    assert result.exit_code == USAGE
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(("make", "said"), [
    (missing, "does not exist"), (empty, "empty.nii.gz"), (grey_values, "is a scan, not a label map"),
    (grey_values_of_mr, "is a scan, not a label map"), (foreign_labels, "label values without a known meaning")])
def test_measuring_what_is_no_label_map_is_explained(
    tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    result = call("measure", make(tmp_path), "-o", tmp_path / "volumes.csv")
    assert_failed_in_words(result, INPUT, said)
    assert not (tmp_path / "volumes.csv").exists()
