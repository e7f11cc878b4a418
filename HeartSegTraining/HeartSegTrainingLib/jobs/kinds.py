"""The kinds of training: what each is asked to do, and who makes its task for the engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeartSeg3DLib.errors import InputError, UsageError

if TYPE_CHECKING:
    import torch

    from HeartSegTrainingLib.engine.config import RunConfig
    from HeartSegTrainingLib.engine.task import Task

    MakeTask = Callable[[torch.device], Task]


@dataclass(frozen=True)
class Kind:
    """One kind of training.

    Attributes:
        name: On the command line and in job.json.
        does: What it does, one sentence.
        config_class: Gives the class of its configs; torch and the data's packages are imported then, not before.
        make_task: Gives what makes the task on a device.
    """

    name: str
    does: str
    config_class: Callable[[], type[RunConfig]]
    make_task: Callable[[Any], MakeTask]

    def read_config(self, file: str | Path) -> RunConfig:
        """Read a job file (TOML), or the job.json of a job folder.

        Raises:
            UsageError: It cannot be read, or an entry is unknown or wrong.
        """
        if Path(file).suffix == ".json":
            return self.config_class().from_dict(_asked_in(Path(file), self.name))
        return self.config_class().from_toml(file)


def kind_named(name: str) -> Kind:
    """The kind of this name.

    Raises:
        UsageError: There is none.
    """
    if name not in KINDS:
        raise UsageError(f"There is no kind of training '{name}'.", f"Use {', '.join(KINDS)}.")
    return KINDS[name]


def _asked_in(file: Path, kind: str) -> dict[str, Any]:
    try:
        asked = json.loads(file.read_text("utf-8"))
        found, config = asked["kind"], asked["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} does not say what its job was asked to do.",
                         "Start it with its job file and --resume.") from error
    if found != kind:
        raise UsageError(f"The folder holds a run of another kind ({found}).", "Give another folder.")
    return dict(config)


def _finetune_config() -> type[RunConfig]:
    from HeartSegTrainingLib.finetuning import FinetuneConfig

    return FinetuneConfig


def _finetune_task(config: Any) -> MakeTask:
    def make(device: torch.device) -> Task:
        from HeartSegTrainingLib.finetuning import task_maker
        from HeartSegTrainingLib.generator import training_data

        return task_maker(config, training_data.sampler_factory(config.data, config.window))(device)

    return make


KINDS = {kind.name: kind for kind in (
    Kind("finetune", "Learn to segment from label maps.", _finetune_config, _finetune_task),
)}
"""All kinds by name."""
