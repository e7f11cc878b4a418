"""Cines: DICOM images of one place over the heartbeat become one 4-D stack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dicom_examples import voxels_of, write_cine, write_enhanced
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import list_series, read_scan


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
