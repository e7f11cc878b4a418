import doctest

import pytest

from HeartSegTrainingLib.engine import schedule
from HeartSegTrainingLib.engine.schedule import ema_decay, learning_rate_factor


@pytest.mark.parametrize(("step", "expected"), [
    (0, 0.01), (49, 0.5), (99, 1.0), (100, 1.0), (700, 1.0), (850, 0.5), (999, 0.01), (1000, 0.01)])
def test_rate_rises_holds_and_falls(step, expected):
    rate = learning_rate_factor(step, step / 1000, warmup=100, decay_fraction=0.3)
    assert rate == pytest.approx(expected)


def test_no_warmup_and_no_decay_is_constant():
    rates = {learning_rate_factor(step, step / 10, warmup=0, decay_fraction=0.0) for step in range(10)}
    assert rates == {1.0}


def test_averaging_starts_short_and_ends_long():
    decays = [ema_decay(step, 0.995) for step in range(0, 5000, 100)]
    assert decays[0] == pytest.approx(0.1)
    assert decays == sorted(decays)
    assert decays[-1] == 0.995


def test_the_examples_in_the_docstrings_hold():
    result = doctest.testmod(schedule)
    assert result.attempted >= 5
    assert result.failed == 0
