"""Sharpening: the softmax with a small temperature of equation (6), and how the temperature rises."""

from __future__ import annotations

from torch import Tensor


def teacher_temperature(progress: float, *, first: float, last: float, warmup: float) -> float:
    """tau of equation (6): from `first` to `last` in a straight line over the share `warmup` of the run, then `last`.

    A teacher of few steps knows little; that a small temperature makes its guesses sharp keeps it from flat ones.
    """
    share = 1.0 if warmup <= 0 else min(progress / warmup, 1.0)
    return first + share * (last - first)


def sharpened(logits: Tensor, temperature: float) -> Tensor:
    """softmax(z / tau): (n, K) logits to rows that sum to 1, float32."""
    return logits.float().div(temperature).softmax(1)
