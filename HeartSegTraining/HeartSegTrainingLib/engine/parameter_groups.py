"""Which parameters decay."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


def parameter_groups(module: nn.Module, weight_decay: float, *, scale: float = 1.0) -> list[dict[str, Any]]:
    """Trainable parameters with weight decay, and those without: norms, biases and gates.

    Decay on the gates' small weights or a norm's scale would pull the recurrence and the signal towards zero.

    Args:
        module: Whose parameters.
        weight_decay: AdamW decay of the first group.
        scale: Share of the run's learning rate.
    """
    decayed: list[Tensor] = []
    spared: list[Tensor] = []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            is_spared = parameter.ndim < 2 or "gate" in name or "norm" in name
            (spared if is_spared else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay, "scale": scale},
            {"params": spared, "weight_decay": 0.0, "scale": scale}]
