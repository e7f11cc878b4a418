"""Which part of a network learns, and how fast: frozen encoder, last stages, a rate for each depth, heads first.

The paper freezes "encoder and bottom layers" in stage 3; where it speaks of fine-tuning the encoder, `full` and
`layer-decay` are the readings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.engine.parameter_groups import parameter_groups

_LAST = re.compile(r"last-([1-9]\d*)")
_MODES = ("none", "full", "encoder", "last-N", "layer-decay")


@dataclass(frozen=True)
class Freezing:
    """How the weights of a pretrained network are treated.

    Attributes:
        mode: "none" or "full": everything learns. "encoder": the encoder with its bottleneck stays as it is, has no
            optimizer state and is in evaluation mode. "last-N": of the encoder only the last N stages learn.
            "layer-decay": everything learns, deeper in the encoder's past more slowly.
        layer_decay: Factor of the learning rate from one encoder stage to the one before it; the last stage has it
            once, the decoder not at all. Used by "layer-decay" alone (Clark et al., ELECTRA, arXiv 2003.10555).
        head_steps: Steps at the start in which only decoder and heads learn, so that their first random gradients
            do not spoil the encoder (Kumar et al., arXiv 2202.10054); 0 for none.

    Raises:
        UsageError: There is no such mode, or a number cannot be.
    """

    mode: str = "none"
    layer_decay: float = 0.75
    head_steps: int = 0

    def __post_init__(self) -> None:
        if self.mode not in _MODES and not _LAST.fullmatch(self.mode):
            raise UsageError(f"'freeze' is '{self.mode}'.", f"Use {', '.join(_MODES[:-1])} or {_MODES[-1]}.")
        if not 0 < self.layer_decay <= 1:
            raise UsageError(f"'layer_decay' is {self.layer_decay}.", "Give a number above 0 and up to 1.")
        if self.head_steps < 0:
            raise UsageError(f"'head_steps' is {self.head_steps}.", "Give zero or a positive number.")
        if self.head_steps and self.mode == "encoder":
            raise UsageError("With freeze = \"encoder\" the encoder never learns, so there is nothing to warm up for.",
                             "Leave head_steps out, or use full, last-N or layer-decay.")

    def frozen(self, network: nn.Module) -> list[nn.Module]:
        """Modules that do not learn, outermost only; they stay in evaluation mode.

        Raises:
            UsageError: The network has fewer stages than are to learn.
        """
        if self.mode == "encoder":
            return [network.get_submodule("encoder")]
        if match := _LAST.fullmatch(self.mode):
            stages, learning = _stages(network), int(match[1])
            if learning > len(stages):
                raise UsageError(f"'freeze' is '{self.mode}', and the encoder has {len(stages)} stages.",
                                 f"Use last-1 to last-{len(stages)}, or full.")
            return stages[: len(stages) - learning]
        return []

    def apply(self, network: nn.Module) -> None:
        """Exclude the frozen modules from training; call before `parameter_groups`."""
        for module in self.frozen(network):
            module.requires_grad_(False)
            module.eval()

    def parameter_groups(self, network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
        """Groups of the parameters that learn, for AdamW: `params`, `weight_decay` and `scale` of the learning rate.

        Which of them decay is the same for all kinds of training.
        """
        rates = self._rates(network)
        rate_of = {id(parameter): rates(name) for name, parameter in network.named_parameters()}
        groups: dict[tuple[float, float], list[Tensor]] = {}
        for group in parameter_groups(network, weight_decay):
            for parameter in group["params"]:
                groups.setdefault((rate_of[id(parameter)], group["weight_decay"]), []).append(parameter)
        return [{"params": params, "weight_decay": decay, "scale": rate} for (rate, decay), params in groups.items()]

    def hold_back(self, network: nn.Module, step: int) -> None:
        """Drop the encoder's gradients in the first steps: the optimizer then neither moves nor remembers it.

        Args:
            network: After the backward pass.
            step: Steps done before this one.
        """
        if step < self.head_steps:
            for parameter in network.get_submodule("encoder").parameters():
                parameter.grad = None

    def _rates(self, network: nn.Module) -> Any:
        if self.mode != "layer-decay":
            return lambda name: 1.0
        count = len(_stages(network))

        def rate(name: str) -> float:
            stage = re.match(r"encoder\.stages\.(\d+)\.", name)
            return self.layer_decay ** (count - int(stage[1])) if stage else 1.0

        return rate


def _stages(network: nn.Module) -> list[nn.Module]:
    return list(network.get_submodule("encoder.stages").children())
