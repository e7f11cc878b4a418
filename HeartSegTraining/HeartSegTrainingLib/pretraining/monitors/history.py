"""What the teacher said lately: a single step of a small batch says too little to judge by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import torch
from torch import Tensor

from HeartSegTrainingLib.engine.distributed import Processes

from .entropy import divergence_from_uniform, information, normalized_entropy
from .perplexity import perplexity, prototypes_used
from .rank import directions, effective_rank
from .spread import embedding_spread

_KEEP = 0.9
"""Share of the running means that stays at each step."""
_PREFIX = "monitor."


@dataclass(frozen=True)
class Figures:
    """Monitors at one step, the same on each process.

    Attributes:
        entropy: Running mean of H(q') / log K.
        uniform_divergence: KL of the running mean target from the uniform distribution.
        information: What a target tells about its image, nats.
        perplexity: Of the running mean target.
        prototypes_used: Different winners among the last views.
        spread: Of the last embeddings.
        rank: RankMe of the last embeddings; NaN between the steps at which it is computed.
        directions: RankMe of how they differ from their mean, in how many directions they lie apart; NaN then, too,
            and until there are enough of them.
    """

    entropy: float
    uniform_divergence: float
    information: float
    perplexity: float
    prototypes_used: float
    spread: float
    rank: float
    directions: float

    def to_dict(self) -> dict[str, float]:
        """By name."""
        return asdict(self)


class TeacherHistory:
    """Running means of the targets, and the last embeddings, over all processes.

    Args:
        prototypes: K.
        width: Length of an embedding.
        device: Where it is kept.
        views: Views whose embeddings are kept.
    """

    def __init__(self, prototypes: int, width: int, device: torch.device, views: int = 256) -> None:
        self._mean = torch.zeros(prototypes, device=device)
        self._recent = torch.zeros(views, width + 1, device=device)
        self._numbers = torch.zeros(3, dtype=torch.float64, device=device)  # views seen, weight of means, entropy

    def add(self, targets: Sequence[Tensor], embeddings: Sequence[Tensor], processes: Processes) -> None:
        """Take in a step: targets (n, K) and embeddings (n, d) a part; every process calls this at the same step.

        A step with values that are not finite, which the engine skips, leaves no trace.
        """
        q, x = torch.cat(list(targets)), torch.cat(list(embeddings)).float()
        rows = torch.cat([x, q.argmax(1, keepdim=True).to(x.dtype)], 1)
        everyone = rows.new_zeros(processes.world, *rows.shape)
        everyone[processes.rank] = rows
        everyone = processes.sum(everyone).flatten(0, 1)
        sums = processes.sum(torch.cat([q.sum(0), (normalized_entropy(q) * len(q)).reshape(1)])) / len(everyone)
        if not bool(everyone.isfinite().all() & sums.isfinite().all()):
            return
        self._mean.lerp_(sums[:-1], 1.0 - _KEEP)
        self._numbers[1:].lerp_(torch.stack([sums.new_ones(()), sums[-1]]).double(), 1.0 - _KEEP)
        self._numbers[0] += len(everyone)
        self._recent.copy_(torch.cat([self._recent, everyone])[-len(self._recent):])

    def figures(self, *, with_rank: bool) -> Figures:
        """The monitors now; all NaN before the first `add`."""
        seen, weight, entropy = self._numbers.tolist()
        if not seen:
            return Figures(*[math.nan] * len(fields(Figures)))
        mean = self._mean / weight
        recent = self._recent[-min(int(seen), len(self._recent)):]
        embeddings = recent[:, :-1]
        known = torch.stack([divergence_from_uniform(mean), information(mean, entropy / weight), perplexity(mean),
                             embedding_spread(embeddings)])
        apart, told, used, spread = known.tolist()
        rank = float(effective_rank(embeddings)) if with_rank else math.nan
        is_full = with_rank and len(recent) == len(self._recent)
        return Figures(entropy / weight, apart, told, used, float(prototypes_used(recent[:, -1])), spread, rank,
                       float(directions(embeddings)) if is_full else math.nan)

    def tensors(self) -> dict[str, Tensor]:
        """State for a checkpoint."""
        return {f"{_PREFIX}mean_target": self._mean, f"{_PREFIX}recent": self._recent,
                f"{_PREFIX}numbers": self._numbers}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave.

        Raises:
            KeyError: A tensor is missing.
        """
        for name, tensor in self.tensors().items():
            tensor.copy_(tensors[name])
