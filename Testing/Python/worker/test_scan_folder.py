"""What the parent hands over is judged before memory is taken for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.worker.scan_folder import read_scan_folder
from random_models import ct_like, same_grid
from scan_in_folder import private_folder, put_scan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A private folder in one with letters of many alphabets."""
    parent = tmp_path / "Жё 心臓"
    parent.mkdir()
    return private_folder(parent)


def test_voxels_and_grid_arrive_as_they_were(folder: Path) -> None:
    put_scan(folder, [ct_like(), ct_like() + 5], modality="mr")
    scan = read_scan_folder(folder)
    assert [frame.time_ms for frame in scan.frames] == [0.0, 40.0]
    assert scan.modality == "mr"
    assert scan.orientation_known
    for number, frame in enumerate(scan.frames):
        assert same_grid(frame.image, ct_like())
        expected = sitk.GetArrayFromImage(ct_like()) + 5 * number
        np.testing.assert_array_equal(sitk.GetArrayFromImage(frame.image), expected)


def test_doubles_and_unknown_orientation_are_taken(folder: Path) -> None:
    put_scan(folder, [sitk.Cast(ct_like(), sitk.sitkFloat64)], orientation_known=False)
    scan = read_scan_folder(folder)
    assert scan.frames[0].image.GetPixelID() == sitk.sitkFloat32
    assert not scan.orientation_known


BAD = [
    ({"size": [20, 18]}, "not described"),
    ({"size": [20, 18, 0]}, "not described"),
    ({"size": [20, 18, 1]}, "single slice"),
    ({"size": [60000, 60000, 2000]}, "voxels"),
    ({"size": [20, 18, 15]}, "Frame 0 of the scan was not handed over"),
    ({"dtype": "complex64"}, "not described"),
    ({"dtype": "object"}, "not described"),
    ({"spacing": [1.0, 0.0, 1.0]}, "spacing"),
    ({"direction": [1, 0, 0, 1, 0, 0, 0, 0, 1]}, "singular"),
    ({"direction": [1, 0.2, 0, 0, 1, 0, 0, 0, 1]}, "sheared"),
    ({"origin": ["a", 0, 0]}, "not described"),
    ({"frames": []}, "not described"),
    ({"frames": [{"file": "../frame_000.raw", "time_ms": None}]}, "not described"),
    ({"frames": [{"file": "frame_001.raw", "time_ms": None}]}, "Frame 0 of the scan was not handed over"),
    ({"modality": "us"}, "not described"),
]


@pytest.mark.parametrize(("changes", "said"), BAD)
def test_what_cannot_be_a_scan_is_refused(folder: Path, changes: dict[str, Any], said: str) -> None:
    put_scan(folder, **changes)
    with pytest.raises(InputError, match=said) as failure:
        read_scan_folder(folder)
    assert failure.value.remedy


def test_a_label_map_is_refused(folder: Path) -> None:
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[2:8, 2:8, 2:8], labels[8:10] = 1, 2
    put_scan(folder, [sitk.GetImageFromArray(labels)])
    with pytest.raises(InputError, match="the scan is a label map"):
        read_scan_folder(folder)


def test_a_missing_description_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="not described"):
        read_scan_folder(folder)
