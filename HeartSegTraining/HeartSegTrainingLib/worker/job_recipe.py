"""From a recipe, data and weights to start from to the job that is asked for: plain data, as a job file says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models import ModelCard, ModelStore
from HeartSeg3DLib.networks import CONFIGS, NetworkConfig
from HeartSegTrainingLib.datasets import Index, Store
from HeartSegTrainingLib.engine.fields import read_toml
from HeartSegTrainingLib.jobs.job_folder import JobFolder
from HeartSegTrainingLib.jobs.recipes import recipe_named
from HeartSegTrainingLib.worker.job_weights import keep_checkpoint, keep_encoder, keep_model
from HeartSegTrainingLib.worker.job_wish import FINETUNE, JOB, MODEL, RESSL, SCRATCH, Wish

_GENTLE = 1e-4
"""Peak learning rate of a network that has learned to segment already; recipes are made for one that has not."""


Tell = Callable[[str], None]


def job_of_wish(wish: Wish, folder: Path, tell: Tell = lambda text: None) -> dict[str, Any]:
    """Return the tables of a job file.

    Args:
        wish: What is asked for.
        folder: The job's folder, which takes the weights of another job that this one starts from.
        tell: Told in a sentence what becomes of the recipe's data, where others are named.

    Raises:
        HeartSegError: Something in it cannot be.
    """
    job = read_toml(recipe_named(wish.recipe).job_file(wish.kind))
    for name in ("init_from", "encoder_from"):
        job.pop(name, None)
    if wish.index:
        _use_index(job, wish, tell)
    _start_from(job, wish, folder)
    return {**job, **(wish.changes or {})}


def _use_index(job: dict[str, Any], wish: Wish, tell: Tell) -> None:
    """Let a job learn from an index; all else that the recipe says of its data stays as it is."""
    index, spacing = Index.read(Path(wish.index)), Store(Path(wish.store)).settings().spacing
    named = {"index": wish.index, "store": wish.store}
    data = dict(job.get("data", {}))
    if wish.kind == FINETUNE:
        said = data.get("index", {})
        job["data"] = {**data, "spacing": spacing, "index": {**_without_fold(said), **named, **_fold(said, index)}}
        mixed = "scenes" in data
    else:
        generated = {"generated": {**data["generated"], "spacing": spacing}} if "generated" in data else {}
        said = data.get("store", {})
        # Whoever validates the fine-tuning is left out here, too.
        left_out = _fold(said, index) if "fold" in said else {}
        store = {**_without_fold(said), **named, **_modalities(data, index, tell), **left_out}
        job["data"], job["spacing"] = {**data, **generated, "store": store}, spacing
        mixed = bool(generated)
    if mixed:
        share = data.get("generated_share")
        tell("Generated hearts are mixed in, as the recipe says" + (f": {share:.0%} of all." if share else "."))


def _without_fold(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != "fold"}


def _fold(table: Mapping[str, Any], index: Index) -> dict[str, Any]:
    """The fold that validates: the recipe's where the index has it; with a single fold nobody would be left to."""
    folds = {entry.fold for entry in index.entries if entry.fold is not None}
    if len(folds) < 2:
        return {}
    wanted = table.get("fold")
    return {"fold": wanted if wanted in folds else min(folds)}


def _modalities(data: Mapping[str, Any], index: Index, tell: Tell) -> dict[str, Any]:
    """What is pretrained on: the recipe's modalities, unless the index has none of them."""
    wanted = data.get("store", {}).get("modalities")
    known = sorted({entry.modality for entry in index.entries})
    if wanted is None or set(wanted) & set(known):
        return {}
    tell(f"The recipe learns from {_listed(wanted)}, and the index holds {_listed(known)}: it learns from that.")
    return {"modalities": known}


def _listed(modalities: list[str]) -> str:
    return " and ".join(name.upper() for name in modalities)


def _start_from(job: dict[str, Any], wish: Wish, folder: Path) -> None:
    if wish.start.startswith(JOB):
        _start_from_job(job, wish, Path(wish.start.removeprefix(JOB)), folder)
    elif wish.start.startswith(MODEL) and wish.kind == FINETUNE:
        model = ModelStore().get(wish.start.removeprefix(MODEL))
        assert model.card is not None  # the store refuses others
        _start_from_package(job, wish, model.folder, model.card)
    elif wish.start != SCRATCH:
        raise UsageError(f"Training of the kind {wish.kind} cannot start from '{wish.start}'.",
                         "Choose another start.")
    elif wish.kind == RESSL:
        raise UsageError("The second stage goes on from a first one.", "Choose a pretraining job to start from.")
    elif wish.kind == FINETUNE:
        job["freeze"] = "none"  # random numbers are nothing to keep


def _start_from_package(job: dict[str, Any], wish: Wish, folder: Path, card: ModelCard) -> None:
    spacing = job.get("data", {}).get("spacing", card.spacing_mm)
    if not wish.index:
        job["data"]["spacing"] = card.spacing_mm  # hearts are generated at any voxel size
    elif abs(spacing - card.spacing_mm) > 1e-6:
        raise UsageError(f"{card.title} works at {card.spacing_mm:g} mm, and the data are prepared at "
                         f"{spacing:g} mm.", "Start from another model, or prepare the data at its voxel size.")
    job["init_from"] = str(folder)
    job["network"] = _named(card.architecture, job["network"]["name"])
    job["window"] = card.window_voxels
    job["learning_rate"] = min(job.get("learning_rate", _GENTLE), _GENTLE)
    if "index" in job.get("data", {}):
        job["data"]["index"]["structures"] = [STRUCTURES[value].id for value in card.labels if value]


def _named(architecture: Mapping[str, Any], otherwise: str) -> dict[str, Any]:
    """Return a network's table under the name of the size that it is, or with all fields under another name."""
    wanted = NetworkConfig.from_dict(architecture)
    name = next((name for name, config in CONFIGS.items() if config == wanted), None)
    return {"name": otherwise, **architecture} if name is None else {"name": name}


def _start_from_job(job: dict[str, Any], wish: Wish, source: Path, folder: Path) -> None:
    """Start from what a job, which may go on, has learned by now; a copy, for it removes its older checkpoints."""
    asked = JobFolder(source).read_job() if source.is_dir() else None
    if asked is None:
        raise ModelError(f"There is no job in {source}.", "Choose another one to start from.")
    if wish.kind == FINETUNE and asked["kind"] == FINETUNE:
        package, card = keep_model(source, folder)
        _start_from_package(job, wish, package, card)
        return
    classes = job["network"].get("classes")
    job["network"] = {**asked["config"]["network"], **({"classes": classes} if classes else {})}
    if wish.kind == FINETUNE:
        job["encoder_from"] = str(keep_encoder(source, folder))
    else:
        job["init_from"] = str(keep_checkpoint(source, folder))
