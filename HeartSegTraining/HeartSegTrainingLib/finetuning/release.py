"""From a checkpoint, at any time of a run, to a model package that segments."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models import ModelCard, save_package
from HeartSeg3DLib.networks import XLSTMUNet
from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES
from HeartSegTrainingLib.engine.checkpoint import read_checkpoint, read_newest
from HeartSegTrainingLib.engine.run_state import part_of
from HeartSegTrainingLib.jobs.job_folder import JobFolder

from .best_checkpoint import best_checkpoint
from .config import FinetuneConfig
from .learned_from import LearnedFrom, of_finished
from .licences import strictest
from .task import registered_network
from .training_data import label_values, spacing_of

NEWEST, BEST = "newest", "best"

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


@dataclass(frozen=True)
class Released:
    """Averaged weights of a checkpoint, ready to become a package.

    Attributes:
        network: With the averaged weights, in evaluation mode.
        config: Config of the run.
        record: The checkpoint's record.
        checkpoint: Its file.
        learned: What it learned from.
    """

    network: XLSTMUNet
    config: FinetuneConfig
    record: dict[str, Any]
    checkpoint: Path
    learned: LearnedFrom


def released(job_dir: Path, which: str = NEWEST) -> Released:
    """Read the weights of a run, which may be going on.

    Args:
        job_dir: Job folder of a training run.
        which: "newest", "best" (by validation), or the name of a checkpoint such as "step_0001000".

    Raises:
        ModelError: There is no such checkpoint, or it is of another kind of run.
    """
    job = JobFolder(job_dir)
    path = _checkpoint(job, which)
    tensors, record = read_checkpoint(path)
    if record["kind"] != FinetuneConfig.kind:
        raise ModelError(f"The job {job_dir} is no fine-tuning ({record['kind']}).",
                         "Give the job folder of `heartseg train finetune`.")
    config = FinetuneConfig.from_dict(record["config"])
    network = cast(XLSTMUNet, registered_network(config))
    network.load_state_dict(part_of(tensors, "ema."))
    learned = of_finished(Path(job_dir), config.data, config.window, network.config.classes)
    return Released(network.eval(), config, record, path, learned)


def export_package(job_dir: Path, folder: Path, said: dict[str, Any], which: str = NEWEST) -> Path:
    """Write the averaged weights of a checkpoint of a job as a model package, the newest whole one by default.

    Args:
        job_dir: Job folder of a training run, running or not.
        folder: Where the package goes; must not exist.
        said: Entries of the card that no run can know: id, title, conventions, figures (see read_card_table).
        which: See `released`.

    Returns:
        The package folder.

    Raises:
        ModelError: The job has no usable checkpoint.
        UsageError: The folder exists already.
    """
    refuse_existing(folder)
    one = released(job_dir, which)
    values = {"id": job_dir.name.lower(), "title": job_dir.name, "figures": figures_of_run(one), **said}
    values["training"] = {**training_record(one), **values.get("training", {})}
    return save_package(folder, card_of([one], values), one.network)


def refuse_existing(folder: Path) -> None:
    """Stop before any work where the package has no place.

    Raises:
        UsageError: The folder exists already.
    """
    if folder.exists():
        raise UsageError(f"{folder} exists already.", "Give a new folder for the package.")


def card_of(runs: Sequence[Released], said: Mapping[str, Any]) -> ModelCard:
    """Card of a network, or of several that vote: what the runs know, overridden by what a person says.

    It claims the modalities that every one of them learned from, and the strictest of their licences.

    Raises:
        ModelError: An entry is impossible, or nobody knows which modalities the runs learned from.
    """
    config, classes = runs[0].config, runs[0].network.config.classes
    modalities = set.intersection(*(set(run.learned.modalities) for run in runs))
    if not modalities and "modalities" not in said:
        raise ModelError("What this model learned from is not known any more, nor whether it reads CT or MR.",
                         "Say so in a card file, such as modalities = [\"ct\"], and give it with --card.")
    values: dict[str, Any] = {
        "version": "0.1.0", "role": "locator" if classes == 2 and "index" not in config.data else "segmenter",
        "labels": list(label_values(config.data, classes)), "modalities": sorted(modalities), "conventions": {},
        "held_out": {}, "figures": {}, "licence": strictest(run.learned.licence for run in runs), **said}
    return ModelCard(architecture=runs[0].network.config.to_dict(), spacing_mm=spacing_of(config.data),
                     window_voxels=config.window, intensity=DEFAULT_RULES, **values)


def training_record(one: Released) -> dict[str, Any]:
    """What the run itself knows: steps, hours, seed, data, start; no paths of the machine it ran on."""
    config, record = one.config, one.record
    data = {key: value for key, value in config.data.items() if key not in ("scenes", "priors")}
    if "index" in data:
        data["index"] = {key: value for key, value in data["index"].items() if key not in ("index", "store")}
    hours = {"hours": round(record["seconds"] / 3600, 2)} if "seconds" in record else {}
    return {"steps": record["step"], **hours, "seed": config.seed,
            "batch": config.batch, "learning_rate": config.learning_rate, "loss": "Dice + cross-entropy",
            "weights": f"exponential moving average, {config.ema}", "data_settings": json.loads(json.dumps(data)),
            "learned_from": one.learned.datasets, **_beginning(one)}


def _beginning(one: Released) -> dict[str, Any]:
    config, said = one.config, one.learned.start
    name = "init_from" if config.init_from is not None else "encoder_from"
    found: dict[str, Any] = {"started_from": {"as": name, **said}} if said else {}
    if one.learned.seen_before:
        found["validating_cases_seen_in_pretraining"] = list(one.learned.seen_before)
    return found


def figures_of_run(one: Released) -> dict[str, Any]:
    """Figures of the validation that made this the best checkpoint; none for any other."""
    if "figures" not in one.record:
        return {}
    seen = one.record.get("seen_before", [])
    but = f"; the encoder was pretrained on {len(seen)} of them, so that the figures may be too good" if seen else ""
    return {"validation": {**one.record["figures"], "cases": one.record["validated_on"],
                           "what": f"prepared cases of the run's own fold, in a box around the heart{but}"}}


def _checkpoint(job: JobFolder, which: str) -> Path:
    if which == NEWEST:
        found = read_newest(job.checkpoints, job.log)
        if found is None:
            raise ModelError(f"The job {job.path} has no checkpoint yet.", "Wait for the first one, or start the job.")
        return job.checkpoints / f"step_{found[1]['step']:07d}.safetensors"
    if which == BEST:
        best = best_checkpoint(job.checkpoints)
        if best is None:
            raise ModelError(f"The job {job.path} has no best checkpoint: nothing was validated yet.",
                             "Set 'fold' in [data.index], wait for the first validation, or take the newest.")
        return best[0]
    path = job.checkpoints / f"{which.removesuffix('.safetensors')}.safetensors"
    if not path.is_file() or path.parent != job.checkpoints:
        known = ", ".join(sorted(one.stem for one in job.checkpoints.glob("*.safetensors"))) or "none yet"
        raise ModelError(f"The job {job.path} has no checkpoint '{which}'.", f"It has: {known}.")
    return path
