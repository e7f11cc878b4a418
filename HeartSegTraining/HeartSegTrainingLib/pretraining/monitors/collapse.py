"""When a run has collapsed: it is stopped instead of burning days on a loss that looks perfect."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from HeartSeg3DLib.errors import HeartSegError

from .history import Figures

_REMEDY = ('Use centring = "batch" or "sinkhorn"; if it is, lower the learning rate, lengthen the warm-up, or enlarge '
           "the batch, and start a new run, or one with init_from the last checkpoint before this.")


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
        after_good: It counts only once the figure has been good: a sound run may begin at a value that is bad.
    """

    figure: str
    bad: float
    good: float
    sentence: str
    patience: int = 1
    after_good: bool = False

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
    # Sinkhorn spreads targets over all prototypes whatever the logits say, so that their perplexity stays high, and
    # those of a collapsed run are uniform; what it cannot make up is a difference between images: a fresh
    # network tells 0.05 to 0.1 nats (32 generated hearts, nano with 256 and tiny with 4096 prototypes).
    Limit("information", 0.002, 0.01, "The teacher's targets once told images apart and have not done so "
          "(information {value:.4f} nats) for {steps} steps.", patience=20, after_good=True),
    Limit("directions", 1.5, 2.0, "The embeddings of different images have differed in a single direction "
          "(rank {value:.2f}) for {steps} steps.", patience=20),
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
        device: Where its state is kept, as that of all that processes share.
    """

    def __init__(self, limits: Limits, device: torch.device | None = None) -> None:
        self.limits = limits
        self._held = torch.zeros(len(limits.limits), dtype=torch.int64, device=device)
        self._counts = torch.tensor([not limit.after_good for limit in limits.limits], device=device)

    def check(self, figures: Figures, step: int) -> None:
        """Look at the figures of a step.

        Raises:
            CollapseError: A sign has held for too long.
        """
        values = [getattr(figures, limit.figure) for limit in self.limits.limits]
        both = zip(self.limits.limits, values, self._counts.tolist(), strict=True)
        counts = [counted or limit.is_good(value) for limit, value, counted in both]
        self._counts.copy_(torch.tensor(counts))
        if step <= self.limits.grace:
            return
        signs = zip(self.limits.limits, values, counts, self._held.tolist(), strict=True)
        held = [_held_for(limit, value, steps) if counted else 0 for limit, value, counted, steps in signs]
        self._held.copy_(torch.tensor(held))
        for limit, value, steps in zip(self.limits.limits, values, held, strict=True):
            if steps >= limit.patience * self.limits.patience and limit.is_bad(value):
                raise CollapseError(limit.sentence.format(value=value, steps=steps), _REMEDY)

    def tensors(self) -> dict[str, Tensor]:
        """State for a checkpoint."""
        return {"monitor.collapse_signs": self._held, "monitor.collapse_counts": self._counts}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave.

        Raises:
            KeyError: It is missing.
        """
        for name, tensor in self.tensors().items():
            tensor.copy_(tensors[name])


def _held_for(limit: Limit, value: float, steps: int) -> int:
    """Steps for which a sign has held, this one included; a figure that is not known now (NaN) forgets nothing."""
    if limit.is_good(value):
        return 0
    return steps + 1 if limit.is_bad(value) or steps else 0
