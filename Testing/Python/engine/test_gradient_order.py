"""Gradients of parts are summed as a tree, so that processes that share the parts get the same numbers."""

import pytest
import torch

from HeartSegTrainingLib.engine.gradients import accumulate


def summed(gradients: torch.Tensor, parts: range) -> torch.Tensor:
    weight = torch.zeros(gradients.shape[1], requires_grad=True)
    accumulate(lambda part: (weight * gradients[part]).sum().backward(), parts, [weight])
    assert weight.grad is not None
    return weight.grad


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 13, 16])
def test_all_parts_count_once(count):
    gradients = torch.arange(float(count * 3)).reshape(count, 3)
    assert torch.equal(summed(gradients, range(count)), gradients.sum(0))


@pytest.mark.parametrize(("count", "processes"), [(4, 2), (8, 2), (8, 4), (16, 8)])
def test_processes_that_share_the_parts_get_the_same_bits(count, processes):
    gradients = torch.randn(count, 1000, generator=torch.Generator().manual_seed(3))
    each = count // processes
    shares = [summed(gradients, range(rank * each, (rank + 1) * each)) for rank in range(processes)]
    while len(shares) > 1:
        shares = [first + second for first, second in zip(shares[::2], shares[1::2], strict=True)]
    assert torch.equal(shares[0], summed(gradients, range(count)))


def test_the_order_matters_at_all():
    gradients = torch.randn(8, 1000, generator=torch.Generator().manual_seed(3))
    assert not torch.equal(summed(gradients, range(8)), sum(gradients))


def test_a_parameter_that_some_parts_do_not_reach_keeps_the_others_gradients():
    used, rare = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    accumulate(lambda part: (used * part + (rare if part == 3 else 0)).sum().backward(), range(5), [used, rare])
    assert (float(used.grad), float(rare.grad)) == (10.0, 1.0)
