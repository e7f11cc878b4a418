"""Supervised training as a task of the engine: labelled windows, Dice + cross-entropy, averaged weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from HeartSeg3DLib.errors import ModelError
from HeartSegTrainingLib.engine.averages import AveragedWeights
from HeartSegTrainingLib.engine.checkpoint import load_initial_weights
from HeartSegTrainingLib.engine.parameter_groups import parameter_groups
from HeartSegTrainingLib.engine.run_state import part_of
from HeartSegTrainingLib.engine.schedule import ema_decay
from HeartSegTrainingLib.engine.task import Task

from .config import FinetuneConfig
from .losses import deep_supervision_loss
from .samples import SampleDataset, Sampler


class SegmentationModule(nn.Module):
    """A network with its loss.

    Args:
        network: `forward_deep(images)` gives logits, finest first.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, labels: Tensor,
                labelled: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a part and its figures.

        Args:
            images: (B, 1, D, H, W).
            labels: (B, D, H, W) uint8 channel indices or IGNORE.
            labelled: (B, C) bool, which classes each sample labels; None for all.
        """
        logits = cast(Any, self.network).forward_deep(images)
        with torch.autocast(images.device.type, enabled=False):
            terms = deep_supervision_loss(logits, labels, labelled)
        dice = torch.where(terms.present, terms.dice, torch.nan)
        return terms.total, {"cross_entropy": terms.cross_entropy,
                             **{f"dice_{index + 1}": value for index, value in enumerate(dice)}}


class FinetuneTask(Task):
    """Learns to segment.

    Args:
        config: The run's config.
        network: Fresh network.
        make_sampler: Makes the sampler of labelled windows, once in each process that makes samples.
        device: Where it is trained.

    Raises:
        ModelError: The weights to start from do not fit.
    """

    def __init__(self, config: FinetuneConfig, network: nn.Module, make_sampler: Callable[[], Sampler],
                 device: torch.device) -> None:
        self.config, self.make_sampler = config, make_sampler
        if config.init_from is not None:
            _load_strictly(network, config.init_from)
        self._frozen = [network.get_submodule("encoder")] if config.freeze == "encoder" else []
        for module in self._frozen:
            module.requires_grad_(False)
        self.module = SegmentationModule(network.to(device))
        self._average = AveragedWeights(network)

    def dataset(self) -> SampleDataset:
        """Labelled windows."""
        classes = int(cast(Any, self.module.network).config.classes)
        return SampleDataset(self.make_sampler, self.config.seed, classes, self.config.window)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What is not frozen."""
        return parameter_groups(self.module, self.config.weight_decay)

    def after_step(self, step: int, progress: float, *, taken: bool) -> dict[str, float]:
        """Move the averaged weights."""
        if taken:
            self._average.update(ema_decay(step - 1, self.config.ema))
        return {}

    def tensors(self) -> dict[str, Tensor]:
        """Averaged weights."""
        return {f"ema.{name}": tensor for name, tensor in self._average.values.items()}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Take the averaged weights back."""
        self._average.load(part_of(tensors, "ema."))

    def frozen(self) -> list[nn.Module]:
        """The encoder, if it is frozen."""
        return self._frozen


def registered_network(config: FinetuneConfig) -> nn.Module:
    """The registry's network with the config's overrides."""
    from HeartSeg3DLib.networks import build_network

    return build_network(config.network, **config.network_overrides)


def task_maker(config: FinetuneConfig, make_sampler: Callable[[], Sampler], *,
               build: Callable[[FinetuneConfig], nn.Module] = registered_network
               ) -> Callable[[torch.device], FinetuneTask]:
    """What the trainer calls to make the task on its device."""
    return lambda device: FinetuneTask(config, build(config), make_sampler, device)


def _load_strictly(network: nn.Module, source: str) -> None:
    try:
        network.load_state_dict(load_initial_weights(source))
    except RuntimeError as error:
        raise ModelError(f"The starting weights {source} do not fit the network: {error}",
                         "Start from weights of the same network config.") from error
