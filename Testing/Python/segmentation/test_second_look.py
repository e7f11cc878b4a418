"""A second look sees the same region on other voxels, and answers on the first look's cells."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from doubles import fine_model, phantom
from HeartSeg3DLib.segmentation.frame import Volume, view_in_model_frame
from HeartSeg3DLib.segmentation.resample import Grid
from HeartSeg3DLib.segmentation.runner import Runner
from HeartSeg3DLib.segmentation.second_look import second_look
from HeartSeg3DLib.segmentation.window import Prediction, ReadyModel, predict


def ready() -> ReadyModel:
    model = fine_model(2.0, 64)
    return ReadyModel(Runner(model.network, torch.device("cpu")), model.card, model.card.intensity["ct"], 0.0)


def looks(model: ReadyModel, volume: Volume, quality: str, spacing: float) -> tuple[Prediction, torch.Tensor]:
    side = round(128 / spacing)
    grid = Grid.centered(0.5 * sum(volume.extent()), spacing, (side, side, side))
    first = predict(model, volume, grid, side, lambda done: None)
    return first, second_look(model, volume, first, quality, lambda done: None)


@torch.inference_mode()
@pytest.mark.parametrize(("quality", "spacing"), [("standard", 2.0), ("fast", 3.0)])
def test_a_network_that_reads_off_values_agrees_with_itself_but_for_the_border(quality: str, spacing: float) -> None:
    image, _ = phantom((62, 60, 58), (1.7, 1.7, 1.7))
    model = ready()
    first, second = looks(model, view_in_model_frame(image), quality, spacing)
    winner = first.log_probabilities.argmax(0).masked_fill(~first.inside, 0)
    assert second.shape == winner.shape
    mask, other = winner > 0, second > 0
    assert 2 * int((mask & other).sum()) / int(mask.sum() + other.sum()) > 0.85
    assert not torch.equal(winner, second)
    assert not second[~first.inside].any()


@torch.inference_mode()
@pytest.mark.parametrize(("quality", "spacing", "seen"), [("standard", 2.0, 3.0), ("best", 2.0, 3.0),
                                                           ("fast", 3.0, 2.5)])
def test_it_uses_voxels_of_another_size_in_one_window(quality: str, spacing: float, seen: float) -> None:
    image, _ = phantom((62, 60, 58), (1.7, 1.7, 1.7))
    model = ready()
    looks(model, view_in_model_frame(image), quality, spacing)
    shapes = [tuple(values.shape[-3:]) for values in model.runner._network.seen]  # type: ignore[union-attr]
    assert len(shapes) == 2
    assert np.array(shapes[1]) * seen == pytest.approx(np.ceil(128 / seen / 16) * 16 * seen)
