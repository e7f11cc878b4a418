"""Small images for the tests of reading and writing."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk


@pytest.fixture
def oblique_left_handed() -> tuple[float, ...]:
    """A direction matrix that is neither aligned with the axes nor right-handed."""
    c, s = math.cos(0.4), math.sin(0.4)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return tuple((turn @ np.diag([1.0, 1.0, -1.0])).ravel())


@pytest.fixture
def voxels() -> np.ndarray:
    """CT-like noise, (z, y, x) int16."""
    return np.random.default_rng(3).normal(0, 400, (6, 9, 11)).astype(np.int16)


@pytest.fixture
def a_scan(voxels: np.ndarray, oblique_left_handed: tuple[float, ...]) -> sitk.Image:
    """The noise on an oblique, left-handed, anisotropic grid."""
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((-31.5, 12.25, 700.125))
    image.SetDirection(oblique_left_handed)
    return image


@pytest.fixture
def a_label_map(a_scan: sitk.Image) -> sitk.Image:
    """Three structures and background on the scan's grid."""
    labels = np.zeros((6, 9, 11), np.uint8)
    labels[1:3, 2:6, 2:8], labels[3:5, 2:6, 2:8], labels[2:4, 6:8, 4:9] = 1, 2, 103
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(a_scan)
    return image


@pytest.fixture
def a_file(tmp_path: Path, a_scan: sitk.Image) -> Callable[[str], Path]:
    """Writes the scan uncompressed under a name and gives the path."""

    def write(name: str) -> Path:
        sitk.WriteImage(a_scan, str(tmp_path / name), useCompression=name.endswith(".gz"))
        return tmp_path / name

    return write


@pytest.fixture
def same_grid() -> Callable[[sitk.Image, sitk.Image, float], bool]:
    """Whether two images have equal size and equal spacing, origin and direction within a tolerance."""

    def compare(one: sitk.Image, other: sitk.Image, tolerance: float) -> bool:
        return one.GetSize() == other.GetSize() and all(
            np.allclose(a, b, rtol=0, atol=tolerance)
            for a, b in ((one.GetSpacing(), other.GetSpacing()), (one.GetOrigin(), other.GetOrigin()),
                         (one.GetDirection(), other.GetDirection())))

    return compare


@pytest.fixture
def ct() -> np.ndarray:
    """(slices, rows, columns)"""
    return np.random.default_rng(1).normal(0, 300, (7, 24, 20)).astype(np.int16)


@pytest.fixture
def cine() -> np.ndarray:
    """(phases, slices, rows, columns)"""
    return np.random.default_rng(2).integers(0, 2000, (4, 3, 24, 20)).astype(np.uint16)
