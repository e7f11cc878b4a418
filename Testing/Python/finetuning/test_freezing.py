"""What is frozen stays as it is, and the rest learns at the rate that was asked for."""

from __future__ import annotations

import pytest
import torch

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.networks import NetworkConfig, XLSTMUNet, build_network
from HeartSegTrainingLib.finetuning.freezing import Freezing

SMALL = NetworkConfig(features=(8, 12, 16), blocks=(1, 1, 1), vil_pairs=(0, 0, 1), stem_stride=2, classes=3)


@pytest.fixture
def network() -> XLSTMUNet:
    torch.manual_seed(0)
    return build_network(SMALL).train()


def learn(network: XLSTMUNet, freezing: Freezing, steps: int = 2) -> tuple[set[str], torch.optim.Optimizer]:
    """Names of what moved in some steps, and the optimizer."""
    freezing.apply(network)
    groups = [{**group, "lr": 1e-2 * group["scale"]} for group in freezing.parameter_groups(network, 0.1)]
    optimizer = torch.optim.AdamW(groups)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for step in range(steps):
        optimizer.zero_grad()
        sum(one.square().mean() for one in network.forward_deep(torch.randn(1, 1, 16, 16, 16))).backward()
        freezing.hold_back(network, step)
        optimizer.step()
    return {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}, optimizer


@pytest.mark.parametrize("mode", ["none", "full", "layer-decay"])
def test_everything_learns(network, mode: str) -> None:
    moved, _ = learn(network, Freezing(mode))
    assert moved == {name for name, _ in network.named_parameters()}
    assert Freezing(mode).frozen(network) == []


def test_a_frozen_encoder_has_no_optimizer_state_and_is_in_evaluation_mode(network) -> None:
    moved, optimizer = learn(network, Freezing("encoder"))
    assert moved
    assert not any(name.startswith("encoder.") for name in moved)
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    assert not held & {id(parameter) for parameter in network.encoder.parameters()}
    assert not any(module.training for module in network.encoder.modules())
    assert network.decoder.training
    assert all(parameter.grad is None for parameter in network.encoder.parameters())


def test_the_last_stages_learn_alone(network) -> None:
    moved, _ = learn(network, Freezing("last-1"))
    assert {name.split(".")[2] for name in moved if name.startswith("encoder.")} == {"2"}
    assert Freezing("last-1").frozen(network) == list(network.encoder.stages[:2])
    assert not network.encoder.stages[0].training
    assert network.encoder.stages[2].training


def test_deeper_in_the_past_learns_more_slowly(network) -> None:
    groups = Freezing("layer-decay", layer_decay=0.5).parameter_groups(network, 0.1)
    rates = {id(parameter): group["scale"] for group in groups for parameter in group["params"]}
    found = {name: rates[id(parameter)] for name, parameter in network.named_parameters()}
    assert len(found) == len(rates)
    for stage, rate in enumerate((0.125, 0.25, 0.5)):
        assert {value for name, value in found.items() if name.startswith(f"encoder.stages.{stage}.")} == {rate}
    assert {value for name, value in found.items() if not name.startswith("encoder.")} == {1.0}


def test_norms_biases_and_gates_have_no_weight_decay(network) -> None:
    spared = [parameter for group in Freezing().parameter_groups(network, 0.1) if group["weight_decay"] == 0
              for parameter in group["params"]]
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert any("gate" in names[id(one)] for one in spared)
    assert all(one.ndim < 2 or "gate" in names[id(one)] or "norm" in names[id(one)] for one in spared)
    assert all(one.ndim > 1 for group in Freezing().parameter_groups(network, 0.1) if group["weight_decay"]
               for one in group["params"])


def test_heads_warm_up_before_the_encoder_moves(network) -> None:
    freezing = Freezing("full", head_steps=2)
    moved, optimizer = learn(network, freezing, steps=2)
    assert moved
    assert not any(name.startswith("encoder.") for name in moved)
    assert not any(parameter in optimizer.state for parameter in network.encoder.parameters())
    assert any(name.startswith("encoder.") for name in learn(network, freezing, steps=3)[0])


@pytest.mark.parametrize(("values", "words"), [
    ({"mode": "decoder"}, "'freeze' is 'decoder'"), ({"mode": "last-0"}, "'last-0'"), ({"layer_decay": 0.0}, "0.0"),
    ({"head_steps": -1}, "-1"), ({"mode": "encoder", "head_steps": 5}, "nothing to warm up for")])
def test_what_cannot_be_is_refused(values, words) -> None:
    with pytest.raises(UsageError, match=words):
        Freezing(**values)


def test_more_stages_than_there_are_are_refused(network) -> None:
    with pytest.raises(UsageError, match="encoder has 3 stages"):
        Freezing("last-4").apply(network)
