"""Weights of another job that a job starts from: looked through and copied, whatever becomes of the other one."""

from __future__ import annotations

import shutil
from pathlib import Path

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.models import ModelCard
from HeartSegTrainingLib.engine.checkpoint import checkpoints, read_checkpoint
from HeartSegTrainingLib.finetuning.release import export_package
from HeartSegTrainingLib.jobs.job_folder import JobFolder
from HeartSegTrainingLib.pretraining.export import export_encoder

_START, _ENCODER = "start", "encoder"


def keep_model(source: Path, folder: Path) -> tuple[Path, ModelCard]:
    """Make a model of the newest whole checkpoint of a fine-tuning, in the folder of the job that starts from it.

    Returns:
        The package and its card, which names the structures in the order of the network's channels.

    Raises:
        ModelError: There is none.
    """
    package = export_package(source, _fresh(folder / _START), {"id": _START, "title": source.name})
    return package, ModelCard.read(package)


def keep_encoder(source: Path, folder: Path) -> Path:
    """Export the encoder of the newest whole checkpoint of a pretraining.

    Raises:
        ModelError: There is none.
    """
    return export_encoder(source, _fresh(folder / _ENCODER))


def keep_checkpoint(source: Path, folder: Path) -> Path:
    """Copy the newest whole checkpoint of a pretraining, with the record that vouches for it.

    Returns:
        A folder of the other job's name, laid out as a job's.

    Raises:
        ModelError: There is none.
    """
    copy = _fresh(folder / _START) / source.name
    target = JobFolder(copy).checkpoints
    target.mkdir(parents=True, exist_ok=True)
    for path in checkpoints(JobFolder(source).checkpoints):
        try:
            for part in (path, path.with_suffix(".json")):
                shutil.copyfile(part, target / part.name)
            read_checkpoint(target / path.name)
        except (FileNotFoundError, ModelError):  # damaged, or removed by the job that goes on: the next one, then
            for part in (path, path.with_suffix(".json")):
                (target / part.name).unlink(missing_ok=True)
            continue
        return copy
    raise ModelError(f"The job {source.name} has no whole checkpoint yet.", "Wait for its first one.")


def _fresh(folder: Path) -> Path:
    """A folder of the job that is about to begin; an earlier try may have left it."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder
