"""The heart in 3-D: with OpenGL and without, the same heart from the same side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.report import opengl_view, software_view
from HeartSeg3DLib.report.heart_field import HeartField, heart_field

BACKGROUND = (0.0, 0.0, 0.0)
SCALE = 2.0


@pytest.fixture(scope="module")
def heart(heart_labels: sitk.Image) -> HeartField:
    return heart_field(heart_labels, (1, 2, 3, 4, 5))


@pytest.fixture(scope="module")
def software_picture(heart: HeartField) -> np.ndarray:
    return software_view.draw_heart(heart, SCALE, BACKGROUND)


def columns_like(picture: np.ndarray, red_over_blue: bool) -> np.ndarray:
    red, blue = picture[..., 0], picture[..., 2]
    return np.argwhere(red > blue + 0.2 if red_over_blue else blue > red + 0.2)[:, 1]


def test_the_field_ends_where_the_heart_ends(heart: HeartField) -> None:
    height_mm = heart.size[1] * heart.spacing_mm
    assert 60 < height_mm < 75


def test_seen_from_the_front_the_left_ventricle_is_on_the_right(software_picture: np.ndarray) -> None:
    assert columns_like(software_picture, True).mean() > columns_like(software_picture, False).mean() + 30


def test_the_left_ventricle_shines_through_its_myocardium(heart: HeartField) -> None:
    with_cavity = software_view.draw_heart(heart, 1.0, BACKGROUND)
    walls_only = HeartField(tuple(s for s in heart.structures if s.see_through), heart.size, heart.spacing_mm)
    without = software_view.draw_heart(walls_only, 1.0, BACKGROUND)
    assert with_cavity.sum() > 1.3 * without.sum()


def test_thick_slices_give_a_whole_ball(heart_labels: sitk.Image) -> None:
    thick = sitk.Resample(heart_labels, [80, 80, 16], sitk.Transform(), sitk.sitkNearestNeighbor,
                          heart_labels.GetOrigin(), [2.0, 2.0, 10.0], heart_labels.GetDirection())
    field = heart_field(thick, (1,)).structures[0].field
    spacing = heart_field(thick, (1,)).spacing_mm
    assert (field > 0.5).sum() * spacing**3 == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.15)


def test_a_single_voxel_is_left_out(heart_labels: sitk.Image) -> None:
    speck = sitk.Image(heart_labels)
    speck[1, 1, 1] = 6
    assert len(heart_field(speck, (1, 6)).structures) == 1
    assert heart_field(speck, (6,)).structures == ()


def test_opengl_and_software_draw_the_same_outline(
    heart: HeartField, software_picture: np.ndarray, system_library_is_missing: Callable[[str], NoReturn]
) -> None:
    picture = opengl_view.draw_heart(heart, SCALE, BACKGROUND)
    if picture is None:
        system_library_is_missing("libgl1 libegl1 libgl1-mesa-dri")
    assert picture.shape == software_picture.shape
    drawn, expected = picture.max(axis=2) > 0.05, software_picture.max(axis=2) > 0.05
    assert (drawn & expected).sum() / (drawn | expected).sum() > 0.96


@pytest.mark.parametrize(
    "program", ["import os; os.abort()", "import sys; sys.exit(1)", "", "import time; time.sleep(60)"]
)
def test_a_crash_a_failure_and_a_hang_of_opengl_are_survived(
    program: str, heart: HeartField, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text(program)
    monkeypatch.setattr(opengl_view, "_PROGRAM", broken)
    monkeypatch.setattr(opengl_view, "_PATIENCE_SECONDS", 2)
    assert opengl_view.draw_heart(heart, SCALE, BACKGROUND) is None
