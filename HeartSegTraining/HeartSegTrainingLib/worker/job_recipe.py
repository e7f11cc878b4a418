"""From a recipe, data and weights to start from to the job that is asked for: plain data, as a job file says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.networks import CONFIGS, NetworkConfig
from HeartSegTrainingLib.datasets import Index, Store
from HeartSegTrainingLib.engine.fields import read_toml
from HeartSegTrainingLib.jobs.job_folder import JobFolder
from HeartSegTrainingLib.jobs.recipes import recipe_named
from HeartSegTrainingLib.worker.job_wish import FINETUNE, JOB, MODEL, RESSL, SCRATCH, Wish

_GENTLE = 1e-4
"""Peak learning rate of a network that has learned to segment already; recipes are made for one that has not."""


def job_of_wish(wish: Wish, folder: Path) -> dict[str, Any]:
    """Return the tables of a job file.

    Args:
        wish: What is asked for.
        folder: The job's folder, which takes the encoder that a fine-tuning of pretrained weights starts from.

    Raises:
        HeartSegError: Something in it cannot be.
    """
    job = read_toml(recipe_named(wish.recipe).job_file(wish.kind))
    for name in ("init_from", "encoder_from"):
        job.pop(name, None)
    if wish.index:
        _use_index(job, wish)
    _start_from(job, wish, folder)
    return {**job, **(wish.changes or {})}


def _use_index(job: dict[str, Any], wish: Wish) -> None:
    index, spacing = Index.read(Path(wish.index)), Store(Path(wish.store)).settings().spacing
    folds = {entry.fold for entry in index.entries if entry.fold is not None}
    named = {"index": wish.index, "store": wish.store}
    if wish.kind == FINETUNE:
        # With a single fold nobody is left to validate on.
        job["data"] = {"spacing": spacing, "index": {**named, **({"fold": min(folds)} if len(folds) > 1 else {})}}
    else:
        job["data"], job["spacing"] = {"store": named}, spacing


def _start_from(job: dict[str, Any], wish: Wish, folder: Path) -> None:
    if wish.start.startswith(JOB):
        _start_from_job(job, wish, Path(wish.start.removeprefix(JOB)), folder)
    elif wish.start.startswith(MODEL) and wish.kind == FINETUNE:
        _start_from_model(job, wish)
    elif wish.start != SCRATCH:
        raise UsageError(f"Training of the kind {wish.kind} cannot start from '{wish.start}'.",
                         "Choose another start.")
    elif wish.kind == RESSL:
        raise UsageError("The second stage goes on from a first one.", "Choose a pretraining job to start from.")
    elif wish.kind == FINETUNE:
        job["freeze"] = "none"  # random numbers are nothing to keep


def _start_from_model(job: dict[str, Any], wish: Wish) -> None:
    model = ModelStore().get(wish.start.removeprefix(MODEL))
    assert model.card is not None  # the store refuses others
    spacing = job.get("data", {}).get("spacing", model.card.spacing_mm)
    if not wish.index:
        job["data"]["spacing"] = model.card.spacing_mm  # hearts are generated at any voxel size
    elif abs(spacing - model.card.spacing_mm) > 1e-6:
        raise UsageError(f"{model.card.title} works at {model.card.spacing_mm:g} mm, and the data are prepared at "
                         f"{spacing:g} mm.", "Start from another model, or prepare the data at its voxel size.")
    job["init_from"] = str(model.folder)
    job["network"] = _named(model.card.architecture, job["network"]["name"])
    job["window"] = model.card.window_voxels
    job["learning_rate"] = min(job.get("learning_rate", _GENTLE), _GENTLE)
    if "index" in job.get("data", {}):
        job["data"]["index"]["structures"] = [STRUCTURES[value].id for value in model.card.labels if value]


def _named(architecture: Mapping[str, Any], otherwise: str) -> dict[str, Any]:
    """Return a network's table under the name of the size that it is, or with all fields under another name."""
    wanted = NetworkConfig.from_dict(architecture)
    name = next((name for name, config in CONFIGS.items() if config == wanted), None)
    return {"name": otherwise, **architecture} if name is None else {"name": name}


def _start_from_job(job: dict[str, Any], wish: Wish, source: Path, folder: Path) -> None:
    asked = JobFolder(source).read_job() if source.is_dir() else None
    if asked is None:
        raise ModelError(f"There is no job in {source}.", "Choose another one to start from.")
    classes = job["network"].get("classes")
    job["network"] = {**asked["config"]["network"], **({"classes": classes} if classes else {})}
    if wish.kind != FINETUNE:
        job["init_from"] = str(source)
    elif asked["kind"] == FINETUNE:
        from HeartSegTrainingLib.engine.checkpoint import checkpoints

        found = checkpoints(JobFolder(source).checkpoints)
        if not found:
            raise ModelError(f"The job {source.name} has no checkpoint yet.", "Wait for its first one.")
        job["init_from"] = str(found[0])
    else:
        from HeartSegTrainingLib.pretraining.export import export_encoder

        job["encoder_from"] = str(export_encoder(source, folder / "encoder"))
