"""When a run has collapsed: it is stopped instead of burning days on a loss that looks perfect."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from HeartSeg3DLib.errors import HeartSegError

from .history import Figures

_REMEDY = ('Use centring = "batch" or "sinkhorn"; if it is, lower the learning rate, lengthen the warm-up, or enlarge '
           "the batch, and start again from an earlier checkpoint.")


class CollapseError(HeartSegError):
    """Self-supervision collapsed: what the encoder says no longer depends on the image."""

    exit_code = 6
    code = "collapse"


@dataclass(frozen=True)
class Limit:
    """One sign of collapse.

    Attributes:
        figure: Name in Figures.
        bad: Value at which the sign counts.
        good: Value that it has to reach again before it is forgotten; between the two it is remembered.
        sentence: What it means, with {value} and {steps}.
        patience: For how many times the guard's patience it has to hold.
    """

    figure: str
    bad: float
    good: float
    sentence: str
    patience: int = 1

    def is_bad(self, value: float) -> bool:
        """Whether a value is at `bad` or beyond."""
        return value >= self.bad if self.bad > self.good else value <= self.bad

    def is_good(self, value: float) -> bool:
        """Whether a value is at `good` or beyond."""
        return value <= self.good if self.bad > self.good else value >= self.good


LIMITS = (
    Limit("perplexity", 1.5, 2.0, "The teacher has given all images the same prototype (perplexity {value:.2f}) for "
          "{steps} steps. The loss is near 0 because there is nothing left to tell apart."),
    Limit("entropy", 0.999, 0.99, "The teacher's targets have been uniform (normalized entropy {value:.4f}) for "
          "{steps} steps: they say nothing about an image.", patience=40),  # a sound run begins near there, too
    Limit("spread", 0.01, 0.02, "The embeddings of different images have been the same (spread {value:.4f}) for "
          "{steps} steps.", patience=4),
)


@dataclass(frozen=True)
class Limits:
    """When the guard speaks.

    Attributes:
        grace: Steps at the beginning in which nothing is judged.
        patience: Steps for which the sign of a single prototype has to hold; the others a multiple of it.
        limits: The signs.
    """

    grace: int = 50
    patience: int = 25
    limits: tuple[Limit, ...] = LIMITS


class CollapseGuard:
    """Counts for how many steps each sign has held.

    Args:
        limits: When to speak.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._held = torch.zeros(len(limits.limits), dtype=torch.int64)

    def check(self, figures: Figures, step: int) -> None:
        """Look at the figures of a step.

        Raises:
            CollapseError: A sign has held for too long.
        """
        if step <= self.limits.grace:
            return
        for place, limit in enumerate(self.limits.limits):
            value = getattr(figures, limit.figure)
            if limit.is_good(value):
                self._held[place] = 0
            elif limit.is_bad(value) or self._held[place] > 0:
                self._held[place] += 1
            if self._held[place] >= limit.patience * self.limits.patience and limit.is_bad(value):
                raise CollapseError(limit.sentence.format(value=value, steps=int(self._held[place])), _REMEDY)

    def tensors(self) -> dict[str, Tensor]:
        """State for a checkpoint."""
        return {"monitor.collapse_signs": self._held}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave.

        Raises:
            KeyError: It is missing.
        """
        self._held.copy_(tensors["monitor.collapse_signs"])
