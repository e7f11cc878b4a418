"""Validation says what is right and wrong, and keeps silent where the labels do."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from HeartSeg3DLib.errors import InputError
from HeartSegTrainingLib.datasets import Index
from HeartSegTrainingLib.finetuning.channels import Channels
from HeartSegTrainingLib.finetuning.losses import IGNORE
from HeartSegTrainingLib.finetuning.validation import Validator, figures_of, scored, sums_of
from small_store import SPACING, SmallStore, two_datasets

CHANNELS = Channels(("LV", "MYO", "RV"))
CPU = torch.device("cpu")


class ByBrightness(nn.Module):
    """Tells the phantom's tissues apart by their CT numbers, on cells of some voxels: the perfect network."""

    def __init__(self, stride: int = 2, confused: bool = False) -> None:
        super().__init__()
        self.config = SimpleNamespace(stem_stride=stride, smallest_input=2 * stride)
        self.levels = torch.tensor([-120.0, 250.0, 90.0, 420.0] if confused else [-120.0, 420.0, 90.0, 250.0])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        hu = (image + 1) * 450 - 250
        each = (-((hu - self.levels[None, :, None, None, None]) / 30) ** 2).softmax(1)
        return nn.functional.avg_pool3d(each, self.config.stem_stride).clamp(min=1e-6).log()


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    return two_datasets(tmp_path_factory.mktemp("hearts"))


def validator(hearts: SmallStore, most: int = 10, window: int = 28) -> Validator:
    return Validator(hearts.store, Index.read(hearts.index).entries, CHANNELS, window, most)


@pytest.mark.parametrize("window", [16, 28, 40])
@pytest.mark.parametrize(("stride", "least"), [(1, 0.98), (2, 0.8)])
def test_a_perfect_network_scores_well_in_one_window_and_in_tiles(hearts, window: int, stride: int, least) -> None:
    scores = validator(hearts, window=window).score(ByBrightness(stride), CPU)
    figures = figures_of(sums_of(scores, 4))
    assert min(figures[f"val_dice_{channel}"] for channel in (1, 2, 3)) > least
    assert figures["val_hd95"] <= SPACING * (stride - 0.5)
    drawn = {"full": [1, 2, 3], "cavities": [1, 3]}
    assert {score.case: sorted(score.dice) for score in scores} == {
        f"{name}/p{person}": channels for name, channels in drawn.items() for person in range(3)}


def test_a_network_that_confuses_the_ventricles_scores_badly(hearts) -> None:
    figures = figures_of(sums_of(validator(hearts).score(ByBrightness(confused=True), CPU), 4))
    assert figures["val_dice_1"] < 0.1
    assert figures["val_dice_3"] < 0.1
    assert figures["val_dice_2"] > 0.3


def test_a_few_cases_stand_for_many_and_are_always_the_same(hearts) -> None:
    assert [one.id for one in validator(hearts, most=2).entries] == ["cavities/p0", "full/p2"]
    assert len(validator(hearts, most=6).entries) == 6
    whole = validator(hearts).score(ByBrightness(), CPU)
    shares = [validator(hearts).score(ByBrightness(), CPU, (rank, 2)) for rank in (0, 1)]
    assert sorted(one.case for share in shares for one in share) == [one.case for one in whole]
    assert torch.allclose(sums_of(shares[0], 4) + sums_of(shares[1], 4), sums_of(whole, 4))


def test_voxels_that_say_nothing_count_for_neither_side() -> None:
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[:4] = 1
    found = labels.copy()
    found[6:] = 1  # wrong, but nobody knows that
    labels[6:] = IGNORE
    score = scored("a", found, labels, np.array([True, True]), (1.0, 1.0, 1.0))
    assert score.dice == {1: 1.0}
    assert score.hd95_mm == {1: 0.0}


def test_a_missed_structure_costs_and_one_that_nobody_labels_does_not() -> None:
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[:4] = 1
    found = np.zeros_like(labels)
    found[4:] = 2
    score = scored("a", found, labels, np.array([True, True, False]), (1.0, 2.0, 2.0))
    assert score.dice == {1: 0.0}
    assert score.hd95_mm[1] == pytest.approx(math.hypot(8, 16, 16))


def test_figures_are_means_over_cases_then_over_structures() -> None:
    table = torch.tensor([[0, 1.5, 0.0, 0.3], [0, 2, 0, 1], [0, 8.0, 0.0, 10.0], [0, 2, 0, 1]])
    figures = figures_of(table)
    assert figures["val_dice_1"] == 0.75
    assert math.isnan(figures["val_dice_2"])
    assert figures["val_dice"] == pytest.approx((0.75 + 0.3) / 2)
    assert figures["val_hd95"] == pytest.approx((4 + 10) / 2)
    assert math.isnan(figures_of(torch.zeros(4, 3))["val_dice"])


def test_a_damaged_case_is_named(hearts, tmp_path: Path) -> None:
    store = shutil.copytree(hearts.store, tmp_path / "store")
    broken = validator(SmallStore(hearts.index, store))
    (store / "cases" / "full" / "p0" / "labels.b2nd").write_bytes(b"")
    with pytest.raises(InputError, match="prepared files of full/p0 are missing or damaged"):
        broken.score(ByBrightness(), CPU)
    shutil.rmtree(store / "cases" / "full" / "p0")
    with pytest.raises(InputError, match="prepared files of full/p0 are missing or damaged"):
        broken.score(ByBrightness(), CPU)
