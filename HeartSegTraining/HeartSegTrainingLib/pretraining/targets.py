"""The teacher's targets: equation (6) in its sound reading, and the alternatives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from HeartSegTrainingLib.engine.distributed import Processes

from .centering import RunningCenter, literal_center
from .sharpening import sharpened
from .sinkhorn import sinkhorn

CENTRINGS = ("batch", "sinkhorn", "literal", "none")
"""How the teacher's logits are balanced. "literal" and "none" collapse, and are there to be compared with."""


class TargetMaker:
    """Turns the teacher's logits into targets q'.

    Args:
        centring: One of CENTRINGS.
        prototypes: K.
        momentum: Of the running center ("batch").
        device: Where it works.
    """

    def __init__(self, centring: str, prototypes: int, momentum: float, device: torch.device) -> None:
        self.centring = centring
        self.center = RunningCenter(prototypes, momentum, device)

    def __call__(self, logits: Sequence[Tensor], temperature: float, processes: Processes) -> list[Tensor]:
        """Targets (n, K) a part from logits (n, K) a part; every process calls this at the same step."""
        if self.centring == "sinkhorn":
            return sinkhorn(logits, temperature, processes)
        if self.centring == "batch":
            self.center.see(logits, processes)
            return [sharpened(part - self.center.value, temperature) for part in logits]
        if self.centring == "literal":
            return [sharpened(literal_center(part), temperature) for part in logits]
        return [sharpened(part, temperature) for part in logits]

    def after_step(self) -> None:
        """Move the center after a step that was taken."""
        if self.centring == "batch":
            self.center.move()
