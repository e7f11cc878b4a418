"""A finer look sees the same region on other voxels, and answers on the first look's cells."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from doubles import fine_model, locator_model, phantom
from HeartSeg3DLib.segmentation import Segmenter
from HeartSeg3DLib.segmentation.finer_look import averaged_with_finer_look
from HeartSeg3DLib.segmentation.frame import Volume, view_in_model_frame
from HeartSeg3DLib.segmentation.resample import Grid
from HeartSeg3DLib.segmentation.runner import Runner
from HeartSeg3DLib.segmentation.window import Prediction, ReadyModel, predict

SIDE, SPACING = 64, 2.0


@pytest.fixture
def volume() -> Volume:
    return view_in_model_frame(phantom((62, 60, 58), (1.7, 1.7, 1.7))[0])


@pytest.fixture
def model() -> ReadyModel:
    loaded = fine_model(SPACING, SIDE)
    return ReadyModel(Runner(loaded.network, torch.device("cpu")), loaded.card, loaded.card.intensity["ct"], 0.0)


@pytest.fixture
def first(model: ReadyModel, volume: Volume) -> Prediction:
    lower, upper = volume.extent()
    return predict(model, volume, Grid.centered(0.5 * (lower + upper), SPACING, (SIDE,) * 3), SIDE, lambda done: None)


def heart_dice(one: torch.Tensor, other: torch.Tensor) -> float:
    return 2 * int(((one > 0) & (other > 0)).sum()) / int((one > 0).sum() + (other > 0).sum())


@torch.inference_mode()
def test_a_finer_look_is_averaged_with_the_first_on_its_cells(
    model: ReadyModel, volume: Volume, first: Prediction
) -> None:
    before = first.log_probabilities.clone()
    fractions: list[float] = []
    mean = averaged_with_finer_look(model, volume, first, fractions.append)
    assert fractions == sorted(fractions)
    assert mean.grid == first.grid
    assert torch.equal(first.log_probabilities, before)
    finer = 2 * mean.log_probabilities - before
    assert heart_dice(finer.argmax(0), before.argmax(0)) > 0.9
    assert not torch.allclose(finer, before, atol=0.1)


@pytest.mark.parametrize(("quality", "sides"), [("standard", [SIDE]), ("best", [SIDE, 80]), ("fast", [48])])
def test_each_quality_shows_the_network_its_looks_and_no_more(quality: str, sides: list[int]) -> None:
    fine = fine_model(SPACING, SIDE)
    segmenter = Segmenter(fine, locator_model(5.0, 20), torch.device("cpu"))
    found = segmenter.segment(phantom((38, 34, 30), (2.6, 2.4, 3.1))[0], "ct", quality=quality)
    assert [values.shape[-1] for values in fine.network.seen] == sides  # type: ignore[union-attr]
    assert np.isclose(found.spacing_mm, 3.0 if quality == "fast" else SPACING)
    assert found.finer_spacing_mm == (pytest.approx(0.8 * SPACING) if quality == "best" else None)
