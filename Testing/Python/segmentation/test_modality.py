from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.segmentation.modality import find_modality


def chest(lung: bool = True) -> np.ndarray:
    rng = np.random.default_rng(0)
    values = rng.normal(45.0, 20.0, (24, 30, 30))
    values[:, :8] = rng.normal(-95.0, 15.0, (24, 8, 30))
    values[8:16, 12:20, 12:20] = rng.normal(380.0, 20.0, (8, 8, 8))
    if lung:
        values[:, :, :10] = rng.normal(-840.0, 30.0, (24, 30, 10))
    return values.astype(np.int16)


def magnitude() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.abs(rng.normal(0, 1, (24, 30, 30)) * 300 + rng.integers(0, 4, (24, 30, 30)) * 400).astype(np.float32)


@pytest.mark.parametrize("array", [chest(), chest(lung=False), np.maximum(chest(), -250)])
def test_ct_is_told_by_its_values_also_when_cropped_to_the_heart(array: np.ndarray) -> None:
    assert find_modality(array, "auto") == find_modality(array, "ct")
    assert find_modality(array, None).name == "ct"


@pytest.mark.parametrize("array", [magnitude(), magnitude() / 900.0, (magnitude() - 500.0) / 400.0,
                                   magnitude().astype(np.uint16)])
def test_mr_magnitudes_and_standardized_mr_are_mr(array: np.ndarray) -> None:
    found = find_modality(array, "auto")
    assert (found.name, found.offset, found.warnings) == ("mr", 0.0, ())


@pytest.mark.parametrize("wanted", ["auto", "ct"])
def test_ct_without_its_intercept_is_shifted_and_said(wanted: str) -> None:
    found = find_modality((np.maximum(chest(), -1024) + 1024).astype(np.uint16), wanted)
    assert found.name == "ct"
    assert found.offset == -1024.0
    assert "1024" in found.warnings[0]


def test_what_the_user_says_counts() -> None:
    assert find_modality(chest(), "mr").name == "mr"
    assert find_modality(magnitude(), "ct").name == "ct"
    with pytest.raises(UsageError, match="pet"):
        find_modality(chest(), "pet")


def test_constant_and_broken_images_are_refused() -> None:
    with pytest.raises(InputError, match="same value"):
        find_modality(np.full((9, 9, 9), 4), "auto")
    with pytest.raises(InputError, match="not numbers"):
        find_modality(np.full((9, 9, 9), np.nan), "auto")


def test_one_bright_voxel_between_the_samples_is_not_constant() -> None:
    array = np.zeros((200, 200, 200), np.int16)
    array[1, 1, 1] = 5
    assert find_modality(array, "auto").name == "mr"


def test_real_scans_are_recognized(shared_data: Path) -> None:
    def read(name: str) -> np.ndarray:
        return sitk.GetArrayFromImage(sitk.ReadImage(str(shared_data / name)))

    ct = read("ct/chest_noncontrast_1p5mm.nii.gz")
    assert find_modality(ct, "auto").name == "ct"
    stored = np.clip(ct.astype(np.int32) + 1024, 0, 4095)
    assert find_modality(stored, "auto").offset == -1024.0
    for case in ("A", "B", "C"):
        assert find_modality(read(f"mr/cine_sax_{case}.nii.gz"), "auto").name == "mr"
