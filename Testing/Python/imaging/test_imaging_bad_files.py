"""Files that cannot be used: one sentence, a remedy, no traceback and no chatter from C code."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import Frame, read_labels, read_scan, write_sequence

Writer = Callable[[str], Path]
SHEARED = (1, 0, 0.5, 0, 0, 1, 0, 0, 0, 0, 2, 0)
FLAT = (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
BROKEN = (1, 0, 0, 0, 0, float("nan"), 0, 0, 0, 0, 2, 0)


def refused(path: Path, match: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The path is refused with this sentence and a remedy, and nothing is printed."""
    with pytest.raises(InputError, match=match) as caught:
        read_scan(path)
    assert caught.value.remedy
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    assert "itk" not in str(caught.value).lower()
    assert capfd.readouterr() == ("", "")


def patched(path: Path, *changes: tuple[int, str, tuple[float, ...]]) -> Path:
    data = bytearray(path.read_bytes())
    for offset, layout, values in changes:
        struct.pack_into(f"<{layout}", data, offset, *values)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("name", "content", "match"), [
    ("empty.nii.gz", b"", "is empty"),
    ("text.nii.gz", b"This is no image.\n" * 50, "not a NIfTI image although its name says so"),
    ("text.nrrd", b"This is no image.\n" * 50, "not what its name says"),
    ("text.mha", b"This is no image.\n" * 50, "not what its name says"),
    ("notes.txt", b"This is no image.\n" * 50, "not an image that can be read"),
    ("picture.png", b"\x89PNG\r\n" * 50, "not an image that can be read"),
    ("slice.dcm", b"\0" * 128 + b"DICM" + b"garbage" * 30, "no DICOM images"),
    ("broken.nii.gz", b"\x1f\x8b\x08\0garbage" * 30, "damaged"),
])
def test_files_that_are_no_images(
        name: str, content: bytes, match: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, match, capfd)


def test_missing_files_and_useless_folders(a_file: Writer, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refused(tmp_path / "nowhere.nii.gz", "does not exist", capfd)
    refused(tmp_path, "no DICOM images", capfd)
    (tmp_path / "notes.txt").write_text("nothing here")
    refused(tmp_path, "no DICOM images", capfd)
    a_file("scan.nii.gz")
    refused(tmp_path, "other images .scan.nii.gz", capfd)
    with pytest.raises(InputError, match="cannot be joined"):
        read_scan([tmp_path / "scan.nii.gz", a_file("second.nii.gz")])
    with pytest.raises(InputError, match="No scan was given"):
        read_scan([])


def test_a_file_that_may_not_be_read(a_file: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    path = a_file("scan.nii.gz")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(InputError, match="cannot be opened"):
        read_scan(path)


@pytest.mark.parametrize(("name", "keep"), [("scan.nii", 0.6), ("scan.nii.gz", 0.6), ("scan.nii.gz", 0.99),
                                            ("scan.nrrd", 0.6), ("scan.mha", 0.6)])
def test_truncated_files(name: str, keep: float, a_file: Writer, capfd: pytest.CaptureFixture[str]) -> None:
    path = a_file(name)
    path.write_bytes(path.read_bytes()[:int(path.stat().st_size * keep)])
    refused(path, "incomplete", capfd)


def test_a_damaged_byte_inside_a_compressed_file(a_file: Writer, capfd: pytest.CaptureFixture[str]) -> None:
    path = a_file("scan.nii.gz")
    data = bytearray(path.read_bytes())
    data[-8] ^= 0xFF  # the checksum
    path.write_bytes(data)
    refused(path, "damaged", capfd)


def test_several_gzip_members_in_a_row_are_no_damage(a_file: Writer, voxels: np.ndarray) -> None:
    plain = a_file("scan.nii").read_bytes()
    path = a_file("scan.nii").with_name("parts.nii.gz")
    path.write_bytes(gzip.compress(plain[:700]) + gzip.compress(plain[700:]) + b"\0" * 64)
    assert (sitk.GetArrayFromImage(read_scan(path).frames[0].image) == voxels).all()


def test_a_missing_data_file_beside_its_header(a_file: Writer, capfd: pytest.CaptureFixture[str]) -> None:
    path = a_file("scan.mhd")
    path.with_suffix(".raw").unlink()
    refused(path, "data file that belongs to it is missing", capfd)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_spacing(value: float, a_file: Writer, capfd: pytest.CaptureFixture[str]) -> None:
    refused(patched(a_file("scan.nii"), (80, "f", (value,))), "spacing", capfd)
    path = a_file("scan.mha")
    head, tail = path.read_bytes().split(b"ElementSpacing = 0.69999999999999996")
    path.write_bytes(head + b"ElementSpacing = %g" % value + tail)
    refused(path, "spacing|not what its name says", capfd)


@pytest.mark.parametrize("value", [b"nan", b"inf"])
def test_an_origin_that_is_no_number(value: bytes, a_file: Writer, capfd: pytest.CaptureFixture[str]) -> None:
    path = a_file("scan.nrrd")
    head, _, tail = path.read_bytes().partition(b"space origin: (")
    path.write_bytes(head + b"space origin: (" + value + tail[tail.index(b","):])
    refused(path, "origin|not what its name says", capfd)
    number = float(value)
    refused(patched(a_file("scan.nii"), (268, "f", (number,)), (292, "f", (number,))), "origin|singular", capfd)


def test_a_zero_axis_in_nrrd(a_scan: sitk.Image, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    a_scan.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, 1))
    path = tmp_path / "scan.nrrd"
    sitk.WriteImage(a_scan, str(path))
    data = path.read_bytes()
    assert b"(0.69999999999999996,0,0)" in data
    path.write_bytes(data.replace(b"(0.69999999999999996,0,0)", b"(0,0,0)"))
    refused(path, "spacing", capfd)
    path.write_bytes(data.replace(b"(0.69999999999999996,0,0)", b"(0,0.9,0)"))
    refused(path, "singular", capfd)
    path.write_bytes(data.replace(b"(0.69999999999999996,0,0)", b"(0.7,0.2,0)"))
    refused(path, "right angles", capfd)


@pytest.mark.parametrize(("affine", "match"), [(SHEARED, "right angles"), (FLAT, "singular"), (BROKEN, "singular")])
def test_affines_that_span_no_right_angled_frame(
        affine: tuple[float, ...], match: str, a_file: Writer, capfd: pytest.CaptureFixture[str]) -> None:
    path = patched(a_file("scan.nii"), (252, "2h", (0, 1)), (280, "12f", affine))
    refused(path, match, capfd)


def test_an_affine_that_contradicts_the_spacing(a_file: Writer, capfd: pytest.CaptureFixture[str]) -> None:
    path = patched(a_file("scan.nii"), (252, "2h", (0, 1)), (280, "12f", (3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0)))
    refused(path, "contradicts itself", capfd)


@pytest.mark.parametrize(("matrix", "match"), [("1 0 0 1 0 0 0 0 1", "singular"), ("1 0 0 0 1 0 0.5 0.3 1", "angles")])
def test_meta_images_with_a_bad_matrix(
        matrix: str, match: str, a_scan: sitk.Image, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    a_scan.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, 1))
    path = tmp_path / "scan.mha"
    sitk.WriteImage(a_scan, str(path))
    path.write_bytes(path.read_bytes().replace(b"TransformMatrix = 1 0 0 0 1 0 0 0 1",
                                               f"TransformMatrix = {matrix}".encode()))
    refused(path, match, capfd)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "scan.nrrd", "scan.mha"])
@pytest.mark.parametrize("shape", [(9, 11), (1, 9, 11), (9, 11, 1), (2, 3, 4, 5, 6)])
def test_images_that_are_no_volume(
        name: str, shape: tuple[int, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 9999, shape).astype(np.int16),
                                           isVector=False), str(tmp_path / name))
    refused(tmp_path / name, "2-D|single slice|5 axes", capfd)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nrrd", "scan.mha"])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_colors_and_vectors(name: str, kind: type, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    values = np.random.default_rng(0).integers(0, 255, (4, 5, 6, 3)).astype(kind)
    sitk.WriteImage(sitk.GetImageFromArray(values, isVector=True), str(tmp_path / name))
    refused(tmp_path / name, "numbers per voxel|5 axes", capfd)


def test_absurd_sizes_take_no_memory(a_file: Writer, capfd: pytest.CaptureFixture[str]) -> None:
    refused(patched(a_file("scan.nii"), (40, "4h", (3, 30000, 30000, 30000))), "more than can be read", capfd)
    refused(patched(a_file("huge.nii"), (40, "4h", (3, 1200, 1200, 1200))), "incomplete", capfd)
    path = a_file("scan.nrrd")
    path.write_bytes(path.read_bytes().replace(b"sizes: 11 9 6", b"sizes: 30000 30000 30000"))
    refused(path, "more than can be read", capfd)
    path = a_file("huge.nrrd")
    path.write_bytes(path.read_bytes().replace(b"sizes: 11 9 6", b"sizes: 1200 1200 1200"))
    refused(path, "incomplete", capfd)
    path = path.with_name("long.nrrd")
    write_sequence(path, [Frame(None, sitk.GetImageFromArray(np.eye(6, dtype=np.uint8)[None].repeat(4, 0)))] * 2)
    path.write_bytes(path.read_bytes().replace(b"sizes: 2 6 6 4", b"sizes: 100000 6 6 4"))
    refused(path, "incomplete", capfd)


def test_headers_that_make_no_sense(a_file: Writer, capfd: pytest.CaptureFixture[str]) -> None:
    refused(patched(a_file("scan.nii"), (42, "h", (-11,))), "makes no sense", capfd)
    refused(patched(a_file("scan.nii"), (70, "h", (9999,))), "makes no sense", capfd)
    refused(patched(a_file("scan.nii"), (344, "4s", (b"ni1\0",))), "single-file", capfd)
    refused(patched(a_file("scan.nii"), (0, "i", (540,)), (344, "4s", (b"n+2\0",))), "NIfTI-2", capfd)
    plain = a_file("scan.nii")
    plain.write_bytes(gzip.compress(plain.read_bytes()))
    refused(plain, "compressed although", capfd)


@pytest.mark.parametrize("value", [0, 1000])
def test_an_image_without_contrast(value: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(np.full((4, 5, 6), value, np.int16)), str(tmp_path / "scan.nii.gz"))
    refused(tmp_path / "scan.nii.gz", "same value", capfd)


def ball_labels(values: list[int], kind: type) -> np.ndarray:
    z, y, x = np.mgrid[:24, :32, :32]
    labels = np.zeros((24, 32, 32), kind)
    for number, value in enumerate(values):
        labels[(z - 12) ** 2 + (y - 16) ** 2 + (x - 16) ** 2 < (13 - number * 12 / len(values)) ** 2] = value
    return labels


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
@pytest.mark.parametrize("values", [[1], [1, 2, 3], [205, 420, 500, 550, 600, 820, 850], list(range(1, 10))])
def test_a_label_map_in_the_place_of_a_scan(
        kind: type, values: list[int], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    values = [min(value, 255) for value in values] if kind is np.uint8 else values
    sitk.WriteImage(sitk.GetImageFromArray(ball_labels(values, kind)), str(tmp_path / "labels.nii.gz"))
    refused(tmp_path / "labels.nii.gz", "is a label map", capfd)


def test_eight_bit_scans_are_no_label_maps(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    tissue = ball_labels([60, 120, 200], np.float32)
    for name, sigma in (("noisy.nii.gz", 12.0), ("smooth.nii.gz", 2.5)):
        values = np.clip(tissue + noise.normal(0, sigma, tissue.shape), 0, 255).astype(np.uint8)
        sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / name))
        assert len(read_scan(tmp_path / name).frames) == 1


def test_label_maps_are_judged_by_the_same_rules(tmp_path: Path, a_label_map: sitk.Image) -> None:
    path = tmp_path / "labels.nii"
    sitk.WriteImage(a_label_map, str(path))
    with pytest.raises(InputError, match="spacing"):
        read_labels(patched(path, (80, "f", (0.0,))))
    with pytest.raises(InputError, match="does not exist"):
        read_labels(tmp_path / "nowhere.nii")
