"""Centering: what equation (6) needs to mean so that it does something."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from HeartSegTrainingLib.engine.distributed import Processes


def literal_center(logits: Tensor) -> Tensor:
    """Equation (6) as printed: "subtracts the mean of the vector to have zero mean", for each vector on its own.

    The softmax that follows does not see a shift that is common to all logits of a vector, so this changes nothing at
    all; it is kept as an ablation. What prevents that one prototype wins everywhere is subtracting the mean of the
    batch for each prototype (`RunningCenter`).
    """
    return logits - logits.mean(1, keepdim=True)


class RunningCenter:
    """Exponential moving average, over steps, of the mean logits of the whole batch on all processes.

    Caron et al., "Emerging properties in self-supervised vision transformers", arXiv 2104.14294, equation (4). Here the
    center begins as the mean of the first batch instead of 0: from 0, the first steps teach the student nothing but
    what all images have in common, hard enough to make it forget in what they differ.

    Args:
        prototypes: K.
        momentum: Share of the old center that stays at each step.
        device: Where it lives.
    """

    def __init__(self, prototypes: int, momentum: float, device: torch.device) -> None:
        self.momentum = momentum
        self.value = torch.zeros(prototypes, device=device)
        self.has_begun = torch.zeros((), dtype=torch.bool, device=device)
        self._seen: Tensor | None = None

    def see(self, logits: Sequence[Tensor], processes: Processes) -> None:
        """Note the mean of a step's logits, (n, K) a part, over all processes, unless it is not finite."""
        total = torch.stack([part.sum(0) for part in logits]).sum(0)
        count = total.new_tensor([float(sum(len(part) for part in logits))])
        known = processes.sum(torch.cat([total, count]))
        is_known = bool((known[-1] > 0) & known.isfinite().all())
        self._seen = known[:-1] / known[-1] if is_known else None
        if self._seen is not None and not bool(self.has_begun):
            self.value.copy_(self._seen)
            self.has_begun.fill_(True)

    def move(self) -> None:
        """Move towards what was seen last; a step that was not taken does not."""
        if self._seen is not None:
            self.value.lerp_(self._seen, 1.0 - self.momentum)

    def tensors(self, name: str) -> dict[str, Tensor]:
        """State for a checkpoint, under names that begin with `name`."""
        return {f"{name}.value": self.value, f"{name}.has_begun": self.has_begun}

    def load(self, tensors: dict[str, Tensor], name: str) -> None:
        """Take back what `tensors` gave.

        Raises:
            KeyError: A tensor is missing.
        """
        for key, tensor in self.tensors(name).items():
            tensor.copy_(tensors[key])
