"""Resampled structures lie where they were, keep their volumes and touch themselves nowhere."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from analytic_heart import LA, MYO, analytic_heart
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.meshing.label_field import LabelField, label_field
from HeartSeg3DLib.meshing.topology import critical_cells

TURNED = tuple(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.4, -0.5, 0.6).GetMatrix())
MIRRORED = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def places(field: LabelField, value: int) -> np.ndarray:
    return np.argwhere(field.labels == value)[:, ::-1] * field.pitch_mm @ field.direction.T + field.origin


@pytest.mark.parametrize("spacing", [(3.0, 3.0, 3.0), (2.0, 2.0, 6.0)])
@pytest.mark.parametrize("direction", [TURNED, MIRRORED])
def test_structures_keep_place_and_volume(spacing: tuple[float, ...], direction: tuple[float, ...]) -> None:
    labels = analytic_heart(spacing, direction)
    field = label_field(labels, 2.0)
    assert field.values == (0, 1, 2, 3, 4, 5, 6, 7)
    assert np.sign(np.linalg.det(field.direction)) == np.sign(np.linalg.det(np.reshape(direction, (3, 3))))
    voxels = sitk.GetArrayViewFromImage(labels)
    for value, volume in zip(field.values[1:], field.indicators.volumes_mm3[1:], strict=True):
        index = np.argwhere(voxels == value)[:, ::-1]
        true = index * spacing @ np.reshape(direction, (3, 3)).T + labels.GetOrigin()
        assert volume == pytest.approx(len(index) * np.prod(spacing))
        assert np.count_nonzero(field.labels == value) * 8.0 == pytest.approx(volume, rel=0.01)
        np.testing.assert_allclose(places(field, value).mean(axis=0), true.mean(axis=0), atol=0.25)


def test_nothing_touches_itself_and_the_margin_is_outside() -> None:
    field = label_field(analytic_heart(), 2.5)
    assert len(critical_cells(field.labels)) == 0
    inner = np.zeros(field.labels.shape, bool)
    inner[2:-2, 2:-2, 2:-2] = True
    assert not field.labels[~inner].any()
    assert field.labels.dtype == np.uint8


def test_indicators_add_up_to_one_and_name_the_structure() -> None:
    field = label_field(analytic_heart(), 3.0)
    points = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -48.0], [-10.0, -8.0, 50.0], [900.0, 0.0, 0.0]])
    shares = field.indicators.at(points)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-5)
    assert [field.values[number] for number in shares.argmax(axis=1)] == [1, MYO, LA, 0]
    assert shares.max(axis=1).min() > 0.99


def test_a_structure_at_the_border_is_closed_there() -> None:
    labels = sitk.Image(10, 10, 10, sitk.sitkUInt8) + 4
    field = label_field(sitk.Cast(labels, sitk.sitkUInt8), 1.0)
    assert np.count_nonzero(field.labels) == pytest.approx(1000, rel=0.01)


def test_a_speck_that_resampling_makes_goes_to_its_neighbors() -> None:
    voxels = np.zeros((20, 20, 20), np.uint8)
    voxels[4:16, 4:16, 4:16] = 1
    voxels[9:11, 9:11, 17:19] = 1  # apart from the rest, which cleaning would not have left
    field = label_field(sitk.GetImageFromArray(voxels), 0.5)
    assert field.specks[1] > 0
    assert places(field, 1)[:, 0].max() < 17.0


@pytest.mark.parametrize("pitch", [0.0, -1.0, float("nan")])
def test_a_pitch_that_is_no_distance_is_refused(pitch: float) -> None:
    with pytest.raises(InputError, match="distance"):
        label_field(analytic_heart((6.0, 6.0, 6.0)), pitch)


def test_an_empty_map_is_refused() -> None:
    with pytest.raises(InputError, match="empty"):
        label_field(sitk.Image(8, 8, 8, sitk.sitkUInt8), 1.0)


def test_a_pitch_too_coarse_for_a_structure_is_refused() -> None:
    voxels = np.zeros((30, 30, 30), np.uint8)
    voxels[4:24, 4:24, 4:24], voxels[4:24, 4:24, 4:6] = 1, 2
    with pytest.raises(InputError, match=r"too coarse to show: Left ventricle myocardium"):
        label_field(sitk.GetImageFromArray(voxels), 40.0)
