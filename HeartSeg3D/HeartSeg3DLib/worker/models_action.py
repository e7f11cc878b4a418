"""Checking and importing model packages: their networks are built for it, which needs PyTorch."""

from __future__ import annotations

from pathlib import Path

from HeartSeg3DLib.api.verifying import verify_model as verify_installed
from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.worker.dependencies import require_dependencies
from HeartSeg3DLib.worker.events import Job
from HeartSeg3DLib.worker.loaded_models import LoadedModels


def verify_model(job: Job, loaded: LoadedModels) -> None:
    """Check the request's `model` by its id, its trust file included.

    Raises:
        ModelError: It is unknown, incomplete, damaged or altered.
    """
    require_dependencies()
    job.result(id=verify_installed(job.request["model"]).id)


def import_model(job: Job, loaded: LoadedModels) -> None:
    """Copy the package at the request's `input` into the user's models.

    Raises:
        ModelError: Not a valid package.
        UsageError: The id is taken, or the models' folder cannot be written.
    """
    require_dependencies()
    job.result(id=ModelStore().import_from(Path(job.request["input"])).id)
