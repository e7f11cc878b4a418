"""One page shows planes, heart and volumes, with OpenGL or without, and also when there is little to show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.report import opengl_view, render_overview

HEART_PANEL = np.s_[110:840, 840:1570]
LEGEND = np.s_[480:840, 440:470]


@pytest.fixture(autouse=True)
def no_opengl(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is drawn in software here; OpenGL itself is tried in test_heart_view."""
    monkeypatch.setattr(opengl_view, "draw_heart", lambda *_: None)


def draw(image: sitk.Image, labels: sitk.Image, folder: Path, *, orientation_known: bool = True) -> np.ndarray:
    path = folder / "overview.png"
    render_overview(image, labels, path, "Phantom", orientation_known=orientation_known)
    assert [item.name for item in folder.iterdir()] == ["overview.png"]
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def has_color(picture: np.ndarray, structure: str) -> bool:
    return bool((np.abs(picture.astype(int) - BY_ID[structure].color).max(axis=-1) <= 2).any())


def test_the_page_shows_every_structure(heart_image: sitk.Image, heart_labels: sitk.Image, tmp_path: Path) -> None:
    page = draw(heart_image, heart_labels, tmp_path)
    assert page.shape == (900, 1600, 3)
    assert all(has_color(page[LEGEND], name) for name in ("LV", "MYO", "RV", "LA", "RA", "AO", "PA"))
    heart = page[HEART_PANEL].astype(int)
    assert (heart[..., 0] > heart[..., 2] + 60).mean() > 0.05
    assert (heart[..., 2] > heart[..., 0] + 60).mean() > 0.05


def test_an_empty_label_map_gives_a_page_without_a_heart(
    heart_image: sitk.Image, heart_labels: sitk.Image, tmp_path: Path
) -> None:
    page = draw(heart_image, heart_labels * 0, tmp_path)
    heart = page[HEART_PANEL].astype(int)
    assert np.ptp(heart, axis=-1).max() < 40
    assert heart.max() > 100, "the page says that nothing was found"


def test_a_few_voxels_give_a_page(heart_image: sitk.Image, heart_labels: sitk.Image, tmp_path: Path) -> None:
    speck = heart_labels * 0
    speck[40, 40, 40] = 1
    assert draw(heart_image, speck, tmp_path).shape == (900, 1600, 3)


def test_a_scan_of_unknown_orientation_has_no_letters_of_the_patients_sides(
    heart_image: sitk.Image, heart_labels: sitk.Image, tmp_path: Path
) -> None:
    black = heart_image * 0
    known, unknown = (draw(black, heart_labels, tmp_path, orientation_known=known) for known in (True, False))
    for top, left, side in ((76, 28, 384), (76, 424, 384), (472, 28, 384), (76, 832, 740)):
        center = left + side // 2
        places = [np.s_[top + 6:top + 32, center - 15:center + 15]]
        if side == 384:  # of the 3-D view, the scale bar may reach below the heart
            places += [np.s_[top + side - 32:top + side - 6, center - 15:center + 15],
                       np.s_[top + 177:top + 207, left + 8:left + 38],
                       np.s_[top + 177:top + 207, left + side - 38:left + side - 8]]
        for place in places:
            assert known[place].min(axis=-1).max() > 200, "a letter"
            assert unknown[place].min(axis=-1).max() < 100, "no letter"
    assert (known[LEGEND] == unknown[LEGEND]).all()


def test_other_peoples_label_map_is_refused(heart_image: sitk.Image, heart_labels: sitk.Image, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="same size"):
        render_overview(heart_image, heart_labels[:-1], tmp_path / "overview.png", "Phantom")


def test_a_missing_folder_is_refused(heart_image: sitk.Image, heart_labels: sitk.Image, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        render_overview(heart_image, heart_labels * 0, tmp_path / "nowhere" / "overview.png", "Phantom")


def test_a_real_short_axis_stack_gives_a_page(shared_data: Path, tmp_path: Path) -> None:
    image = sitk.ReadImage(str(shared_data / "mr" / "cine_sax_A.nii.gz"))
    labels = sitk.ReadImage(str(shared_data / "mr" / "cine_sax_A_labels.nii.gz"), sitk.sitkUInt8)
    assert has_color(draw(image, labels, tmp_path)[LEGEND], "MYO")
