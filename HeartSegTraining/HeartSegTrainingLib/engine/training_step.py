"""One optimiser step: forward and backward over this process's parts, clipping, and what is not finite."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .distributed import Processes
from .precision import autocast
from .task import Part, Task


@dataclass(frozen=True)
class StepResult:
    """What one step did, on this process.

    Attributes:
        figures: Loss and the task's figures of each part, scalars by name, NaN where one says nothing.
        gradient_norm: Norm over all processes before clipping.
        taken: False when loss or gradient was not finite and the weights were left alone; the same on each process.
    """

    figures: list[dict[str, float]]
    gradient_norm: float
    taken: bool


def training_step(task: Task, module: nn.Module, optimizer: torch.optim.Optimizer, parts: list[Part], *,
                  step: int, seed: int, numbers: list[int], precision: str, clip: float) -> StepResult:
    """Compute the gradients of all parts, average them over the processes, clip, and step unless not finite.

    Args:
        task: Gives hooks around the gradients.
        module: The task's module, perhaps wrapped for several processes.
        optimizer: Optimiser of its parameters.
        parts: This process's parts, prepared by the task.
        step: Steps done before.
        seed: The run's seed; with step and number of the part it seeds what the module draws (dropout), so that a
            resumed run, or one on another number of processes, draws the same.
        numbers: Numbers of the parts in the global batch.
        precision: auto, bf16 or fp32.
        clip: Largest gradient norm.
    """
    optimizer.zero_grad(set_to_none=True)
    figures = []
    for place, (number, part) in enumerate(zip(numbers, parts, strict=True)):
        torch.manual_seed(_draw_seed(seed, step, number))
        with _gradients_kept_back(module, until_last=place == len(parts) - 1):
            with autocast(part[0].device, precision):
                loss, said = module(*part)
            (loss / len(parts)).backward()
        figures.append({"loss": loss.detach(), **said})
    task.before_optimizer(step)
    norm = nn.utils.clip_grad_norm_(_trained(optimizer), clip)
    taken = bool(torch.isfinite(norm))  # a loss that is not finite has a gradient that is not, on every process
    if taken:
        optimizer.step()
    return StepResult(_as_numbers(figures), float(norm), taken)


def wrapped(module: nn.Module, processes: Processes, device: torch.device) -> nn.Module:
    """The module, made to average its gradients over the processes if there are several."""
    if processes.world == 1:
        return module
    return DistributedDataParallel(module, device_ids=[device.index] if device.type == "cuda" else None,
                                   broadcast_buffers=False)


def _gradients_kept_back(module: nn.Module, *, until_last: bool) -> contextlib.AbstractContextManager[None]:
    """Gradients travel between processes once a step, with the last part."""
    if isinstance(module, DistributedDataParallel) and not until_last:
        return module.no_sync()
    return contextlib.nullcontext()


def _draw_seed(seed: int, step: int, number: int) -> int:
    return (seed * 1_000_003 + step * 4099 + number) % 2**63


def _as_numbers(figures: list[dict[str, Tensor]]) -> list[dict[str, float]]:
    """All figures in one transfer from the device."""
    names = [list(said) for said in figures]
    flat = torch.stack([value.detach().float().reshape(()) for said in figures for value in said.values()]).tolist()
    values = iter(flat)
    return [{name: next(values) for name in said} for said in names]


def _trained(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
