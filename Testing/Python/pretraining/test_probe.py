"""The linear probe during pretraining."""

import pytest
import torch

from blob_problem import small_config
from blob_runs import CPU, make
from HeartSegTrainingLib.augmentation import UNKNOWN, volume
from HeartSegTrainingLib.pretraining.probe import _Crop, _dice, _ridge
from HeartSegTrainingLib.pretraining.sources import Labelled


def test_the_probe_leaves_the_encoder_alone_and_tells_features_from_noise():
    task = make(small_config(probe_every=1, probe_cases=6))
    before = {name: tensor.clone() for name, tensor in task.teacher.encoder.state_dict().items()}
    dice = task.probe.dice(task.teacher.encoder)
    assert all(torch.equal(tensor, before[name]) for name, tensor in task.teacher.encoder.state_dict().items())
    with torch.no_grad():
        for parameter in task.teacher.encoder.parameters():
            parameter.zero_()
    assert dice > task.probe.dice(task.teacher.encoder) + 0.1
    assert dice == make(small_config(probe_every=1, probe_cases=6)).probe.dice(
        make(small_config(probe_every=1)).teacher.encoder)


def test_where_nobody_looked_for_a_structure_the_probe_claims_nothing():
    labels = torch.tensor([1, 2, 0, UNKNOWN]).to(torch.uint8).view(4, 1, 1).expand(4, 4, 4)
    known = Labelled(volume(torch.zeros(1, 4, 4, 4), labels, (1.5,) * 3, "ct"), frozenset({"LV"}))
    cells = _Crop(known, (4, 4, 4), (1.5,) * 3, CPU).cells((4, 1, 1))
    assert cells[:3, 0].tolist() == [1.0, 0.0, 0.0]
    assert torch.isnan(cells[3]).all()
    assert torch.isnan(cells[:, 1]).all()  # the wall that lies there was not looked for elsewhere


def test_the_probe_learns_each_structure_where_it_is_known():
    torch.manual_seed(0)
    x = torch.rand(200, 1)
    shares = torch.cat([x, 1 - x], 1)
    shares[::2, 1] = torch.nan
    x[::2] += 1e-3 * torch.randn(100, 1)
    weights = _ridge(x, shares)
    assert weights[0].tolist() == pytest.approx([1.0, -1.0], abs=0.15)
    scores, truths = torch.tensor([0.9, 0.8, 0.1, 0.7]), torch.tensor([1.0, 0.0, 0.0, torch.nan])
    assert float(_dice(scores, truths, scores, truths)) == 1.0
    assert torch.isnan(_dice(scores, torch.zeros(4), scores, truths))
