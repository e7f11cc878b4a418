"""Monitors on cases whose answer is known, and the guard that stops a collapsed run."""

import math

import pytest
import torch

from HeartSegTrainingLib.engine.distributed import Processes
from HeartSegTrainingLib.pretraining.monitors import (
    CollapseError,
    CollapseGuard,
    Figures,
    Limits,
    TeacherHistory,
    agreement,
    directions,
    divergence_from_uniform,
    effective_rank,
    embedding_spread,
    information,
    normalized_entropy,
    perplexity,
    prototypes_used,
)

CPU = torch.device("cpu")
HEALTHY = Figures(entropy=0.4, uniform_divergence=1.0, information=2.0, perplexity=40.0, prototypes_used=9.0,
                  spread=0.5, rank=math.nan, directions=6.0)


def like(**changes):
    return Figures(**{**HEALTHY.to_dict(), **changes})


def stopped_at(guard, figures_at, steps):
    """Step at which the guard stops a run, and why."""
    for step in steps:
        try:
            guard.check(figures_at(step), step)
        except CollapseError as error:
            return step, error.message
    return None, ""


def test_entropy_and_perplexity_of_one_prototype_and_of_all():
    one, flat = torch.eye(8)[[2, 2, 2]], torch.full((3, 8), 1 / 8)
    assert float(normalized_entropy(one)) == 0.0
    assert float(normalized_entropy(flat)) == pytest.approx(1.0)
    assert float(perplexity(one.mean(0))) == pytest.approx(1.0)
    assert float(perplexity(flat.mean(0))) == pytest.approx(8.0)
    assert float(divergence_from_uniform(one.mean(0))) == pytest.approx(math.log(8))
    assert float(divergence_from_uniform(flat.mean(0))) == pytest.approx(0.0, abs=1e-6)
    assert float(perplexity(torch.eye(8)[:4].mean(0))) == pytest.approx(4.0)
    for targets, nats in ((one, 0.0), (flat, 0.0), (torch.eye(8)[:4], math.log(4))):
        assert float(information(targets.mean(0), float(normalized_entropy(targets)))) == pytest.approx(nats, abs=1e-6)
    assert prototypes_used(torch.tensor([1, 5, 5, 2])) == 3


def test_spread_and_rank_see_different_kinds_of_collapse():
    torch.manual_seed(0)
    healthy = torch.randn(512, 32)
    constant = torch.ones(512, 32) + 1e-4 * healthy
    flat = torch.randn(512, 2) @ torch.randn(2, 32)
    assert float(embedding_spread(healthy)) == pytest.approx(1.0, abs=0.03)
    assert float(embedding_spread(constant)) < 0.001
    assert float(embedding_spread(flat)) > 0.8
    assert float(effective_rank(healthy)) > 25
    assert float(effective_rank(flat)) == pytest.approx(2.0, abs=0.1)
    assert float(effective_rank(torch.eye(6))) == pytest.approx(6.0, abs=0.01)


def test_a_large_common_part_hides_in_how_many_directions_embeddings_differ_but_for_their_mean():
    torch.manual_seed(0)
    common, noise = torch.ones(32), torch.randn(512, 32)
    line = torch.randn(512, 1) @ torch.randn(1, 32)
    assert float(effective_rank(common + 0.02 * noise)) < 2.5
    assert float(directions(common + 0.02 * noise)) > 25
    assert float(directions(common + 0.02 * line)) == pytest.approx(1.0, abs=0.2)


def test_agreement_is_a_cosine():
    a = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    assert float(agreement(a, 5 * a)) == pytest.approx(1.0)
    assert float(agreement(a, a.flip(1))) == pytest.approx(0.0)


def test_the_history_is_an_average_over_steps_and_does_not_depend_on_parts():
    torch.manual_seed(0)
    whole, parted = (TeacherHistory(6, 4, CPU, views=10) for _ in range(2))
    for _ in range(3):
        q, x = torch.randn(8, 6).softmax(1), torch.randn(8, 4)
        whole.add([q], [x], Processes())
        parted.add([q[:2], q[2:]], [x[:2], x[2:]], Processes())
    one, other = whole.figures(with_rank=True), parted.figures(with_rank=True)
    assert one.to_dict() == pytest.approx(other.to_dict(), nan_ok=True)
    assert 1 < one.rank <= 4


def test_the_history_of_one_prototype_says_so():
    history = TeacherHistory(6, 4, CPU)
    history.add([torch.eye(6)[[3, 3]]], [torch.ones(2, 4)], Processes())
    figures = history.figures(with_rank=False)
    assert (figures.entropy, figures.prototypes_used) == (0.0, 1.0)
    assert figures.perplexity == pytest.approx(1.0)
    assert figures.spread == pytest.approx(0.0, abs=1e-6)
    assert math.isnan(figures.rank)


@pytest.mark.parametrize(("changes", "reason", "times"), [
    ({"perplexity": 1.02, "entropy": 0.0}, "same prototype", 1), ({"entropy": 0.9999}, "uniform", 40),
    ({"spread": 0.001}, "embeddings of different images have been", 4), ({"directions": 1.1}, "single direction", 20)])
def test_each_sign_of_collapse_stops_a_run_with_its_reason(changes, reason, times):
    guard = CollapseGuard(Limits(grace=5, patience=10))
    for step in range(1, 5 + 10 * times):
        guard.check(like(**changes), step)
    with pytest.raises(CollapseError, match=reason) as raised:
        guard.check(like(**changes), 5 + 10 * times)
    assert "centring" in raised.value.remedy


def test_the_rank_counts_where_it_is_known_and_is_not_forgotten_between():
    guard = CollapseGuard(Limits(grace=0, patience=1))
    step, reason = stopped_at(guard, lambda step: like(directions=1.2 if step % 10 == 0 else math.nan), range(1, 100))
    assert step == 30  # known first at step 10, bad for 20 steps at 29, and known again at 30
    assert "(rank 1.20) for 21 steps" in reason


def test_targets_that_say_nothing_any_more_stop_a_run_and_those_that_say_nothing_yet_do_not():
    nothing = like(information=0.0005, entropy=0.9985)
    guard = CollapseGuard(Limits(grace=5, patience=2))
    for step in range(1, 200):
        guard.check(nothing, step)
    guard.check(like(information=0.05), 200)
    step, reason = stopped_at(guard, lambda step: nothing, range(201, 300))
    assert step == 200 + 20 * 2
    assert "told images apart" in reason


def test_what_was_learned_in_the_grace_period_can_be_lost_after_it():
    guard = CollapseGuard(Limits(grace=5, patience=1))
    guard.check(like(information=0.05), 1)
    assert stopped_at(guard, lambda step: like(information=0.0), range(2, 30))[0] == 5 + 20


def test_a_healthy_run_and_short_dips_are_left_alone():
    guard = CollapseGuard(Limits(grace=5, patience=10))
    for step in range(1, 200):
        guard.check(like(perplexity=1.0) if step % 10 < 8 else HEALTHY, step)


def test_a_sign_is_remembered_until_the_figure_has_really_recovered():
    guard = CollapseGuard(Limits(grace=0, patience=10))
    for step in range(1, 11):
        guard.check(like(perplexity=1.0 if step % 2 else 1.7), step)
    with pytest.raises(CollapseError):
        guard.check(like(perplexity=1.0), 11)


def test_directions_are_known_once_the_history_is_full():
    torch.manual_seed(0)
    history = TeacherHistory(6, 4, CPU, views=10)
    for views in (4, 8):
        history.add([torch.randn(4, 6).softmax(1)], [torch.randn(4, 4)], Processes())
        assert math.isnan(history.figures(with_rank=True).directions), views
    history.add([torch.randn(4, 6).softmax(1)], [torch.randn(4, 4)], Processes())
    assert 1 < history.figures(with_rank=True).directions <= 4
    assert math.isnan(history.figures(with_rank=False).directions)


def test_nothing_is_judged_in_the_grace_period():
    guard = CollapseGuard(Limits(grace=50, patience=2))
    for step in range(1, 51):
        guard.check(like(perplexity=1.0), step)
    assert int(guard.tensors()["monitor.collapse_signs"].sum()) == 0


def test_history_and_guard_go_on_where_they_were_saved():
    torch.manual_seed(0)
    first, second = (TeacherHistory(6, 4, CPU, views=10) for _ in range(2))
    guard, other = (CollapseGuard(Limits(grace=0, patience=3)) for _ in range(2))
    for step in (1, 2):
        first.add([torch.randn(4, 6).softmax(1)], [torch.randn(4, 4)], Processes())
        guard.check(like(perplexity=1.0), step)
    second.load({name: tensor.clone() for name, tensor in first.tensors().items()})
    other.load({name: tensor.clone() for name, tensor in guard.tensors().items()})
    assert all(torch.equal(tensor, other.tensors()[name]) for name, tensor in guard.tensors().items())
    assert second.figures(with_rank=True) == first.figures(with_rank=True)
    with pytest.raises(CollapseError):
        other.check(like(perplexity=1.0), 3)


def test_a_step_that_is_not_finite_leaves_no_trace():
    torch.manual_seed(0)
    history = TeacherHistory(6, 4, CPU, views=10)
    assert math.isnan(history.figures(with_rank=True).perplexity)
    CollapseGuard(Limits(grace=0, patience=1)).check(history.figures(with_rank=True), 1)
    history.add([torch.randn(4, 6).softmax(1)], [torch.randn(4, 4)], Processes())
    before = history.figures(with_rank=True)
    history.add([torch.full((4, 6), torch.nan)], [torch.randn(4, 4)], Processes())
    assert history.figures(with_rank=True) == before
