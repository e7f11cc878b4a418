"""Everything of a run that a checkpoint holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from HeartSegTrainingLib.finetuning.config import FinetuneConfig
from HeartSegTrainingLib.finetuning.optimization import parameter_groups
from HeartSegTrainingLib.finetuning.schedule import ema_decay


@dataclass
class RunState:
    """The moving parts of a run.

    Attributes:
        network: The network in training.
        average: Exponential moving average of its state dict, fp32.
        optimizer: AdamW over its trainable parameters.
        step: Steps done, those skipped included: they use up their samples too.
        seconds: Training time of all sessions of the run.
        skipped: Steps skipped because loss or gradient was not finite.
    """

    network: nn.Module
    average: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    skipped: int = 0

    @classmethod
    def fresh(cls, network: nn.Module, config: FinetuneConfig) -> RunState:
        """State before the first step."""
        optimizer = torch.optim.AdamW(parameter_groups(network, config.weight_decay), lr=config.learning_rate)
        average = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        return cls(network, average, optimizer)

    @property
    def classes(self) -> int:
        """Number of classes of the network, background included."""
        return int(cast(Any, self.network).config.classes)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Logits of all levels, finest first."""
        return list(cast(Any, self.network).forward_deep(images))

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Move the averaged weights towards the current ones."""
        rate = 1.0 - ema_decay(self.step, decay)
        for name, tensor in self.network.state_dict().items():
            if tensor.is_floating_point():
                self.average[name].lerp_(tensor, rate)
            else:
                self.average[name].copy_(tensor)

    def progress(self, config: FinetuneConfig) -> float:
        """Share of the run that is done, by steps or by time."""
        if config.steps is not None:
            return self.step / config.steps
        assert config.minutes is not None
        return self.seconds / (60.0 * config.minutes)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of the state under the names that `checkpoint` documents."""
        named = {f"model.{name}": tensor for name, tensor in self.network.state_dict().items()}
        named |= {f"ema.{name}": tensor for name, tensor in self.average.items()}
        for name, parameter in self.network.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                named[f"optimizer.{name}.{key}"] = value
        named["rng.cpu"] = torch.get_rng_state()
        if torch.cuda.is_available():
            named["rng.cuda"] = torch.cuda.get_rng_state()
        return named

    def record(self) -> dict[str, Any]:
        """The numbers of the state."""
        return {"seconds": self.seconds, "skipped": self.skipped}

    def restore(self, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        """Continue exactly where a checkpoint was written."""
        self.network.load_state_dict(_part(tensors, "model."))
        for name, tensor in _part(tensors, "ema.").items():
            self.average[name].copy_(tensor)
        for name, parameter in self.network.named_parameters():
            if moments := _part(tensors, f"optimizer.{name}."):
                self.optimizer.state[parameter] = {
                    key: value.clone() if key == "step" else value.to(parameter.device, copy=True)
                    for key, value in moments.items()}
        torch.set_rng_state(tensors["rng.cpu"])
        if torch.cuda.is_available() and "rng.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["rng.cuda"])
        self.step, self.seconds, self.skipped = record["step"], record["seconds"], record["skipped"]


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
