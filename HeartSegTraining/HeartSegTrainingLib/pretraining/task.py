"""Self-supervision for the training engine: the teacher before a step, its movement and the monitors after it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from HeartSegTrainingLib.engine.distributed import current
from HeartSegTrainingLib.engine.parameter_groups import parameter_groups
from HeartSegTrainingLib.engine.precision import auto_precision, autocast
from HeartSegTrainingLib.engine.run_state import part_of
from HeartSegTrainingLib.engine.task import Part, Task

from .config import PretrainConfig
from .embedding import hidden_tokens
from .monitors import CollapseGuard, Limits, TeacherHistory
from .probe import LinearProbe
from .projection_head import ProjectionHead
from .sharpening import teacher_temperature
from .sources import Source, make_source
from .stages import take_over
from .student import Backbone, Student, ViewPart, views_in_front
from .targets import TargetMaker
from .teacher import copy_as_teacher, follow, momentum_at
from .views import ViewDataset


class PretrainTask(Task):
    """Learns an encoder without labels.

    Args:
        config: The run.
        source: Where views are cut from.
        device: Where it is trained.

    Raises:
        ModelError: The weights of an earlier stage do not fit.
    """

    def __init__(self, config: PretrainConfig, source: Source, device: torch.device) -> None:
        self.config, self.source, self._device = config, source, device
        self.module = student = Student(config, _precision(config, device)).to(device)
        self.teacher = cast(Backbone, copy_as_teacher(student.backbone))
        self.targets = TargetMaker(config.used_centring, config.prototypes, config.center_momentum, device)
        self.token_targets = TargetMaker(config.used_centring, config.prototypes, config.center_momentum, device)
        self.history = TeacherHistory(config.prototypes, student.backbone.width, device)
        self.guard = CollapseGuard(Limits(config.collapse_grace, config.collapse_patience), device)
        self.probe = LinearProbe(source, config, device) if config.probe_every else None
        self._temperature = config.teacher_temperature[0]
        self.seen = source.seen()
        self.taken_over = ""
        if config.init_from is not None:
            self.taken_over = take_over(self, config.init_from)
        self._seen = self.seen.tensors(device)

    def dataset(self) -> ViewDataset:
        """Views."""
        return ViewDataset(self.source, self.config)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The student's; its prototypes, whose length says nothing, and its mask token do not decay."""
        groups = parameter_groups(self.module, self.config.weight_decay)
        spared = [parameter for name, parameter in self.module.named_parameters() if name.endswith(".prototypes")]
        chosen = {id(parameter) for parameter in spared}
        groups[0]["params"] = [parameter for parameter in groups[0]["params"] if id(parameter) not in chosen]
        groups[1]["params"] = [*groups[1]["params"], *spared]
        return groups

    def fingerprint(self) -> str:
        """Of the data."""
        return self.source.fingerprint()

    @torch.no_grad()
    def prepare(self, parts: list[Part], step: int, progress: float) -> list[Part]:
        """Let the teacher look at the global views and make targets of what it says (equations 3 to 6)."""
        config, processes = self.config, current()
        low, high = config.teacher_temperature
        self._temperature = teacher_temperature(progress, first=low, last=high,
                                                warmup=config.teacher_temperature_warmup)
        said = [self._ask_teacher(part) for part in parts]
        embeddings = [one[0] for one in said]
        targets = self.targets([one[1] for one in said], self._temperature, processes)
        token_targets = [one[2] for one in said]
        if config.uses_masks:
            token_targets = self.token_targets(token_targets, self._temperature, processes)
        self.history.add(targets, embeddings, processes)
        return [ViewPart(part[0], part[1], part[2], *known)
                for part, *known in zip(parts, targets, embeddings, token_targets, strict=True)]

    def before_optimizer(self, step: int) -> None:
        """Hold the student's prototypes still in the first steps."""
        if step < self.config.freeze_prototypes:
            for name, parameter in self.module.named_parameters():
                if name.endswith(".prototypes") and parameter.grad is not None:
                    parameter.grad.zero_()

    def after_step(self, step: int, progress: float, *, taken: bool) -> dict[str, float]:
        """Move the teacher and the centers; look at the monitors.

        Raises:
            CollapseError: They have shown a collapse for too long.
        """
        config = self.config
        momentum = momentum_at(progress, config.teacher_momentum)
        if taken:
            follow(self.teacher, cast(Student, self.module).backbone, momentum)
            self.targets.after_step()
            if config.uses_masks:
                self.token_targets.after_step()
        figures = self.history.figures(with_rank=step % config.rank_every == 0)
        said = {**figures.to_dict(), "teacher_temperature": self._temperature, "teacher_momentum": momentum}
        if self.probe is not None and step % config.probe_every == 0:
            said["probe_dice"] = self.probe.dice(self.teacher.encoder)
        self.guard.check(figures, step)
        return said

    def tensors(self) -> dict[str, Tensor]:
        """Teacher, centers, monitors, and which cases all stages have looked at."""
        named = {f"teacher.{name}": tensor for name, tensor in self.teacher.state_dict().items()}
        named |= {**self.targets.center.tensors("center.global"), **self.token_targets.center.tensors("center.tokens")}
        return {**named, **self.history.tensors(), **self.guard.tensors(), **self._seen}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Take them back."""
        self.load_teacher(tensors)
        self.history.load(tensors)
        self.guard.load(tensors)

    def load_teacher(self, tensors: dict[str, Tensor]) -> None:
        """Take the teacher and the centers back; not the monitors.

        Raises:
            KeyError, RuntimeError: A tensor is missing, too many, or of another shape.
        """
        self.teacher.load_state_dict(part_of(tensors, "teacher."))
        self.targets.center.load(tensors, "center.global")
        self.token_targets.center.load(tensors, "center.tokens")

    def frozen(self) -> list[nn.Module]:
        """None: the teacher is no part of the module that trains."""
        return []

    def smallest_part(self) -> int:
        """Samples that a part needs at least."""
        return self.config.smallest_part

    def _ask_teacher(self, part: Part) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings (V, d), logits (V, K) and logits of the hidden tokens (M, K) of a part's global views."""
        images, masks = views_in_front(part[0]), views_in_front(part[2])
        with autocast(self._device, self.config.precision):
            embeddings, maps = self.teacher.describe(images)
        logits = self.teacher.head(embeddings)
        if not self.config.uses_masks:
            return embeddings, logits, logits.new_zeros(0, logits.shape[1])
        token_head = cast(ProjectionHead, self.teacher.token_head)
        return embeddings, logits, token_head(hidden_tokens(maps[-1], masks))


def _precision(config: PretrainConfig, device: torch.device) -> str:
    """The student's: its smallest view has the smallest coarsest map."""
    smallest = min(config.window, config.local_window) if config.used_local_views else config.window
    return auto_precision(config.precision, device, math.ceil(smallest / config.architecture.total_stride))


def task_maker(config: PretrainConfig,
               tell: Callable[[str], None] | None = None) -> Callable[[torch.device], PretrainTask]:
    """What the trainer calls to make the task on its device.

    Args:
        config: The run.
        tell: Is told by the first process what came over from an earlier stage, such as a job folder's log.
    """

    def make(device: torch.device) -> PretrainTask:
        source = make_source(config.data, window=config.window, spacing=config.spacing, field=config.field,
                             seed=config.seed, two_phases=config.two_phases, needs_both=config.stage == "ressl")
        task = PretrainTask(config, source, device)
        if task.taken_over and tell is not None and current().is_first:
            tell(task.taken_over)
        return task

    return make
