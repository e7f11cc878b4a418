"""One optimiser step: parameter groups, clipping, and what to do with a step that is not finite."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from HeartSegTrainingLib.finetuning.losses import LossTerms, deep_supervision_loss
from HeartSegTrainingLib.finetuning.precision import autocast


@dataclass(frozen=True)
class StepResult:
    """What one step did.

    Attributes:
        loss: Its loss terms.
        gradient_norm: Norm before clipping, scalar tensor.
        taken: False when loss or gradient was not finite and the weights were left alone.
    """

    loss: LossTerms
    gradient_norm: Tensor
    taken: bool


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Trainable parameters with weight decay, and those without: norms, biases and gates.

    Decay on the gates' small weights or a norm's scale would pull the recurrence and the signal towards zero.
    """
    decayed: list[Tensor] = []
    spared: list[Tensor] = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            is_spared = parameter.ndim < 2 or "gate" in name or "norm" in name
            (spared if is_spared else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": spared, "weight_decay": 0.0}]


def freeze(network: nn.Module, part: str) -> None:
    """Exclude a part of the network from training: "none" or "encoder"."""
    if part == "encoder":
        network.get_submodule("encoder").requires_grad_(False)


def training_step(forward: Callable[[Tensor], list[Tensor]], optimizer: torch.optim.Optimizer, batch: list[Tensor], *,
                  precision: str, clip: float) -> StepResult:
    """Forward, backward, clip, and step unless something is not finite.

    Args:
        forward: Gives the logits of all levels, finest first.
        optimizer: Optimiser of what `forward` computes with.
        batch: Images (B, 1, D, H, W), labels (B, D, H, W) uint8 and perhaps labelled classes (B, C).
        precision: auto, bf16 or fp32.
        clip: Largest gradient norm.
    """
    images, labels, *labelled = batch
    with autocast(images.device, precision):
        logits = forward(images)
    terms = deep_supervision_loss(logits, labels, labelled[0] if labelled else None)
    optimizer.zero_grad(set_to_none=True)
    terms.total.backward()
    norm = nn.utils.clip_grad_norm_(_trained(optimizer), clip)
    taken = bool(torch.isfinite(terms.total) & torch.isfinite(norm))
    if taken:
        optimizer.step()
    return StepResult(terms, norm, taken)


def _trained(optimizer: torch.optim.Optimizer) -> Iterable[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
