"""One optimiser step: forward and backward over this process's parts, clipping, and what is not finite."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .distributed import Processes
from .gradients import accumulate, average_over
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


def training_step(task: Task, optimizer: torch.optim.Optimizer, parts: list[Part], processes: Processes, *,
                  step: int, seed: int, numbers: list[int], precision: str, clip: float) -> StepResult:
    """Compute the gradients of all parts, average them over the processes, clip, and step unless not finite.

    Args:
        task: Its module is trained, and its hooks are called around the gradients.
        optimizer: Optimiser of the module's parameters.
        parts: This process's parts, prepared by the task.
        processes: Those that share the step.
        step: Steps done before.
        seed: The run's seed; with step and number of the part it seeds what the module draws (dropout), so that a
            resumed run, or one on another number of processes, draws the same.
        numbers: Numbers of the parts in the global batch.
        precision: auto, bf16 or fp32.
        clip: Largest gradient norm.
    """
    figures: dict[int, dict[str, Tensor]] = {}

    def backward(place: int) -> None:
        torch.manual_seed(_draw_seed(seed, step, numbers[place]))
        with autocast(parts[place][0].device, precision):
            loss, said = task.module(*parts[place])
        (loss / len(parts)).backward()
        figures[place] = {"loss": loss.detach(), **said}

    trained = _trained(optimizer)
    optimizer.zero_grad(set_to_none=True)
    accumulate(backward, range(len(parts)), trained)
    average_over(processes, trained)
    task.before_optimizer(step)
    norm = nn.utils.clip_grad_norm_(trained, clip)
    taken = bool(torch.isfinite(norm))  # a loss that is not finite has a gradient that is not, on every process
    if taken:
        optimizer.step()
    return StepResult(_as_numbers([figures[place] for place in range(len(parts))]), float(norm), taken)


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
