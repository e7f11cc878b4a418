"""Validation in the course of a run: when it is due, on which process, and what becomes of the result."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from HeartSegTrainingLib.engine.distributed import current
from HeartSegTrainingLib.finetuning.best_checkpoint import best_checkpoint, save_best
from HeartSegTrainingLib.finetuning.validation import Validator, figures_of, sums_of


class Validation:
    """Scores the averaged weights every few minutes and keeps those that scored best.

    Args:
        validator: Scores a network.
        classes: Channels of the network.
        every_minutes: Time between two validations, by the first process's clock; 0 for none but the last.
        steps: Length of the run where it is given in steps: the last step validates, too.
        checkpoints: The job's folder of checkpoints.
        record: Goes into the JSON of the best checkpoint: kind, config, data.
        tell: Takes sentences for the log.
    """

    def __init__(self, validator: Validator, classes: int, every_minutes: float, steps: int | None, checkpoints: Path,
                 record: Mapping[str, Any], tell: Callable[[str], None]) -> None:
        self._validator, self._classes, self._tell = validator, classes, tell
        self._every_s, self._steps = 60.0 * every_minutes, steps
        self._checkpoints, self._record = checkpoints, dict(record)
        found = best_checkpoint(checkpoints)
        self._best = found[1]["figures"]["val_dice"] if found is not None else -math.inf
        self._nothing = dict.fromkeys(figures_of(torch.zeros(4, classes)), math.nan)
        self._last = time.monotonic()
        self._averaged: nn.Module | None = None

    def after_step(self, step: int, network: nn.Module, average: Mapping[str, Tensor]) -> dict[str, float]:
        """Validate if it is due; the same figures on each process, NaN where it was not.

        Args:
            step: Steps done.
            network: The network in training; it is not touched.
            average: Its averaged weights.

        Raises:
            InputError: A file of the store is missing or damaged.
            DiskError: The best checkpoint cannot be written.
        """
        if not self._is_due(step, next(network.parameters()).device):
            return dict(self._nothing)
        processes, device = current(), next(network.parameters()).device
        scores = self._validator.score(self._with(network, average), device, (processes.rank, processes.world))
        figures = figures_of(processes.sum(sums_of(scores, self._classes).to(device)).cpu())
        if processes.is_first:
            self._keep(step, average, figures)
        self._last = time.monotonic()
        return figures

    def _is_due(self, step: int, device: torch.device) -> bool:
        is_time = self._every_s > 0 and time.monotonic() - self._last >= self._every_s
        due = is_time or step == self._steps
        processes = current()
        if processes.world == 1:
            return due
        said = torch.tensor([float(due and processes.is_first)], device=device)
        return float(processes.sum(said)) > 0

    def _with(self, network: nn.Module, average: Mapping[str, Tensor]) -> nn.Module:
        """A network of its own with the averaged weights: the one in training keeps its mode and its graph."""
        if self._averaged is None:
            self._averaged = copy.deepcopy(network).requires_grad_(False)
        self._averaged.load_state_dict(dict(average))
        return self._averaged

    def _keep(self, step: int, average: Mapping[str, Tensor], figures: dict[str, float]) -> None:
        score = figures["val_dice"]
        said = f"Validation at step {step}: Dice {score:.4f}, HD95 {figures['val_hd95']:.2f} mm"
        if math.isnan(score):
            self._tell(f"Validation at step {step} says nothing: no case labels a structure of the network.")
        elif score > self._best:
            path = save_best(self._checkpoints, step, average, {**self._record, "figures": _plain(figures)})
            self._best = score
            self._tell(f"{said}; the best so far, kept as {path.name}")
        else:
            self._tell(f"{said}; the best was {self._best:.4f}")


def _plain(figures: dict[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in figures.items()}
