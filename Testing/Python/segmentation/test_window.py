from __future__ import annotations

import numpy as np
import pytest
import torch

from doubles import fine_model, phantom
from HeartSeg3DLib.segmentation.frame import view_in_model_frame
from HeartSeg3DLib.segmentation.resample import Grid
from HeartSeg3DLib.segmentation.runner import Runner
from HeartSeg3DLib.segmentation.window import (
    Box,
    ReadyModel,
    plan_window,
    predict,
    regrid,
    training_side,
)


def box(*size: float) -> Box:
    return Box(np.array([10.0, 20.0, 30.0]), np.array([10.0, 20.0, 30.0]) + np.array(size))


def test_a_box_that_fits_is_seen_in_the_training_window() -> None:
    grid = plan_window(box(100, 150, 120), 1.5, 112, "standard")
    assert grid.shape == (112, 112, 112)
    assert grid.spacing == 1.5
    assert 0.5 * (grid.lower + grid.upper) == pytest.approx([60, 95, 90])


def test_a_larger_box_stretches_the_spacing_up_to_a_quarter() -> None:
    grid = plan_window(box(100, 200, 120), 1.5, 112, "standard")
    assert grid.shape == (112, 112, 112)
    assert grid.spacing == pytest.approx(200 / 112)


def test_a_still_larger_box_is_tiled() -> None:
    grid = plan_window(box(100, 260, 120), 1.5, 112, "standard")
    assert grid.spacing == pytest.approx(1.875)
    assert grid.shape == (112, 144, 112)
    assert (grid.upper - grid.lower >= [100, 260, 120]).all()


def test_fast_sees_the_same_millimeters_with_fewer_voxels() -> None:
    grid = plan_window(box(100, 150, 120), 1.0, 160, "fast")
    assert grid.spacing == 1.5
    assert grid.shape == (112, 112, 112) == (training_side(160, "fast"),) * 3


def ready() -> ReadyModel:
    model = fine_model()
    return ReadyModel(Runner(model.network, torch.device("cpu")), model.card, model.card.intensity["ct"], 0.0)


@torch.inference_mode()
def test_a_missing_ct_intercept_changes_nothing_once_it_is_named() -> None:
    image, _ = phantom((30, 30, 30), (3.0, 3.0, 3.0))
    shifted = image + 1024
    grid = Grid.centered(np.array([40.0, 40.0, 40.0]), 2.0, (32, 32, 32))
    model = ready()
    one = predict(model, view_in_model_frame(image), grid, 48, lambda done: None)
    other = predict(ReadyModel(model.runner, model.card, model.rule, -1024.0), view_in_model_frame(shifted), grid,
                    48, lambda done: None)
    assert torch.allclose(one.log_probabilities, other.log_probabilities, atol=1e-2)


def test_bringing_a_ramp_to_another_grid_keeps_it() -> None:
    source, target = Grid((0.0, 0.0, 0.0), 2.0, (8, 9, 10)), Grid((1.3, 2.6, 3.9), 1.7, (4, 5, 6))
    z, y, x = torch.meshgrid(*[2.0 * torch.arange(n) for n in source.shape], indexing="ij")
    result = regrid((z + 10 * y - 3 * x)[None], source, target)[0]
    z, y, x = torch.meshgrid(*[s + 1.7 * torch.arange(n) for s, n in zip(target.start, target.shape, strict=True)],
                             indexing="ij")
    assert torch.allclose(result, z + 10 * y - 3 * x, atol=1e-3)
