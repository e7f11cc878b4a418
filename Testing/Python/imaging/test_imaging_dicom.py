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
    voxels_of,
    write_dicom,
    write_volume,
)
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import read_scan

# One slice of the pattern below, compressed losslessly by CharLS; SimpleITK cannot write this syntax.
JPEG_LS_SLICE = (
    "|JeWc01FBL7yuLj0TBTI+5iXv0RR910D~cr$vG(*3-_+vw`$Fb^{Ui>3kHe_i3o@vJapl+MobqhRG>5fESVxCAARRtamO2NrkZF_bjvKV!wfLO"
    ">#n-%tg^yom6ln~b6VE5t!o&-QVR=O*0rr`TGXWmp#TA5MRh4kQk0~nDGx!?5P=f15QHKkAP$IGL_|RXsv;sH07O_!%*@QbR7}i)krmT3Gcz+"
    "U6w@GNR$blQ-OS9(rqqh7ZMNHOwzyPVZMNHOw%XZ6ZMNHOw%c}!5C4Dvf7vI$|9}5*0007zod19Sd;kCdr8i)j_S<d$00002BFazt<j4Pi|3C"
    "vtMgM-WE&qS`00fjD|9|yKPyYZ0l6imsfBiyB@BlQNRaO6g|9WOMCcpoG|9}5dCO`jw_S<c?qW{?")


def jpeg_ls_pattern() -> np.ndarray:
    y, x = np.mgrid[:24, :20]
    return ((x * 37 + y * 91) % 997).astype(np.uint16)


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
