from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from HeartSeg3DLib.segmentation import resample
from HeartSeg3DLib.segmentation.frame import Volume, view_in_model_frame
from HeartSeg3DLib.segmentation.resample import Grid, overlap_weights, sample, shrink
from test_frame import rotation

CPU = torch.device("cpu")


def aligned(array: np.ndarray, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    return Volume(array, np.array(spacing), np.eye(3), np.zeros(3), (0, 1, 2), (False, False, False))


def test_whole_factors_average_exactly() -> None:
    array = np.random.default_rng(0).integers(-1000, 2000, (12, 18, 24)).astype(np.int16)
    values, inside = sample(aligned(array), Grid((1.0, 1.0, 1.0), 3.0, (4, 6, 8)), CPU)
    expected = array.reshape(4, 3, 6, 3, 8, 3).mean((1, 3, 5))
    assert values.numpy() == pytest.approx(expected, abs=1e-2)
    assert inside.all()


def test_finer_grids_interpolate_linearly_across_thick_slices() -> None:
    array = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)
    values, _ = sample(aligned(array, (10.0, 2.0, 2.0)), Grid((3.0, 1.0, 1.0), 2.0, (10, 2, 2)), CPU)
    assert values[:, 0, 0].numpy() == pytest.approx((3.0 + 2.0 * np.arange(10)) / 10.0, abs=1e-6)


@pytest.mark.parametrize("ratio", [0.3, 0.999, 1.0, 1.001, 1.7, 9.0])
def test_weights_sum_to_one_and_keep_a_ramp(ratio: float) -> None:
    positions = 20.0 + ratio * np.arange(5)
    first, last, weights = overlap_weights(100, 1.0, positions, ratio)
    assert weights.sum(1) == pytest.approx(np.ones(5))
    # Overlaps are symmetric about the center only where whole voxels fit; the mean stays within half a percent.
    assert weights @ np.arange(first, last) == pytest.approx(positions, abs=0.13)


def test_beyond_the_border_is_outside_and_takes_the_border_value() -> None:
    array = np.full((4, 4, 4), 5, np.int16)
    values, inside = sample(aligned(array), Grid((-2.0, 0.0, 0.0), 1.0, (8, 4, 4)), CPU)
    assert values.eq(5.0).all()
    assert inside[:, 0, 0].tolist() == [False, False, True, True, True, True, False, False]


def test_an_oblique_image_of_a_ramp_gives_the_ramp() -> None:
    direction = rotation(0.4, -0.3, 0.6)
    size, spacing = np.array([40, 44, 30]), np.array([1.1, 0.9, 1.6])
    index = np.stack(np.meshgrid(*[np.arange(n) for n in size], indexing="ij"), -1)
    world = (index * spacing) @ direction.T
    slope = np.array([2.0, -3.0, 1.5])
    image = sitk.GetImageFromArray((world @ slope).transpose(2, 1, 0).astype(np.float32))
    image.SetSpacing(spacing.tolist())
    image.SetDirection(direction.ravel().tolist())
    volume = view_in_model_frame(image)
    lower, upper = volume.extent()
    grid = Grid.centered(0.5 * (lower + upper), 2.0, (10, 12, 11))
    values, inside = sample(volume, grid, CPU)
    z, y, x = np.meshgrid(*[s + 2.0 * np.arange(n) for s, n in zip(grid.start, grid.shape, strict=True)],
                          indexing="ij")
    expected = (np.stack([x, y, z], -1) + volume.origin[::-1]) @ slope
    assert inside.all()
    assert np.abs(values.numpy() - expected).max() < 0.3


def test_oblique_field_of_view_agrees_with_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "_SLAB_VOXELS", 500)
    image = sitk.Image([20, 20, 12], sitk.sitkInt16) + 7
    image.SetSpacing([1.0, 1.0, 2.0])
    image.SetDirection(rotation(0.0, 0.0, 0.7).ravel().tolist())
    volume = view_in_model_frame(image)
    lower, upper = volume.extent()
    grid = Grid.centered(0.5 * (lower + upper), 1.5, (24, 24, 24))
    values, inside = sample(volume, grid, CPU)
    assert torch.allclose(values[inside], torch.tensor(7.0), atol=1e-4)
    for position in np.argwhere(np.ones(grid.shape))[::97]:
        where = volume.to_world(np.array(grid.start) + 1.5 * position)
        index = np.array(image.TransformPhysicalPointToContinuousIndex(where))
        margin = np.abs(index - (np.array(image.GetSize()) - 1) / 2) - np.array(image.GetSize()) / 2
        if np.abs(margin.max()) > 1e-3:
            assert bool(inside[tuple(position)]) == bool(margin.max() < 0)


def test_shrinking_keeps_the_center_and_coarse_axes() -> None:
    array = np.random.default_rng(0).random((6, 40, 40)).astype(np.float32)
    small, spacing = shrink(array, np.array([8.0, 0.5, 0.5]), 2.0)
    assert small.shape == (6, 10, 10)
    assert spacing.tolist() == [8.0, 2.0, 2.0]
    assert small == pytest.approx(array.reshape(6, 10, 4, 10, 4).mean((2, 4)), abs=1e-5)


def test_cells_stand_for_blocks_of_voxels() -> None:
    cells = Grid((0.0, 10.0, -4.0), 1.5, (5, 6, 8)).coarser(2)
    assert cells == Grid((0.75, 10.75, -3.25), 3.0, (3, 3, 4))
