"""One model package of several runs: the networks of all folds, whose probabilities are averaged."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.models import save_package
from HeartSeg3DLib.networks import Ensemble

from .best_checkpoint import best_checkpoint
from .release import BEST, NEWEST, Released, card_of, refuse_existing, released, training_record
from .training_data import label_values, spacing_of


def export_ensemble(job_dirs: Sequence[Path], folder: Path, said: dict[str, Any], *, which: str = "",
                    tell: Callable[[str], None] = lambda message: None) -> Path:
    """Write a package whose probabilities are the mean of those of several runs, one of each fold.

    Args:
        job_dirs: Job folders, or folders that hold `fold_0`, `fold_1` and so on.
        folder: Where the package goes; must not exist.
        said: Entries of the card that no run can know; see `release.read_card_table`.
        which: Checkpoint of each run, see `release.released`; the best one, or the newest of a run that validated
            nothing, by default.
        tell: Takes a sentence about each run.

    Raises:
        ModelError: A job has no usable checkpoint.
        UsageError: There are fewer than two runs, they are not alike, or the folder exists already.
    """
    refuse_existing(folder)
    jobs = [job for given in job_dirs for job in fold_folders(given) or [given]]
    if len(jobs) < 2:
        raise UsageError("An ensemble needs two runs or more.", "Give the job folders of all folds, or export one "
                         "with `heartseg train export`.")
    runs = [_chosen(job, which, tell) for job in jobs]
    _refuse_unlike(jobs, runs)
    name = folder.name.lower()
    values = {"id": name, "title": folder.name, "figures": _cross_validation(runs), **said}
    values["training"] = {"members": [training_record(run) for run in runs], **values.get("training", {})}
    return save_package(folder, card_of(runs, values), Ensemble([run.network for run in runs]))


def fold_folders(folder: Path) -> list[Path]:
    """Job folders `fold_K` below a folder, in the order of their numbers."""
    found = [path for path in folder.glob("fold_*") if path.name[5:].isdigit() and (path / "job.json").is_file()]
    return sorted(found, key=lambda path: int(path.name[5:]))


def _chosen(job: Path, which: str, tell: Callable[[str], None]) -> Released:
    if not (job / "job.json").is_file():
        raise UsageError(f"{job} is not a job folder.", "Give folders that `heartseg train finetune` made.")
    if not which:
        which = BEST if best_checkpoint(job / "checkpoints") is not None else NEWEST
    run = released(job, which)
    tell(f"{job}: {run.checkpoint.stem}")
    return run


def _refuse_unlike(jobs: Sequence[Path], runs: Sequence[Released]) -> None:
    """Only networks that see the same voxels and name the same structures can vote."""
    first = _nature(runs[0])
    for job, run in zip(jobs, runs, strict=True):
        differing = [name for name, value in _nature(run).items() if value != first[name]]
        if differing:
            raise UsageError(f"{job} differs from {jobs[0]} in {', '.join(differing)}.",
                             "Make an ensemble of runs of one job file.")


def _nature(run: Released) -> dict[str, Any]:
    config = run.config
    return {"network": run.network.config.to_dict(), "spacing": spacing_of(config.data), "window": config.window,
            "labels": label_values(config.data, run.network.config.classes)}


def _cross_validation(runs: Sequence[Released]) -> dict[str, Any]:
    """Means of the folds' own validations: figures of the single members on people whose labels they never saw.

    Their images they may have seen, where the encoder was pretrained on them; the figures then say so.
    """
    tables = [run.record["figures"] for run in runs if "figures" in run.record]
    folds = [run.config.data.get("index", {}).get("fold") for run in runs]
    if len(tables) < len(runs) or None in folds or len(set(folds)) < len(folds):
        return {}
    known = {name: [table[name] for table in tables if table.get(name) is not None] for name in tables[0]}
    means = {name: round(statistics.fmean(values), 5) for name, values in known.items() if values}
    seen = sum(len(run.record.get("seen_before", [])) for run in runs)
    but = f"; encoders were pretrained on {seen} of the cases, so that the figures may be too good" if seen else ""
    return {"cross_validation": {**means, "folds": len(runs),
                                 "what": "mean over the folds of each member alone on its own fold; the ensemble "
                                         f"itself was not measured{but}"}}
