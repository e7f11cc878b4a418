"""DICOM slices that are uneven, missing or tilted are brought onto a regular grid, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from dicom_examples import voxels_of, write_volume
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import read_scan


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
