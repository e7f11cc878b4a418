"""Short trainings on the small store."""

from __future__ import annotations

from pathlib import Path

from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.finetuning import FinetuneConfig
from HeartSegTrainingLib.finetuning.job import task_of_job
from small_store import SPACING, SmallStore

NETWORK = {"features": [8, 16], "blocks": [1, 1], "vil_pairs": [0, 1], "stem_stride": 2, "classes": 4}


def job_config(hearts: SmallStore, fold: int | str | None = 0, **changes) -> FinetuneConfig:
    index = {"index": str(hearts.index), "store": str(hearts.store), "structures": ["LV", "MYO", "RV"]}
    if fold is not None:
        index["fold"] = fold
    values = {"network": "nano", "network_overrides": NETWORK, "window": 24, "batch": 2, "steps": 4, "warmup": 2,
              "learning_rate": 5e-3, "workers": 0, "threads": 1, "device": "cpu", "precision": "fp32", "log_every": 1,
              "ema": 0.9, "data": {"spacing": SPACING, "index": index}}
    return FinetuneConfig(**{**values, **changes})


def train_hearts(hearts: SmallStore, folder: Path, *, resume: bool = False, **changes) -> Path:
    """Run a job in a folder; gives the last checkpoint."""
    config = job_config(hearts, **changes)
    return Trainer(config, task_of_job(config, folder), folder).run(resume=resume)
