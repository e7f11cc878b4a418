"""DICOM folders as scanners and archives leave them."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from dicom_examples import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    JPEG_LS,
    RLE,
    encode,
    rle_encoded,
    write_dicom,
    write_enhanced,
    write_volume,
)
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import Scan, list_series, read_scan

# One slice of the pattern below, compressed losslessly by CharLS; SimpleITK cannot write this syntax.
JPEG_LS_SLICE = (
    "|JeWc01FBL7yuLj0TBTI+5iXv0RR910D~cr$vG(*3-_+vw`$Fb^{Ui>3kHe_i3o@vJapl+MobqhRG>5fESVxCAARRtamO2NrkZF_bjvKV!wfLO"
    ">#n-%tg^yom6ln~b6VE5t!o&-QVR=O*0rr`TGXWmp#TA5MRh4kQk0~nDGx!?5P=f15QHKkAP$IGL_|RXsv;sH07O_!%*@QbR7}i)krmT3Gcz+"
    "U6w@GNR$blQ-OS9(rqqh7ZMNHOwzyPVZMNHOw%XZ6ZMNHOw%c}!5C4Dvf7vI$|9}5*0007zod19Sd;kCdr8i)j_S<d$00002BFazt<j4Pi|3C"
    "vtMgM-WE&qS`00fjD|9|yKPyYZ0l6imsfBiyB@BlQNRaO6g|9WOMCcpoG|9}5dCO`jw_S<c?qW{?")


def jpeg_ls_pattern() -> np.ndarray:
    y, x = np.mgrid[:24, :20]
    return ((x * 37 + y * 91) % 997).astype(np.uint16)


@pytest.fixture
def ct() -> np.ndarray:
    """(slices, rows, columns)"""
    return np.random.default_rng(1).normal(0, 300, (7, 24, 20)).astype(np.int16)


@pytest.fixture
def cine() -> np.ndarray:
    """(phases, slices, rows, columns)"""
    return np.random.default_rng(2).integers(0, 2000, (4, 3, 24, 20)).astype(np.uint16)


def voxels_of(scan: Scan, frame: int = 0) -> np.ndarray:
    return sitk.GetArrayFromImage(scan.frames[frame].image)


def write_cine(folder: Path, cine: np.ndarray, *, step: float = 10.0, one_series: bool = False,
               start: int = 1, kind: str = "M", **extra: Any) -> None:
    """Writes a cine with one series per slice position, or all in one, files named against their order."""
    phases, slices = cine.shape[:2]
    for place in range(slices):
        for phase in range(phases):
            series = start if one_series else start + place
            count = phase * slices + place if one_series else phase
            facts = {"series": f"1.2.{series}", "number": series, "position": (5, 6, step * place),
                     "instance": f"1.{ord(kind)}.{start}.{place}.{phase}", "instance_number": count + 1,
                     "modality": "MR", "description": "cine sax", "trigger": 30 * phase,
                     "image_type": ("ORIGINAL", "PRIMARY", kind), **extra}
            name = f"{start}-{slices - place}-{phases - phase}"
            write_dicom(folder / f"series{series}" / name, cine[phase, place], **facts)


@pytest.mark.parametrize("settings", [{"syntax": EXPLICIT}, {"syntax": IMPLICIT}, {"syntax": BIG}, {"preamble": False},
                                      {"preamble": False, "syntax": IMPLICIT}])
def test_a_ct_series_without_file_endings(settings: dict[str, Any], tmp_path: Path, ct: np.ndarray) -> None:
    scan = read_scan(write_volume(tmp_path, ct, **settings))
    image = scan.frames[0].image
    assert (voxels_of(scan) == ct).all()
    assert image.GetSpacing() == (1.25, 1.5, 2.0)
    assert image.GetOrigin() == (-10.0, -20.0, 0.0)
    assert (scan.modality, scan.orientation_known, scan.resampled, scan.warnings) == ("ct", True, False, [])


def test_rescaled_ct_stays_16_bit(tmp_path: Path, ct: np.ndarray) -> None:
    stored = (ct + 1024).clip(0, 4095)
    scan = read_scan(write_volume(tmp_path, stored, intercept=-1024, slope=1))
    assert scan.frames[0].image.GetPixelID() == sitk.sitkInt16
    assert (voxels_of(scan) == stored - 1024).all()


def test_a_slope_that_differs_between_slices_is_applied(tmp_path: Path, ct: np.ndarray) -> None:
    for index, one in enumerate(ct):
        write_dicom(tmp_path / f"{index}.dcm", one, position=(0, 0, 3 * index), instance=f"1.{index}",
                    slope=1.5 if index == 2 else 1, intercept=0)
    expected = ct.astype(np.float32)
    expected[2] *= 1.5
    assert np.allclose(voxels_of(read_scan(tmp_path)), expected)


@pytest.mark.parametrize("method", ["JPEG", "JPEG2000"])
def test_slices_compressed_by_jpeg(method: str, tmp_path: Path, ct: np.ndarray) -> None:
    for index, one in enumerate(ct):
        image = sitk.GetImageFromArray(one[np.newaxis])
        for tag, value in (("0008|0060", "CT"), ("0020|0032", f"0\\0\\{2 * index}"), ("0020|000e", "1.2.3"),
                           ("0020|0037", "1\\0\\0\\0\\1\\0"), ("0020|0013", str(index))):
            image.SetMetaData(tag, value)
        writer = sitk.ImageFileWriter()
        writer.SetFileName(str(tmp_path / f"{index}.dcm"))
        writer.KeepOriginalImageUIDOn()
        writer.SetUseCompression(True)
        writer.SetCompressor(method)
        writer.Execute(image)
    assert (voxels_of(read_scan(tmp_path)) == ct).all()


def test_slices_compressed_by_jpeg_ls_and_run_length(tmp_path: Path) -> None:
    pixels = jpeg_ls_pattern()
    for name, syntax, stored in (("ls", JPEG_LS, base64.b85decode(JPEG_LS_SLICE)), ("rle", RLE, rle_encoded(pixels))):
        for index in range(3):
            write_dicom(tmp_path / name / f"{index}", pixels, syntax=syntax, stored=stored, instance=f"1.{index}",
                        position=(0, 0, 2 * index))
        assert (voxels_of(read_scan(tmp_path / name)) == pixels).all()


def test_pixels_that_cannot_be_decoded(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pixels = jpeg_ls_pattern()
    for index in range(3):
        write_dicom(tmp_path / f"{index}", pixels, syntax=JPEG_LS, stored=b"no image at all", instance=f"1.{index}",
                    position=(0, 0, 2 * index))
    with pytest.raises(InputError, match="cannot be decoded"):
        read_scan(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_damaged_slices_are_never_left_out_in_silence(tmp_path: Path, ct: np.ndarray) -> None:
    last = write_volume(tmp_path, ct) / "IM0001"
    whole = last.read_bytes()
    last.write_bytes(whole[:-100])
    with pytest.raises(InputError, match="pixels of the DICOM file IM0001 cannot be decoded"):
        read_scan(tmp_path)
    last.write_bytes(whole[:400])
    scan = read_scan(tmp_path)
    assert scan.frames[0].image.GetSize()[2] == 6
    assert scan.warnings == ["1 DICOM files are damaged and were left out (IM0001)."]


def test_oblique_slices_give_a_right_handed_grid_along_their_normal(tmp_path: Path, ct: np.ndarray) -> None:
    row, column = np.array([0.6, 0.8, 0.0]), np.array([-0.48, 0.36, 0.8])
    normal = np.cross(row, column)
    for index, one in enumerate(ct):
        write_dicom(tmp_path / f"{index}", one, instance=f"1.{index}", orientation=(*row, *column),
                    position=tuple(np.array([7.0, 8.0, 9.0]) - 3 * index * normal))  # stored from top to bottom
    image = read_scan(tmp_path).frames[0].image
    assert np.allclose(np.array(image.GetDirection()).reshape(3, 3), np.column_stack([row, column, normal]))
    assert np.allclose(image.GetOrigin(), np.array([7.0, 8.0, 9.0]) - 18 * normal)
    assert (sitk.GetArrayFromImage(image) == ct[::-1]).all()


def test_other_files_are_passed_over_and_copies_count_once(tmp_path: Path, ct: np.ndarray) -> None:
    folder = write_volume(tmp_path / "a" / "deep" / "folder", ct)
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 90)
    (tmp_path / "report.txt").write_text("no image")
    (tmp_path / "empty").write_bytes(b"")
    report = encode([(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.88.11"), (0x00080060, "CS", "SR")])
    (tmp_path / "report.dcm").write_bytes(b"\0" * 128 + b"DICM" + report)
    scan = read_scan(tmp_path)
    assert (voxels_of(scan) == ct).all()
    assert scan.warnings == []
    assert (voxels_of(read_scan(sorted(folder.iterdir()))) == ct).all()


# Cines


@pytest.mark.parametrize("one_series", [True, False])
def test_a_cine_becomes_one_4d_stack(one_series: bool, tmp_path: Path, cine: np.ndarray) -> None:
    write_cine(tmp_path, cine, one_series=one_series)
    scan = read_scan(tmp_path)
    assert len(scan.frames) == 4
    assert all((voxels_of(scan, phase) == cine[phase]).all() for phase in range(4))
    assert [frame.time_ms for frame in scan.frames] == [0, 30, 60, 90]
    assert scan.frames[0].image.GetSpacing()[2] == 10.0
    assert (scan.modality, scan.warnings) == ("mr", [])
    (info,) = list_series(tmp_path)
    assert (info.slices, info.phases, len(info.uids)) == (3, 4, 1 if one_series else 3)


def test_phases_without_trigger_time_follow_their_instance_numbers(tmp_path: Path, cine: np.ndarray) -> None:
    write_cine(tmp_path, cine, trigger=None)
    scan = read_scan(tmp_path)
    assert [frame.time_ms for frame in scan.frames] == [None] * 4
    assert all((voxels_of(scan, phase) == cine[phase]).all() for phase in range(4))


def test_a_view_in_another_orientation_is_listed_and_not_joined(tmp_path: Path, cine: np.ndarray) -> None:
    write_cine(tmp_path, cine)
    write_cine(tmp_path, cine[:, :1], start=50, orientation=(0, 1, 0, 0, 0, -1), description="four chambers")
    scan = read_scan(tmp_path)
    assert scan.frames[0].image.GetSize() == (20, 24, 3)
    assert len(scan.warnings) == 1
    assert "2) four chambers: MR sagittal, 20 x 24 x 1, 4 phases (is a single slice)" in scan.warnings[0]


def test_a_repeated_breath_hold_replaces_the_first_attempt(tmp_path: Path, cine: np.ndarray) -> None:
    write_cine(tmp_path, cine)
    write_cine(tmp_path, cine[:, 1:2] + 1, start=9, position=(5, 6, 10.2))
    scan = read_scan(tmp_path)
    assert (voxels_of(scan)[1] == cine[0, 1] + 1).all()
    assert voxels_of(scan).shape == (3, 24, 20)
    assert "taken more than once" in " ".join(scan.warnings)


def test_another_sequence_at_the_same_positions_stays_apart(tmp_path: Path, cine: np.ndarray) -> None:
    write_cine(tmp_path, cine)
    write_cine(tmp_path, cine[:, :2] + 1, start=20, description="tagging sax")
    assert [(info.description, info.slices) for info in list_series(tmp_path)] == [("cine sax", 3), ("tagging sax", 2)]


def test_magnitude_and_phase_images_of_one_series_stay_apart(tmp_path: Path, cine: np.ndarray) -> None:
    write_cine(tmp_path, cine, one_series=True)
    write_cine(tmp_path / "phase", cine + 1, one_series=True, kind="P")
    assert [(info.slices, info.phases) for info in list_series(tmp_path)] == [(3, 4), (3, 4)]


def test_a_position_with_missing_phases_is_left_out_with_a_warning(tmp_path: Path, cine: np.ndarray) -> None:
    write_cine(tmp_path, cine, one_series=True)
    (tmp_path / "series1" / "1-1-1").unlink()
    scan = read_scan(tmp_path)
    assert scan.frames[0].image.GetSize()[2] == 2
    assert "positions with fewer were left out" in scan.warnings[0]


def test_enhanced_multi_frame_images(tmp_path: Path, cine: np.ndarray) -> None:
    timed = read_scan(write_enhanced(tmp_path / "timed.dcm", cine, delays=[0.0, 33.0, 66.0, 99.0]))
    assert [frame.time_ms for frame in timed.frames] == [0, 33, 66, 99]
    assert timed.frames[0].image.GetSpacing() == (1.25, 1.5, 8.0)
    assert timed.frames[0].image.GetOrigin() == (-10.0, -20.0, 0.0)
    assert all((voxels_of(timed, phase) == cine[phase]).all() for phase in range(4))
    indexed = read_scan(write_enhanced(tmp_path / "indexed.dcm", cine))
    assert all((voxels_of(indexed, phase) == cine[phase]).all() for phase in range(4))
    still = read_scan(write_enhanced(tmp_path / "still.dcm", cine[:1]))
    assert (voxels_of(still) == cine[0]).all()
    with pytest.raises(InputError, match="scaled differently"):
        read_scan(write_enhanced(tmp_path / "scaled.dcm", cine, slopes=[1.0] * 6 + [2.0] * 6))


# Choice


def test_the_largest_axial_ct_is_chosen_and_the_others_are_named(tmp_path: Path, ct: np.ndarray) -> None:
    write_volume(tmp_path / "thick", ct[:3], series="1.1", number=2, description="thick")
    write_volume(tmp_path / "thin", ct, series="1.2", number=3, description="thin")
    turned = np.random.default_rng(0).integers(0, 99, (30, 40, 40)).astype(np.int16)
    for index, one in enumerate(turned):
        write_dicom(tmp_path / "coronal" / f"{index}", one, series="1.3", number=1, description="coronal",
                    orientation=(1, 0, 0, 0, 0, -1), position=(0, index, 0), instance=f"1.3.{index}")
    scan = read_scan(tmp_path)
    assert (voxels_of(scan) == ct).all()
    assert "3) thin" in scan.warnings[0]
    assert "1) coronal" in scan.warnings[0]
    assert "2) thick" in scan.warnings[0]


def test_a_series_is_chosen_by_number_or_uid(tmp_path: Path, ct: np.ndarray) -> None:
    write_volume(tmp_path / "a", ct[:3], series="1.1", number=2)
    write_volume(tmp_path / "b", ct, series="1.2", number=3)
    for choice in (1, "1", "1.1"):
        scan = read_scan(tmp_path, series=choice)
        assert (voxels_of(scan) == ct[:3]).all()
        assert scan.warnings == []
    with pytest.raises(InputError, match="Series 7 is not in"):
        read_scan(tmp_path, series=7)


def test_a_chosen_series_that_cannot_be_used(tmp_path: Path, ct: np.ndarray) -> None:
    write_volume(tmp_path / "a", ct[:1], series="1.1", number=1)
    write_volume(tmp_path / "b", ct, series="1.2", number=2)
    with pytest.raises(InputError, match="is a single slice"):
        read_scan(tmp_path, series=1)


def test_scans_of_several_patients_are_never_mixed_or_guessed(tmp_path: Path, ct: np.ndarray) -> None:
    write_volume(tmp_path / "a", ct, series="1.1", patient="A")
    write_volume(tmp_path / "b", ct, series="1.2", patient="B")
    with pytest.raises(InputError, match="several patients"):
        read_scan(tmp_path)
    assert (voxels_of(read_scan(tmp_path, series="1.2")) == ct).all()


def test_a_choice_of_series_is_no_use_for_other_files(tmp_path: Path, ct: np.ndarray) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(ct), str(tmp_path / "scan.nii.gz"))
    assert "no effect" in read_scan(tmp_path / "scan.nii.gz", series=2).warnings[0]


@pytest.mark.parametrize(("facts", "reason"), [
    ({"modality": "US"}, "holds US images"), ({"samples": 3}, "color pictures"),
    ({"position": None}, "does not say where"), ({"spacing": None}, "does not say where"),
    ({"orientation": (1, 0, 0, 1, 0, 0)}, "does not say where"), ({"spacing": (0, 1)}, "does not say where"),
    ({"spacing": ("nan", 1)}, "does not say where")])
def test_series_that_are_no_scan(facts: dict[str, Any], reason: str, tmp_path: Path, ct: np.ndarray) -> None:
    for index, one in enumerate(ct):
        write_dicom(tmp_path / f"{index}", one, instance=f"1.{index}", **{"position": (0, 0, index), **facts})
    with pytest.raises(InputError, match=reason):
        read_scan(tmp_path)


def test_a_single_slice_is_refused(tmp_path: Path, ct: np.ndarray) -> None:
    with pytest.raises(InputError, match="is a single slice"):
        read_scan(write_dicom(tmp_path / "one.dcm", ct[0]))


# Uneven and tilted slices


def wedge(slices: list[float], tilt: float = 0.0) -> np.ndarray:
    """A ramp in space, 10 z + 3 y, sampled where the slices lie; linear resampling gives it back exactly."""
    y = -20 + 1.5 * np.arange(24)
    return np.stack([np.tile((10 * z + 3 * (y + tilt * z))[:, None], 20) for z in slices]).round().astype(np.int16)


@pytest.mark.parametrize("places", [[0, 2, 4, 8, 10, 12], [0, 2, 4.9, 6, 8, 10]])
def test_missing_or_uneven_slices_are_resampled_onto_even_ones(places: list[float], tmp_path: Path) -> None:
    scan = read_scan(write_volume(tmp_path, wedge(places), places=places))
    image = scan.frames[0].image
    even = [2.0 * index for index in range(round(places[-1] / 2) + 1)]
    assert scan.resampled
    assert "unevenly spaced" in scan.warnings[0]
    assert (image.GetSize()[2], image.GetSpacing()[2]) == (len(even), 2.0)
    assert image.GetPixelID() == sitk.sitkInt16
    assert np.abs(sitk.GetArrayFromImage(image) - wedge(even)).max() <= 1


def test_rounded_positions_are_even(tmp_path: Path, ct: np.ndarray) -> None:
    places = [round(0.625 * index, 1) for index in range(7)]
    scan = read_scan(write_volume(tmp_path, ct, places=places))
    assert not scan.resampled
    assert (voxels_of(scan) == ct).all()
    assert scan.frames[0].image.GetSpacing()[2] == pytest.approx(places[-1] / 6)


def test_a_tilted_gantry_is_resampled_to_right_angles(tmp_path: Path) -> None:
    places, tilt = [3.0 * index for index in range(6)], 0.35
    scan = read_scan(write_volume(tmp_path, wedge(places, tilt), places=places, shift=(0, tilt)))
    image = scan.frames[0].image
    assert scan.resampled
    assert "tilted by 19.3 degrees" in scan.warnings[0]
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    got = sitk.GetArrayFromImage(image).astype(float)
    z, y = 3.0 * np.arange(6), image.GetOrigin()[1] + 1.5 * np.arange(image.GetSize()[1])
    truth = 10 * z[:, None] + 3 * y
    outside = np.maximum(-20 + tilt * z[:, None] - y, y - 14.5 - tilt * z[:, None])  # mm beyond the slice's edge
    assert np.abs(got - truth[..., None])[outside <= 0].max() <= 1.5
    assert (got[outside > 0.8] == got.min()).all()
    assert (outside <= 0).sum() > 100
    assert (outside > 0.8).sum() > 10


def test_too_wide_a_gap_is_not_filled_in(tmp_path: Path, ct: np.ndarray) -> None:
    with pytest.raises(InputError, match="slices are missing: 56 mm lie between slice 3 and slice 4"):
        read_scan(write_volume(tmp_path, ct, places=[0, 2, 4, 60, 62, 64, 66]))
