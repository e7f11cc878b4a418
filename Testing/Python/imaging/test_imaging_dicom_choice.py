"""Which of the series in a DICOM folder is read, and which are no scan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from dicom_examples import voxels_of, write_dicom, write_volume
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import read_scan


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
