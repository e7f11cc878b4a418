"""Walls thinner than a slice grow on samples that keep volumes, place and borders."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from analytic_heart import analytic_heart
from HeartSeg3DLib.meshing.isotropic import pitch_for_walls, resampled_for_walls
from HeartSeg3DLib.meshing.walls import add_walls

TURNED = tuple(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.4, -0.5, 0.6).GetMatrix())
MIRRORED = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def volumes(labels: sitk.Image) -> np.ndarray:
    return np.bincount(sitk.GetArrayViewFromImage(labels).ravel(), minlength=8)[1:8] * np.prod(labels.GetSpacing())


def center(labels: sitk.Image, value: int) -> np.ndarray:
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(labels)
    return np.array(shape.GetCentroid(value))


@pytest.mark.parametrize("direction", [TURNED, MIRRORED])
def test_thick_slices_become_samples_of_half_a_wall_in_the_same_place(direction: tuple[float, ...]) -> None:
    thick = analytic_heart((1.5, 1.5, 8.0), direction)
    pitch = pitch_for_walls(thick, 2.0)
    assert pitch == 1.0
    fine = resampled_for_walls(thick, pitch).labels
    assert fine.GetSpacing() == (1.0, 1.0, 1.0)
    np.testing.assert_allclose(volumes(fine), volumes(thick), rtol=0.01)
    for value in range(1, 8):
        np.testing.assert_allclose(center(fine, value), center(thick, value), atol=1.0)


def test_slices_that_do_are_left_alone() -> None:
    assert pitch_for_walls(analytic_heart((2.0, 2.0, 3.0)), 2.0) is None


def test_what_the_border_cuts_is_still_cut_there() -> None:
    cut = analytic_heart((1.5, 1.5, 8.0))[:, :, 3:9]
    fine = resampled_for_walls(cut, 1.0).labels
    voxels = sitk.GetArrayViewFromImage(fine)
    assert (voxels[0] == 1).any()
    assert (voxels[-1] == 1).any()
    assert abs(voxels.shape[0] * 1.0 - 6 * 8.0) <= 1.0


def test_walls_grow_all_around_chambers_of_a_short_axis_stack() -> None:
    fine = resampled_for_walls(analytic_heart((1.5, 1.5, 8.0)), 1.0).labels
    walled = sitk.GetArrayFromImage(add_walls(fine, {4: 2.0}).labels)
    cavity, outside = np.pad(walled == 4, 1), np.pad(walled == 0, 1, constant_values=True)
    touching = sum(np.count_nonzero(cavity & np.roll(outside, step, axis)) for axis in range(3) for step in (-1, 1))
    assert touching == 0
