"""Image files in every format, geometry and number type that people bring."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import read_scan

QFORM_CODE, SFORM_CODE, SFORM, PIXDIM, SLOPE, TIME_UNITS = 252, 254, 280, 76, 112, 123


def patched(path: Path, *changes: tuple[int, str, tuple[float, ...]]) -> Path:
    """Overwrites header fields of an uncompressed little-endian file."""
    data = bytearray(path.read_bytes())
    for offset, layout, values in changes:
        struct.pack_into(f"<{layout}", data, offset, *values)
    path.write_bytes(data)
    return path


def array_of(path: Path, frame: int = 0) -> np.ndarray:
    return sitk.GetArrayFromImage(read_scan(path).frames[frame].image)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "scan.nrrd", "scan.nhdr", "scan.mha", "scan.mhd"])
def test_every_format_keeps_voxels_and_an_oblique_left_handed_grid(
        name: str, a_file: Callable[[str], Path], a_scan: sitk.Image, voxels: np.ndarray,
        same_grid: Callable[[sitk.Image, sitk.Image, float], bool]) -> None:
    scan = read_scan(a_file(name))
    image = scan.frames[0].image
    assert (sitk.GetArrayFromImage(image) == voxels).all()
    assert same_grid(image, a_scan, 2e-6)
    assert image.GetPixelID() == sitk.sitkInt16
    assert (len(scan.frames), scan.frames[0].time_ms, scan.modality) == (1, None, None)
    assert scan.orientation_known
    assert not scan.resampled
    assert scan.warnings == []


@pytest.mark.parametrize(("kind", "expected"), [
    (np.uint8, sitk.sitkUInt8), (np.int16, sitk.sitkInt16), (np.uint16, sitk.sitkUInt16), (np.int32, sitk.sitkInt16),
    (np.uint32, sitk.sitkInt16), (np.int64, sitk.sitkInt16), (np.float32, sitk.sitkFloat32),
    (np.float64, sitk.sitkFloat32)])
def test_number_types_become_narrow_ones_with_the_same_values(
        kind: type, expected: int, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 250, (4, 5, 6)).astype(kind)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "scan.mha"))
    image = read_scan(tmp_path / "scan.mha").frames[0].image
    assert image.GetPixelID() == expected
    assert (sitk.GetArrayFromImage(image) == values).all()


def test_wide_integers_keep_large_values(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 3_000_000_000, (4, 5, 6)).astype(np.uint32)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "scan.mha"))
    image = read_scan(tmp_path / "scan.mha").frames[0].image
    assert image.GetPixelID() == sitk.sitkFloat32
    assert np.allclose(sitk.GetArrayFromImage(image), values, rtol=1e-6)


def test_slope_and_intercept_are_applied(a_file: Callable[[str], Path], voxels: np.ndarray) -> None:
    path = patched(a_file("scan.nii"), (SLOPE, "2f", (0.5, -1000.0)))
    assert np.allclose(array_of(path), voxels * 0.5 - 1000)


def test_a_big_endian_file_is_read(a_file: Callable[[str], Path], voxels: np.ndarray, a_scan: sitk.Image) -> None:
    little = a_file("scan.nii").read_bytes()
    layout = "i10s18sihcB8h3f4h8f3fhcB4f2i80s24s2h6f12f16s4s"  # nifti1.h
    head = struct.pack(f">{layout}", *struct.unpack(f"<{layout}", little[:348]))
    path = a_file("big.nii")
    path.write_bytes(head + little[348:352] + voxels.astype(">i2").tobytes())
    scan = read_scan(path)
    assert (sitk.GetArrayFromImage(scan.frames[0].image) == voxels).all()
    assert np.allclose(scan.frames[0].image.GetDirection(), a_scan.GetDirection(), atol=1e-6)


@pytest.mark.parametrize("name", ["scan.nrrd", "scan.nii", "scan.nii.gz"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_voxels_that_are_no_numbers_get_the_lowest_value_and_a_warning(
        name: str, kind: type, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(500, 9, (20, 5, 6)).astype(np.float32).astype(kind)
    values[1, 2, 3], values[19, 0, 0], values[7, 1, 1] = np.nan, np.inf, -np.inf
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / name))
    scan = read_scan(tmp_path / name)
    got = sitk.GetArrayFromImage(scan.frames[0].image)
    bad = ~np.isfinite(values)
    assert (got[bad] == values[~bad].min()).all()
    assert (got[~bad] == values[~bad]).all()
    assert len(scan.warnings) == 1
    assert scan.warnings[0].startswith("3 voxels")


@pytest.mark.parametrize("name", ["scan.nrrd", "scan.nii"])
def test_an_image_without_any_number_is_refused(name: str, tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(np.full((3, 4, 5), np.nan, np.float32)), str(tmp_path / name))
    with pytest.raises(InputError, match="no numbers at all"):
        read_scan(tmp_path / name)


def test_identity_direction_of_an_axial_ct_is_believed(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(-300, 400, (12, 40, 40)).astype(np.int16))
    image.SetSpacing((0.8, 0.8, 5.0))
    for name in ("scan.nii.gz", "scan.nrrd", "scan.mha"):
        sitk.WriteImage(image, str(tmp_path / name))
        assert read_scan(tmp_path / name).orientation_known


def short_axis_stack(origin: tuple[float, float, float]) -> sitk.Image:
    image = sitk.GetImageFromArray(np.random.default_rng(0).integers(0, 900, (10, 40, 40)).astype(np.int16))
    image.SetSpacing((1.5, 1.5, 8.0))
    image.SetOrigin(origin)
    return image


def test_a_thick_stack_with_a_made_up_frame_is_not_believed(tmp_path: Path) -> None:
    for number, origin in enumerate([(0.0, 0.0, 0.0), (-29.25, -29.25, -36.0), (-15.0, 30.75, -36.0)]):
        path = tmp_path / f"{number}.nii.gz"
        sitk.WriteImage(short_axis_stack(origin), str(path))
        assert not read_scan(path).orientation_known


def test_a_thick_stack_with_a_measured_position_or_angle_is_believed(
        tmp_path: Path, oblique_left_handed: tuple[float, ...]) -> None:
    measured, turned = short_axis_stack((-112.37, -98.21, 41.9)), short_axis_stack((0.0, 0.0, 0.0))
    turned.SetDirection(oblique_left_handed)
    for name, image in (("measured.nii.gz", measured), ("turned.nii.gz", turned)):
        sitk.WriteImage(image, str(tmp_path / name))
        assert read_scan(tmp_path / name).orientation_known


def test_headers_that_state_no_orientation_are_not_believed(
        a_file: Callable[[str], Path], tmp_path: Path, voxels: np.ndarray) -> None:
    nifti = patched(a_file("scan.nii"), (QFORM_CODE, "2h", (0, 0)))
    nrrd = tmp_path / "plain.nrrd"
    nrrd.write_bytes(b"NRRD0004\ntype: short\ndimension: 3\nsizes: 11 9 6\nspacings: 1 1 2\nendian: little\n"
                     b"encoding: raw\n\n" + voxels.tobytes())
    meta = a_file("scan.mha")
    lines = meta.read_bytes().split(b"\n")
    meta.write_bytes(b"\n".join(line for line in lines if not line.startswith((b"TransformMatrix", b"Anatomical"))))
    assert [read_scan(path).orientation_known for path in (nifti, nrrd, meta)] == [False] * 3


def test_a_sheared_affine_beside_a_good_quaternion_warns(a_file: Callable[[str], Path]) -> None:
    path = patched(a_file("scan.nii"), (SFORM, "12f", (1, 0, 0.5, 0, 0, 1, 0, 0, 0, 0, 2, 0)))
    assert "sheared" in read_scan(path).warnings[0]


# 4-D


@pytest.fixture
def phases() -> np.ndarray:
    """(t, z, y, x)"""
    return np.random.default_rng(5).integers(0, 3000, (4, 3, 5, 6)).astype(np.int16)


def test_4d_nifti_gives_frames_with_their_times(tmp_path: Path, phases: np.ndarray) -> None:
    joined = sitk.JoinSeries([sitk.GetImageFromArray(phase) for phase in phases], 0.0, 0.04)
    sitk.WriteImage(joined, str(tmp_path / "cine.nii.gz"))
    frames = read_scan(tmp_path / "cine.nii.gz").frames
    assert len(frames) == 4
    assert [frame.time_ms for frame in frames] == pytest.approx([0, 40, 80, 120], abs=1e-4)
    assert all((sitk.GetArrayFromImage(frame.image) == phase).all()
               for frame, phase in zip(frames, phases, strict=True))
    assert (sitk.GetArrayFromImage(frames[-1].image) == phases[3]).all()
    assert [frame.time_ms for frame in frames[1:3]] == pytest.approx([40, 80], abs=1e-4)
    with pytest.raises(IndexError):
        frames[4]


def test_a_time_step_of_one_second_is_what_writers_put_for_unknown(tmp_path: Path, phases: np.ndarray) -> None:
    joined = sitk.JoinSeries([sitk.GetImageFromArray(phase) for phase in phases], 0.0, 1.0)
    sitk.WriteImage(joined, str(tmp_path / "cine.nii"))
    assert [frame.time_ms for frame in read_scan(tmp_path / "cine.nii").frames] == [None] * 4
    patched(tmp_path / "cine.nii", (PIXDIM + 16, "f", (30.0,)), (TIME_UNITS, "B", (2 | 16,)))
    assert [frame.time_ms for frame in read_scan(tmp_path / "cine.nii").frames] == [0, 30, 60, 90]


@pytest.mark.parametrize("list_first", [True, False])
@pytest.mark.parametrize(("label", "unit", "times"), [
    ("time", "ms", [0, 31.5, 63, 94.5]), ("time", "", [0, 31500, 63000, 94500]), ("frame", "", [None] * 4)])
def test_slicer_sequences_give_frames_with_their_times(
        tmp_path: Path, phases: np.ndarray, list_first: bool, label: str, unit: str, times: list[float]) -> None:
    axis = 0 if list_first else 3
    order = [4, 6, 5, 3] if list_first else [6, 5, 3, 4]
    spatial, none = ["(1,0,0)", "(0,2,0)", "(0,0,8)"], ["none"]
    quoted = [f'"{label}"', '""', '""', '""'] if list_first else ['""', '""', '""', f'"{label}"']
    units = " ".join(quoted).replace(label, unit)
    kinds = ["list", "domain", "domain", "domain"] if list_first else ["domain", "domain", "domain", "list"]
    header = (f"NRRD0005\ntype: short\ndimension: 4\nspace: left-posterior-superior\nsizes: "
              f"{' '.join(map(str, order))}\nspace directions: "
              f"{' '.join(none + spatial if list_first else spatial + none)}\nkinds: {' '.join(kinds)}\n"
              f"labels: {' '.join(quoted)}\nunits: {units}\nendian: little\nencoding: raw\nspace origin: (1,2,3)\n"
              f"axis {axis} index type:=numeric\naxis {axis} index values:=0 31.5 63 94.5\n\n")
    data = np.moveaxis(phases, 0, -1) if list_first else phases
    (tmp_path / "cine.seq.nrrd").write_bytes(header.encode() + np.ascontiguousarray(data).tobytes())
    scan = read_scan(tmp_path / "cine.seq.nrrd")
    assert [frame.time_ms for frame in scan.frames] == times
    assert all((sitk.GetArrayFromImage(frame.image) == phase).all()
               for frame, phase in zip(scan.frames, phases, strict=True))
    assert scan.frames[2].image.GetSpacing() == (1.0, 2.0, 8.0)


def test_warnings_of_later_frames_arrive_when_they_are_read(tmp_path: Path, phases: np.ndarray) -> None:
    values = phases.astype(np.float32)
    values[2, 0, 0, 0] = np.nan
    joined = sitk.JoinSeries([sitk.GetImageFromArray(phase) for phase in values], 0.0, 0.04)
    sitk.WriteImage(joined, str(tmp_path / "cine.nii"))
    scan = read_scan(tmp_path / "cine.nii")
    assert scan.warnings == []
    assert np.isfinite(sitk.GetArrayFromImage(scan.frames[2].image)).all()
    assert len(scan.warnings) == 1
