"""The ViL block: what it starts from, which way it reads, and that its parts see what they should."""

from dataclasses import replace

import pytest
import torch

from HeartSeg3DLib.networks import CONFIGS, ViLBlock, ViLPair

CONFIG = replace(CONFIGS["tiny"], chunk=16)
SIZE = (3, 4, 5)
TOKENS = 60


@pytest.fixture
def a_pair():
    pair = ViLPair(16, CONFIG, vil_blocks=2)
    with torch.no_grad():  # gates that depend on the token, as after training
        for block in (pair.forward_block, pair.reverse_block):
            block.gates.weight.normal_(0, 0.3)
    return pair.eval()


def reach(function, x, token):
    """Which tokens of the result change when one token of a map changes."""
    changed = x.clone()
    changed.flatten(2)[:, :, token] += torch.randn(x.shape[1])  # a constant would vanish in the layer norm
    with torch.no_grad():
        return (function(changed) - function(x)).abs().amax(1).flatten() > 1e-6


def test_the_pair_lets_every_token_reach_every_other(a_pair):
    x = torch.randn(1, 16, *SIZE)
    assert reach(a_pair, x, 0).all()
    assert reach(a_pair, x, TOKENS - 1).all()


def test_the_forward_block_carries_information_only_forwards(a_pair):
    def forward_only(x):
        return a_pair.forward_block(x.flatten(2).transpose(1, 2), SIZE).transpose(1, 2)

    x = torch.randn(1, 16, *SIZE)
    first, last = reach(forward_only, x, 0), reach(forward_only, x, TOKENS - 1)
    assert first.all()
    # Backwards only the 3x3x3 convolution reaches, at most to the first of the last voxel's neighbors, (1, 2, 3).
    earliest = (1 * 4 + 2) * 5 + 3
    assert not last[:earliest].any()
    assert last[earliest:].all()


def test_the_reverse_block_is_the_forward_block_on_the_flipped_map(a_pair):
    a_pair.reverse_block.load_state_dict(a_pair.forward_block.state_dict())
    x = torch.randn(2, 16, *SIZE)

    def forward_only(x):
        return a_pair.forward_block(x.flatten(2).transpose(1, 2), SIZE).transpose(1, 2).unflatten(2, SIZE)

    with torch.no_grad():
        once = forward_only(x)
        expected = forward_only(once.flip((2, 3, 4))).flip((2, 3, 4))
        result = a_pair(x)
    torch.testing.assert_close(result, expected)
    assert (result - forward_only(once)).abs().max() > 1e-2


def test_gates_start_as_published():
    block = ViLBlock(32, CONFIG, vil_blocks=4)
    assert torch.count_nonzero(block.gates.weight) == 0
    torch.testing.assert_close(block.gates.bias[4:], torch.linspace(3, 6, 4))
    assert block.gates.bias[:4].abs().max() < 1
    assert block.gates.bias[:4].std() > 0


def test_the_branch_starts_smaller_the_more_blocks_there_are():
    few, many = (ViLBlock(64, CONFIG, vil_blocks=n).down.weight.std().item() for n in (2, 12))
    assert few / many == pytest.approx(6, rel=0.1)


@pytest.mark.parametrize("gate", ["exponential", "sigmoid"])
@pytest.mark.parametrize("cell", ["recurrent", "parallel", "chunkwise"])
def test_the_cell_form_changes_nothing_but_cost(cell, gate):
    reference = ViLBlock(16, replace(CONFIG, gate=gate, chunk=7), vil_blocks=2).double()
    other = ViLBlock(16, replace(CONFIG, gate=gate, cell=cell), vil_blocks=2).double()
    other.load_state_dict(reference.state_dict())
    tokens = torch.randn(2, TOKENS, 16, dtype=torch.float64)
    torch.testing.assert_close(other(tokens, SIZE), reference(tokens, SIZE))


def test_every_parameter_receives_a_gradient():
    pair = ViLPair(16, CONFIG, vil_blocks=2)
    x = torch.randn(1, 16, *SIZE, requires_grad=True)
    (pair(x) * torch.randn(1, 16, *SIZE)).sum().backward()
    assert x.grad.isfinite().all()
    silent = [name for name, p in pair.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []
