"""What a person can choose of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from HeartSeg3DLib.scene.model_choices import model_choices
from HeartSeg3DLib.scene.text import _
from HeartSegTrainingLib.worker.job_wish import FINETUNE, JOB, MODEL, RESSL, SCRATCH, SSL

STAGES = (FINETUNE, SSL, RESSL)
"""In the order of how often they are wanted."""


@dataclass(frozen=True)
class RecipeChoice:
    """A ready recipe.

    Attributes:
        name: demo, lab or cluster.
        purpose: What it is for, one sentence.
    """

    name: str
    purpose: str


@dataclass(frozen=True)
class StartChoice:
    """Weights that a training may start from.

    Attributes:
        value: What a `Wish` says.
        title: For people.
    """

    value: str
    title: str


@dataclass(frozen=True)
class DeviceChoice:
    """A device to train on.

    Attributes:
        value: What a job file says; empty for what the recipe says.
        title: For people.
    """

    value: str
    title: str


def recipe_choices() -> list[RecipeChoice]:
    """Return the ready recipes, the smallest first.

    Raises:
        InputError: They are missing from this installation.
    """
    from HeartSegTrainingLib.jobs.recipes import recipes

    return [RecipeChoice(recipe.name, recipe.purpose) for recipe in recipes()]


def device_choices() -> list[DeviceChoice]:
    """Return where a training may run; what is usual first."""
    return [DeviceChoice("", _("as the recipe says")), DeviceChoice("auto", _("graphics card if there is one")),
            DeviceChoice("cpu", _("processor")), DeviceChoice("cuda", _("graphics card (CUDA)"))]


def start_choices(kind: str, jobs: Sequence[Any]) -> list[StartChoice]:
    """Return what a stage may start from, what is usual first; empty where something has to be trained before.

    Args:
        kind: ssl, ressl or finetune.
        jobs: The jobs on this computer, as `find_jobs` gives them.
    """
    scratch = StartChoice(SCRATCH, _("nothing (random numbers)"))
    pretrained = [_of_job(job, _("encoder of {name}")) for job in jobs
                  if job.kind in (SSL, RESSL) and _has_checkpoint(job)]
    if kind == SSL:
        return [scratch]
    if kind == RESSL:
        return [_of_job(job, _("{name}")) for job in jobs if job.kind == SSL and _has_checkpoint(job)]
    tuned = [_of_job(job, _("model of {name}")) for job in jobs if job.kind == FINETUNE and _has_checkpoint(job)]
    models = [StartChoice(MODEL + model.id, f"{model.title} {model.version}") for model in model_choices()
              if model.role == "segmenter" and not model.problem]
    return [*models, *pretrained, *tuned, scratch]


def _of_job(job: Any, title: str) -> StartChoice:
    return StartChoice(f"{JOB}{job.folder}", title.format(name=job.name))


def _has_checkpoint(job: Any) -> bool:
    return bool(job.state_file.get("checkpoint"))  # as the job says it: its disk may be slow
