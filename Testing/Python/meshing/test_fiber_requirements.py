"""What a label map must have for fibers is told from its voxels, before a mesh is made."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.meshing.fibers import check_fibers

LV, MYO, LA, RV, RV_WALL, SCAR = 1, 2, 4, 3, 103, 20


def ventricle(*, atrium: bool = True) -> NDArray[np.uint8]:
    """A half ball of myocardium around its cavity, [z, y, x], under an atrium or open; the apex is at z = 4."""
    z, y, x = np.indices((30, 30, 30))
    distance = np.hypot(np.hypot(x - 14.5, y - 14.5), z - 18)
    voxels = np.where(distance < 9, LV, np.where(distance < 14, MYO, 0)).astype(np.uint8)
    voxels[18:] = 0
    if atrium:
        voxels[18:25][:, (np.hypot(x - 14.5, y - 14.5)[0] < 12)] = LA
    return voxels


def image(
    voxels: NDArray[np.uint8], direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1), slices_mm: float = 2.5
) -> sitk.Image:
    labels = sitk.GetImageFromArray(voxels)
    labels.SetSpacing((1.5, 2.0, slices_mm))
    labels.SetDirection(direction)
    return labels


def assert_refused(voxels: NDArray[np.uint8], words: str) -> None:
    with pytest.raises(InputError, match=words) as failure:
        check_fibers(image(voxels))
    assert failure.value.remedy


@pytest.mark.parametrize("atrium", [True, False])
@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), (0, 0, -1, 0, 1, 0, -1, 0, 0)])
def test_a_left_ventricle_under_an_atrium_or_open_is_enough(atrium: bool, direction: tuple[float, ...]) -> None:
    check_fibers(image(ventricle(atrium=atrium), direction))


def test_the_image_may_end_at_the_base() -> None:
    check_fibers(image(ventricle(atrium=False)[:18]))


def test_an_open_apex_is_told_about_and_a_small_hole_is_not() -> None:
    whole = ventricle(atrium=False)
    assert check_fibers(image(whole)) == ()
    hole = whole.copy()
    hole[4:9, 14, 14] = 1
    assert check_fibers(image(hole)) == ()
    opened = whole.copy()
    opened[:10] = 0  # slices of a short-axis stack end within the cavity
    (sentence,) = check_fibers(image(opened, slices_mm=5.0))
    area_cm2 = (opened[10] == LV).sum() * 1.5 * 2.0 / 100
    assert f"open at its apex over {area_cm2:.1f} cm²" in sentence


def test_the_largest_opening_is_the_base_and_others_are_holes() -> None:
    voxels = ventricle(atrium=False)
    voxels[12:15, 14:17, :15] = np.where(voxels[12:15, 14:17, :15] == MYO, 0, voxels[12:15, 14:17, :15])
    check_fibers(image(voxels))
    with pytest.raises(InputError, match="cuts off the apex"):
        check_fibers(image(voxels[9:]))


def test_without_myocardium_there_is_nothing_for_fibers() -> None:
    voxels = ventricle()
    assert_refused(np.where(voxels == MYO, 0, voxels).astype(np.uint8), "no ventricular myocardium")
    assert_refused(np.where(voxels == MYO, RV_WALL, voxels).astype(np.uint8), "no ventricular myocardium")


def test_scars_are_myocardium() -> None:
    voxels = ventricle()
    voxels[voxels == MYO] = SCAR
    check_fibers(image(voxels))


def test_a_missing_surface_is_named() -> None:
    voxels = ventricle()
    assert_refused(np.where(voxels == LV, 0, voxels).astype(np.uint8), "no left endocardium")
    assert_refused(np.where(voxels == 0, RV, voxels).astype(np.uint8), "no epicardium")
    closed = ventricle(atrium=False)
    closed[18:21] = np.where(closed[17] > 0, MYO, 0)
    assert_refused(closed, "no base")


def test_a_cut_apex_is_refused() -> None:
    assert_refused(ventricle()[8:], "cuts off the apex")
    check_fibers(image(ventricle()[:, :, 4:]))  # a side may be cut


def test_large_parts_are_a_question_and_islands_are_not() -> None:
    voxels = ventricle()
    voxels[10:12][voxels[10:12] == MYO] = 0
    assert_refused(voxels, "2 separate parts")
    island = ventricle()
    island[0, 0, 0] = RV_WALL
    check_fibers(image(island))
