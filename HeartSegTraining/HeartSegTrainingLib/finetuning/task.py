"""Supervised training as a task of the engine: labelled windows, Dice + cross-entropy, averaged weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from HeartSeg3DLib.errors import ModelError
from HeartSegTrainingLib.engine.averages import AveragedWeights
from HeartSegTrainingLib.engine.precision import auto_precision, kept_to
from HeartSegTrainingLib.engine.run_state import part_of
from HeartSegTrainingLib.engine.schedule import ema_decay
from HeartSegTrainingLib.engine.task import Part, Task

from .config import FinetuneConfig
from .losses import deep_supervision_loss
from .periodic_validation import Validation
from .samples import SampleDataset, Sampler
from .starting_weights import load_start


class SegmentationModule(nn.Module):
    """A network with its loss.

    Args:
        network: `forward_deep(images)` gives logits, finest first.
        precision: See `engine.precision.auto_precision`.
    """

    def __init__(self, network: nn.Module, precision: str = "auto") -> None:
        super().__init__()
        self.network, self.precision = network, precision

    def forward(self, images: Tensor, labels: Tensor,
                labelled: Tensor | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a part and its figures.

        Args:
            images: (B, 1, D, H, W).
            labels: (B, D, H, W) uint8 channel indices or IGNORE.
            labelled: (B, C) bool, which classes each sample labels; None for all.
        """
        with kept_to(self.precision, images.device):
            logits = cast(Any, self.network).forward_deep(images)
        with torch.autocast(images.device.type, enabled=False):
            terms = deep_supervision_loss(logits, labels, labelled)
        dice = torch.where(terms.present, terms.dice, torch.nan)
        return terms.total, {"cross_entropy": terms.cross_entropy,
                             **{f"dice_{index + 1}": value for index, value in enumerate(dice)}}


def _nobody(message: str) -> None:
    """Take a sentence that nobody reads."""


@dataclass(frozen=True)
class Surroundings:
    """What the task of a job knows beside its config.

    Attributes:
        tell: Takes sentences for the job's log.
        fingerprint: Hash of the data.
        spacing_mm: Voxel size of the samples.
        validation: Scores the averaged weights in the course of the run; None without cases for that.
        has_checkpoint: Whether the run may go on from a checkpoint.
    """

    tell: Callable[[str], None] = _nobody
    fingerprint: str = ""
    spacing_mm: float | None = None
    validation: Validation | None = None
    has_checkpoint: bool = False


class FinetuneTask(Task):
    """Learns to segment.

    Args:
        config: The run's config.
        network: Fresh network.
        make_sampler: Makes the sampler of labelled windows, once in each process that makes samples.
        device: Where it is trained.
        surroundings: What else it needs to know of the job.

    Raises:
        ModelError: The weights to start from do not fit, or are missing and there is no checkpoint to go on from.
        UsageError: The job insists on a precision in which its network cannot be trained there.
    """

    def __init__(self, config: FinetuneConfig, network: nn.Module, make_sampler: Callable[[], Sampler],
                 device: torch.device, surroundings: Surroundings | None = None) -> None:
        self.config, self.make_sampler = config, make_sampler
        self._around = surroundings or Surroundings()
        self._missing_start: ModelError | None = None
        self._start(network)
        self._frozen = config.freezing.frozen(network)
        config.freezing.apply(network)
        stride = getattr(network.config, "total_stride", 1)
        precision = auto_precision(config.precision, device, math.ceil(config.window / stride))
        self.module = SegmentationModule(network.to(device), precision)
        self._average = AveragedWeights(network)

    def _start(self, network: nn.Module) -> None:
        """Load the weights to start from; a run that goes on from a checkpoint can do without them."""
        try:
            for line in load_start(network, self.config, self._around.spacing_mm, self._warn):
                self._around.tell(line)
        except ModelError as error:
            if not self._around.has_checkpoint:
                raise
            self._missing_start = error
            self._around.tell(f"{error.message} Going on from a checkpoint does not need it.")

    def _warn(self, message: str) -> None:
        self.warnings = (*self.warnings, message)

    def prepare(self, parts: list[Part], step: int, progress: float) -> list[Part]:
        """Refuse to begin without the weights to start from, after no checkpoint turned out to be whole."""
        if step == 0 and self._missing_start is not None:
            raise self._missing_start
        return parts

    def fingerprint(self) -> str:
        """Hash of the real cases, of the settings of generated hearts, and of how the two are mixed."""
        return self._around.fingerprint

    def dataset(self) -> SampleDataset:
        """Labelled windows."""
        classes = int(cast(Any, self.module.network).config.classes)
        return SampleDataset(self.make_sampler, self.config.seed, classes, self.config.window)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What is not frozen, each part at its rate."""
        return self.config.freezing.parameter_groups(self.module.network, self.config.weight_decay)

    def before_optimizer(self, step: int) -> None:
        """Let decoder and heads learn alone at first, if asked for."""
        self.config.freezing.hold_back(self.module.network, step)

    def after_step(self, step: int, progress: float, *, taken: bool) -> dict[str, float]:
        """Move the averaged weights, and validate them if it is due."""
        if taken:
            self._average.update(ema_decay(step - 1, self.config.ema))
        if self._around.validation is None:
            return {}
        return self._around.validation.after_step(step, self.module.network, self._average.values)

    def tensors(self) -> dict[str, Tensor]:
        """Averaged weights."""
        return {f"ema.{name}": tensor for name, tensor in self._average.values.items()}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Take the averaged weights back."""
        self._average.load(part_of(tensors, "ema."))

    def frozen(self) -> list[nn.Module]:
        """What does not learn: the encoder, or its first stages."""
        return self._frozen


def registered_network(config: FinetuneConfig) -> nn.Module:
    """The registry's network with the config's overrides."""
    from HeartSeg3DLib.networks import build_network

    return build_network(config.network, **config.network_overrides)


def task_maker(config: FinetuneConfig, make_sampler: Callable[[], Sampler], *,
               build: Callable[[FinetuneConfig], nn.Module] = registered_network
               ) -> Callable[[torch.device], FinetuneTask]:
    """What the trainer calls to make the task on its device, for samples from anywhere; see `job.task_of_job`."""
    return lambda device: FinetuneTask(config, build(config), make_sampler, device)
