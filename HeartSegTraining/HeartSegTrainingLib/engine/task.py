"""What a kind of training (pretraining, fine-tuning) gives to the engine that runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn
from torch.utils.data import Dataset

Part = tuple[Tensor, ...]
"""Samples that are computed in one forward pass: each tensor begins with the axis of samples."""

Sample = tuple[Tensor, ...]
"""One sample without that axis."""


class Task(ABC):
    """One kind of training.

    The global batch of a step consists of parts of `part` samples. Which samples make a part does not depend on the
    number of processes; each process computes some of the parts, and gradients are averaged over all. A loss that
    mixes samples (Dice, KoLeo) mixes those of one part, so that a step is the same on one process and on eight.

    Attributes:
        module: All that learns, on its device. `module(*part)` gives the loss of a part (scalar) and its figures:
            scalars by name, detached, NaN where a part says nothing. `dice_N` are shown as Dice of class N.
        warnings: Sentences for whoever looks at the run: what could not be checked, for instance.
    """

    module: nn.Module
    warnings: tuple[str, ...] = ()

    @abstractmethod
    def dataset(self) -> Dataset[Sample]:
        """Sample `index` of the run, from 0 and without end: a pure function of the seed and the index."""

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, Any]]:
        """Parameters to train for AdamW, with `weight_decay` and, if it is not 1, `scale` of the learning rate."""

    def fingerprint(self) -> str:
        """Hash of the data that the run learns from; a run is not resumed on other data."""
        return ""

    def prepare(self, parts: list[Part], step: int, progress: float) -> list[Part]:
        """Complete the parts of this process before the forward passes: a teacher's targets, for instance.

        Collective operations over the processes belong here or in `after_step`, never into `module`.

        Args:
            parts: This process's parts of the global batch, on the device.
            step: Steps done before.
            progress: Share of the run that is done, 0 to 1.
        """
        return parts

    def before_optimizer(self, step: int) -> None:  # noqa: B027 - most tasks change none
        """Change gradients after the backward passes, before they are clipped."""

    def after_step(self, step: int, progress: float, *, taken: bool) -> dict[str, float]:
        """Move averages and teachers after a step, look at monitors, and return figures, the same on each process.

        Args:
            step: Steps done, this one included.
            progress: Share of the run that is done.
            taken: Whether the weights moved; False when loss or gradient was not finite.

        Raises:
            HeartSegError: The run is not worth going on with (collapse); it ends with a checkpoint and this reason.
        """
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """State beside the module's own: averaged weights (`ema.`), teacher (`teacher.`), center and so on."""
        return {}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:  # noqa: B027 - a task may have none
        """Take back what `tensors` gave; other names in the dictionary are not its business."""

    def frozen(self) -> list[nn.Module]:
        """Modules that stay in evaluation mode while the rest trains."""
        return []

    def smallest_part(self) -> int:
        """Samples that a part needs at least: more than one where a loss compares samples with each other."""
        return 1

    def use_less_memory(self) -> None:
        """Recompute activations in the backward pass instead of keeping them, where the network can."""
        for module in self.module.modules():
            if hasattr(module, "recompute"):
                module.recompute = True
