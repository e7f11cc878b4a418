"""The kinds of training: what each is asked to do, and who makes its task for the engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeartSeg3DLib.errors import InputError, UsageError

from .job_folder import JobFolder

if TYPE_CHECKING:
    import torch

    from HeartSegTrainingLib.engine.config import RunConfig
    from HeartSegTrainingLib.engine.task import Task

    MakeTask = Callable[[torch.device], Task]


@dataclass(frozen=True)
class OneRun:
    """A run with a job folder of its own; a job of several folds consists of several.

    Attributes:
        config: What it is asked to do.
        folder: Its job folder.
    """

    config: Any
    folder: Path


@dataclass(frozen=True)
class Kind:
    """One kind of training. Torch and the packages of its data are imported when a function is called, not before.

    Attributes:
        name: On the command line and in job.json.
        does: What it does, one sentence.
        config_class: Gives the class of its configs.
        make_task: Gives what makes the task on a device, from a config and the job folder.
        runs: Runs of a job, one after the other, from a config and the job folder.
        data_tables: Classes of the tables below [data] by their names, "" for [data] itself.
    """

    name: str
    does: str
    config_class: Callable[[], type[RunConfig]]
    make_task: Callable[[Any, Path], MakeTask]
    runs: Callable[[Any, Path], list[OneRun]]
    data_tables: Callable[[], dict[str, type]]

    def read_config(self, file: str | Path) -> RunConfig:
        """Read a job file (TOML), or the job.json of a job folder.

        Raises:
            UsageError: It cannot be read, is for another kind, or an entry is unknown or wrong.
        """
        if Path(file).suffix == ".json":
            config = self.config_class().from_dict(_asked_in(Path(file), self.name))
        else:
            config = self.config_class().from_toml(file)
        stage = getattr(config, "stage", self.name)
        if stage != self.name:
            raise UsageError(f"The job file is for the stage '{stage}', not for '{self.name}'.",
                             f"Use `heartseg train {stage}`, or leave 'stage' out.")
        return config


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


def _single_run(config: Any, folder: Path) -> list[OneRun]:
    return [OneRun(config, folder)]


def _pretrain_config() -> type[RunConfig]:
    from HeartSegTrainingLib.pretraining import PretrainConfig

    return PretrainConfig


def _refine_config() -> type[RunConfig]:
    from .refine_config import RefineConfig

    return RefineConfig


def _pretrain_task(config: Any, folder: Path) -> MakeTask:
    from HeartSegTrainingLib.pretraining import task_maker

    return task_maker(config, JobFolder(folder).log)


def _pretrain_tables() -> dict[str, type]:
    from HeartSegTrainingLib.generator.training_data import GeneratedData
    from HeartSegTrainingLib.pretraining.sources import StoreData

    return {"generated": GeneratedData, "store": StoreData}


def _finetune_config() -> type[RunConfig]:
    from HeartSegTrainingLib.finetuning import FinetuneConfig

    return FinetuneConfig


def _finetune_task(config: Any, folder: Path) -> MakeTask:
    from HeartSegTrainingLib.finetuning.job import task_of_job

    return task_of_job(config, folder)


def _finetune_runs(config: Any, folder: Path) -> list[OneRun]:
    from HeartSegTrainingLib.finetuning.folds import fold_runs

    return [OneRun(run.config, run.folder) for run in fold_runs(config, folder)] or _single_run(config, folder)


def _finetune_tables() -> dict[str, type]:
    from HeartSegTrainingLib.finetuning.training_data import IndexedData
    from HeartSegTrainingLib.generator.training_data import GeneratedData

    return {"": GeneratedData, "index": IndexedData}


KINDS = {kind.name: kind for kind in (
    Kind("ssl", "Pretrain the encoder on scans without labels: a student learns to agree with its own average.",
         _pretrain_config, _pretrain_task, _single_run, _pretrain_tables),
    Kind("ressl", "Go on pretraining on CT and MR, from the weights of a first stage.",
         _refine_config, _pretrain_task, _single_run, _pretrain_tables),
    Kind("finetune", "Learn to segment from label maps, with a pretrained encoder or without.",
         _finetune_config, _finetune_task, _finetune_runs, _finetune_tables),
)}
"""All kinds by name, in the order of the stages."""
