from __future__ import annotations

import torch
from torch import Tensor

from HeartSeg3DLib.segmentation.cleanup import remove_islands


def log_probabilities(labels: Tensor, classes: int, runner_up: int = 0) -> Tensor:
    values = torch.full((classes, *labels.shape), -8.0)
    values[runner_up] = -3.0
    return values.scatter_(0, labels[None], -0.1)


def everywhere(labels: Tensor) -> Tensor:
    return torch.ones(labels.shape, dtype=torch.bool)


def test_an_island_goes_and_the_body_stays() -> None:
    labels = torch.zeros(20, 20, 20, dtype=torch.long)
    labels[4:12, 4:12, 4:12] = 1
    body = labels.clone()
    labels[16:18, 16:18, 16:18] = 1
    winner = remove_islands(log_probabilities(labels, 3), everywhere(labels))
    assert torch.equal(winner, body)


def test_an_island_gives_way_to_the_next_best_structure_not_to_a_hole() -> None:
    labels = torch.full((16, 16, 16), 2)
    labels[0:8] = 1
    labels[12, 8, 8] = 1
    winner = remove_islands(log_probabilities(labels, 3, runner_up=2), everywhere(labels))
    assert winner[12, 8, 8] == 2
    assert (winner[0:8] == 1).all()


def test_a_split_pulmonary_artery_keeps_both_parts() -> None:
    labels = torch.zeros(20, 20, 20, dtype=torch.long)
    labels[2:10, 2:8, 2:8] = 1
    labels[13:17, 12:15, 12:15] = 1
    winner = remove_islands(log_probabilities(labels, 2), everywhere(labels))
    assert torch.equal(winner, labels)


def test_parts_joined_only_outside_the_field_of_view_are_told_apart() -> None:
    labels = torch.zeros(20, 12, 12, dtype=torch.long)
    labels[:, 4:8, 4:8] = 1
    inside = everywhere(labels)
    inside[15:19] = False
    winner = remove_islands(log_probabilities(labels, 2), inside, kept_share=0.2)
    assert winner[:15].sum() == 15 * 16
    assert winner[15:].sum() == 0


def test_an_island_does_not_return_by_interpolation() -> None:
    labels = torch.zeros(20, 20, 20, dtype=torch.long)
    labels[2:10, 2:10, 2:10] = 1
    labels[15, 15, 15] = 1
    values = log_probabilities(labels, 2)
    values[1, 14, 15, 15] = -3.1  # nearly won: between this cell and a low neighbor the class could still appear
    remove_islands(values, everywhere(labels))
    assert values[1, 13:18, 13:18, 13:18].max() < -5.0


def test_the_rim_of_the_body_is_not_touched() -> None:
    labels = torch.zeros(20, 20, 20, dtype=torch.long)
    labels[2:14, 2:14, 2:14] = 1
    labels[16, 8, 8] = 1
    values = log_probabilities(labels, 2)
    before = values.clone()
    remove_islands(values, everywhere(labels))
    assert torch.equal(values[:, 1:15, 1:15, 1:15], before[:, 1:15, 1:15, 1:15])
