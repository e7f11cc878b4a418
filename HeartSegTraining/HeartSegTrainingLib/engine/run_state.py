"""Everything of a run that a checkpoint holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from HeartSeg3DLib.errors import ModelError

from .config import RunConfig
from .task import Task


@dataclass
class RunState:
    """The moving parts of a run.

    There is no state of random generators: what a step draws is a function of seed, step and part.

    Attributes:
        task: Module in training and what moves with it.
        optimizer: AdamW over the trainable parameters.
        step: Steps done, those skipped included: they use up their samples too.
        seconds: Training time of all sessions of the run.
        skipped: Steps skipped because loss or gradient was not finite.
    """

    task: Task
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    skipped: int = 0

    @classmethod
    def fresh(cls, task: Task, config: RunConfig) -> RunState:
        """State before the first step."""
        groups = [{"scale": 1.0, **group} for group in task.parameter_groups() if group["params"]]
        return cls(task, torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay))

    def progress(self, config: RunConfig) -> float:
        """Share of the run that is done, by steps or by time."""
        if config.steps is not None:
            return self.step / config.steps
        assert config.minutes is not None
        return self.seconds / (60.0 * config.minutes)

    def set_learning_rate(self, rate: float) -> None:
        """Give each group its share of a rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of the state under the names that `checkpoint` documents."""
        module = self.task.module
        named = {f"model.{name}": tensor for name, tensor in module.state_dict().items()}
        named |= self.task.tensors()
        for name, parameter in module.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                named[f"optimizer.{name}.{key}"] = value
        return named

    def record(self) -> dict[str, Any]:
        """The numbers of the state."""
        return {"seconds": self.seconds, "skipped": self.skipped}

    def restore(self, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        """Continue exactly where a checkpoint was written.

        Raises:
            ModelError: The checkpoint is of another network.
        """
        try:
            self.task.module.load_state_dict(part_of(tensors, "model."))
            self.task.load_tensors(tensors)
        except (RuntimeError, KeyError) as error:
            raise ModelError("The checkpoint does not fit this run's network.",
                             "Restore the job file, or start a new run in another folder.") from error
        for name, parameter in self.task.module.named_parameters():
            if moments := part_of(tensors, f"optimizer.{name}."):
                self.optimizer.state[parameter] = {
                    key: value.clone() if key == "step" else value.to(parameter.device, copy=True)
                    for key, value in moments.items()}
        self.step, self.seconds, self.skipped = record["step"], record["seconds"], record["skipped"]


def part_of(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
