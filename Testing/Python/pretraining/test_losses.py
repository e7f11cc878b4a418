"""Losses of self-supervision against values worked out by hand."""

import math

import pytest
import torch

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.pretraining.losses import (
    cross_view_loss,
    divergence,
    koleo,
    masked_token_loss,
    squared_view_loss,
)


def rows(*values):
    return torch.tensor(values, dtype=torch.float32)


@pytest.fixture
def two_targets():
    torch.manual_seed(0)
    return list(torch.randn(2, 3, 5).softmax(2))


def test_two_views_give_equation_7(two_targets):
    torch.manual_seed(1)
    z1, z2 = torch.randn(2, 3, 5)

    def cross_entropy(z, q):  # equation (8), with a temperature
        return -sum(q[n, k] * torch.log(torch.softmax(z[n] / 0.1, 0)[k]) for n in range(3) for k in range(5)) / 3

    by_hand = (cross_entropy(z1, two_targets[1]) + cross_entropy(z2, two_targets[0])) / 2
    assert torch.allclose(cross_view_loss([z1, z2], two_targets, 0.1), by_hand, atol=1e-5)


def test_a_view_is_never_compared_with_itself(two_targets):
    sure = [100 * torch.log(target) for target in two_targets]
    aligned = cross_view_loss([sure[1], sure[0]], two_targets, 100.0)
    apart = cross_view_loss(sure, two_targets, 100.0)
    entropy = -sum((target * target.log()).sum(1).mean() for target in two_targets) / 2
    assert float(aligned) == pytest.approx(float(entropy), abs=1e-5)
    assert apart > aligned + 0.1


def test_the_squared_reading_of_equation_7_compares_probabilities(two_targets):
    torch.manual_seed(1)
    z1, z2 = torch.randn(2, 3, 5)

    def squared(z, q):
        return sum((torch.softmax(z[n] / 0.1, 0)[k] - q[n, k]) ** 2 for n in range(3) for k in range(5)) / 3

    by_hand = (squared(z1, two_targets[1]) + squared(z2, two_targets[0])) / 2
    assert torch.allclose(squared_view_loss([z1, z2], two_targets, 0.1), by_hand, atol=1e-6)
    agreeing = [two_targets[1].log(), two_targets[0].log()]
    assert float(squared_view_loss(agreeing, two_targets, 1.0)) == pytest.approx(0.0, abs=1e-9)
    sure = torch.eye(5)
    assert float(squared_view_loss([sure * 1e3, sure * 1e3], [sure.roll(1, 0)] * 2, 1.0)) == pytest.approx(2.0)


def test_the_squared_error_compares_local_views_with_both_targets(two_targets):
    z = [two_targets[1].log(), two_targets[0].log(), torch.randn(3, 5)]
    local = sum((z[2].softmax(1) - target).square().sum(1).mean() for target in two_targets)
    assert torch.allclose(squared_view_loss(z, two_targets, 1.0), local / 4, atol=1e-6)


def test_local_views_are_compared_with_both_targets(two_targets):
    z = [torch.zeros(3, 5) for _ in range(3)]
    z[2] = torch.randn(3, 5)
    local = sum(-(target * (z[2] / 0.1).log_softmax(1)).sum(1).mean() for target in two_targets)
    assert torch.allclose(cross_view_loss(z, two_targets, 0.1), (2 * math.log(5) + local) / 4, atol=1e-5)


def test_the_divergence_is_zero_for_a_student_that_says_what_the_teacher_says(two_targets):
    logits = [two_targets[1].log(), two_targets[0].log()]
    loss = cross_view_loss(logits, two_targets, 1.0)
    assert float(divergence(loss, two_targets)) == pytest.approx(0.0, abs=1e-6)
    assert float(loss) > 0.5


def test_koleo_of_known_points():
    # On the unit circle at 0, 60 and 180 degrees: nearest neighbors at 1, 1 and sqrt(3).
    points = rows((2, 0), (0.5 * 3, 3 * math.sqrt(3) / 2), (-5, 0))
    assert float(koleo(points)) == pytest.approx(-math.log(math.sqrt(3)) / 3, abs=1e-5)


def test_koleo_of_duplicates_is_finite_and_so_is_its_gradient():
    points = torch.ones(4, 6, requires_grad=True)
    loss = koleo(points)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(points.grad).all()


def test_koleo_pushes_neighbors_apart():
    points = rows((1, 0), (1, 0.1), (-1, 0)).requires_grad_()
    koleo(points).backward()
    moved = points.detach() - 0.01 * points.grad
    assert (moved[0] - moved[1]).norm() > (points[0] - points[1]).norm()


def test_koleo_of_a_single_sample_is_refused():
    with pytest.raises(UsageError, match="single one"):
        koleo(torch.ones(1, 4))


def test_the_masked_loss_counts_each_view_with_hidden_tokens_once():
    masks = torch.tensor([[True, True, True], [False, True, False], [False, False, False]])
    targets = torch.eye(4)[[0, 1, 2, 3]]
    logits = torch.tensor([1.0, 2.0, 3.0, 4.0])[:, None] * torch.eye(4)
    entropy = [-math.log(math.exp(v / 0.5) / (math.exp(v / 0.5) + 3)) for v in (1.0, 2.0, 3.0, 4.0)]
    by_hand = (sum(entropy[:3]) / 3 + entropy[3]) / 2
    assert float(masked_token_loss(logits, targets, masks, 0.5)) == pytest.approx(by_hand, rel=1e-5)


def test_nothing_hidden_costs_nothing_and_leaves_gradients_defined():
    logits = torch.zeros(0, 4, requires_grad=True)
    loss = masked_token_loss(logits, torch.zeros(0, 4), torch.zeros(2, 3, dtype=torch.bool), 0.1)
    loss.backward()
    assert float(loss.detach()) == 0.0
