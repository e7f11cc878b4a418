"""From a checkpoint, at any time of a run, to a model package that segments."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models import ModelCard, save_package
from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES
from HeartSegTrainingLib.engine.checkpoint import load_ema_weights, read_newest
from HeartSegTrainingLib.jobs.job_folder import JobFolder

from .config import FinetuneConfig
from .task import registered_network

_CARD_FIELDS = ("id", "version", "title", "role", "labels", "modalities", "conventions", "held_out", "figures",
                "licence", "training")


def read_card_table(path: Path) -> dict[str, Any]:
    """Read what a person says of a model: identity, conventions, figures.

    Raises:
        UsageError: The file cannot be read or has an unknown entry.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"The card file {path} cannot be read ({error}).", "Give a readable TOML file.") from error
    unknown = sorted(set(table) - set(_CARD_FIELDS))
    if unknown:
        raise UsageError(f"The card file has unknown entries: {', '.join(unknown)}.",
                         f"Known entries: {', '.join(_CARD_FIELDS)}.")
    return table


def export_package(job_dir: Path, folder: Path, said: dict[str, Any]) -> Path:
    """Write the averaged weights of a job's newest whole checkpoint as a model package.

    Args:
        job_dir: Job folder of a training run, running or not.
        folder: Where the package goes; must not exist.
        said: Entries of the card that no run can know: id, title, conventions, figures (see read_card_table).

    Returns:
        The package folder.

    Raises:
        ModelError: The job has no usable checkpoint.
        UsageError: The folder exists already.
    """
    if folder.exists():
        raise UsageError(f"{folder} exists already.", "Give a new folder for the package.")
    job = JobFolder(job_dir)
    found = read_newest(job.checkpoints, job.log)
    if found is None:
        raise ModelError(f"The job {job_dir} has no checkpoint yet.", "Wait for the first one, or start the job.")
    record = found[1]
    config = FinetuneConfig.from_dict(record["config"])
    network = registered_network(config)
    network.load_state_dict(load_ema_weights(job.checkpoints / f"step_{record['step']:07d}.safetensors"))
    network.eval()
    binary = network.config.classes == 2
    values: dict[str, Any] = {
        "id": job_dir.name.lower(), "version": "0.1.0", "title": job_dir.name,
        "role": "locator" if binary else "segmenter",
        "labels": list(range(network.config.classes)), "modalities": ["ct", "mr"], "conventions": {},
        "held_out": {}, "figures": {}, "licence": "Apache-2.0", **said,
    }
    values["training"] = {**_training_record(record, config), **values.get("training", {})}
    card = ModelCard(architecture=network.config.to_dict(), spacing_mm=float(config.data["spacing"]),
                     window_voxels=config.window, intensity=DEFAULT_RULES, **values)
    return save_package(folder, card, network)


def _training_record(record: dict[str, Any], config: FinetuneConfig) -> dict[str, Any]:
    """What the run itself knows: steps, hours, seed, data."""
    data = {key: value for key, value in config.data.items() if key not in ("scenes", "priors")}
    return {"steps": record["step"], "hours": round(record["seconds"] / 3600, 2), "seed": config.seed,
            "batch": config.batch, "learning_rate": config.learning_rate, "loss": "Dice + cross-entropy",
            "weights": f"exponential moving average, {config.ema}", "data_settings": json.loads(json.dumps(data))}
