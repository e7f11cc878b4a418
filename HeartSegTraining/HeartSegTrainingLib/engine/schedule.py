"""Learning rate and averaging rate as pure functions of where the run stands."""

from __future__ import annotations

_FLOOR = 0.01
"""Share of the learning rate that the decay never goes below."""


def learning_rate_factor(step: int, progress: float, *, warmup: int, decay_fraction: float) -> float:
    """Linear warm-up over the first steps, then constant, then linear decay over the last part of the run.

    Args:
        step: Steps already done.
        progress: Share of the run already done, 0 to 1, by steps or by time.
        warmup: Number of warm-up steps.
        decay_fraction: Share of the run, at its end, over which the rate falls.

    >>> learning_rate_factor(4, 0.0, warmup=10, decay_fraction=0.3)
    0.5
    >>> learning_rate_factor(500, 0.5, warmup=10, decay_fraction=0.3)
    1.0
    >>> round(learning_rate_factor(850, 0.85, warmup=10, decay_fraction=0.3), 6)
    0.5
    """
    rise = min(1.0, (step + 1) / warmup) if warmup > 0 else 1.0
    if progress <= 1.0 - decay_fraction:
        return rise
    return rise * max((1.0 - progress) / decay_fraction, _FLOOR)


def ema_decay(step: int, decay: float) -> float:
    """Averaging rate that ramps up to forget the random start: min(decay, (1 + step) / (10 + step)).

    >>> ema_decay(0, 0.995)
    0.1
    >>> ema_decay(100_000, 0.995)
    0.995
    """
    return min(decay, (1 + step) / (10 + step))
