"""Exponential moving averages of weights: what is released, and teachers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AveragedWeights:
    """Running average of a module's state dict, in the precision of its weights.

    Args:
        module: Whose weights; the average begins with a copy of them.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.values = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    @torch.no_grad()
    def update(self, decay: float) -> None:
        """average <- decay * average + (1 - decay) * weights; what is not a number of weight is copied."""
        for name, tensor in self.module.state_dict().items():
            if tensor.is_floating_point():
                self.values[name].lerp_(tensor, 1.0 - decay)
            else:
                self.values[name].copy_(tensor)

    def load(self, values: dict[str, Tensor]) -> None:
        """Take back what was saved.

        Raises:
            KeyError: A tensor is missing.
        """
        for name, tensor in self.values.items():
            tensor.copy_(values[name])
