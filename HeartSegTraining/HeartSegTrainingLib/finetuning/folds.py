"""Runs of several folds, one after the other, each in a job folder of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.datasets import Index

from .config import FinetuneConfig
from .fold_cases import folds_of
from .training_data import ALL_FOLDS, IndexedData, numbers, with_fold


@dataclass(frozen=True)
class FoldRun:
    """One fold's run: its number, config and job folder."""

    fold: int
    config: FinetuneConfig
    folder: Path


def fold_runs(config: FinetuneConfig, folder: Path, asked: str = "") -> list[FoldRun]:
    """The runs that a job asks for by `fold = "all"` or a list, or a person by a list; empty for a job of one run.

    Args:
        config: The job.
        folder: Folder of the job; the runs lie below it as `fold_0`, `fold_1` and so on.
        asked: Numbers of folds such as "0-4" or "0,2"; empty to go by the job.

    Raises:
        InputError: The index is missing or damaged.
        UsageError: The job has no index, the index no such fold, or the list cannot be read.
    """
    table = config.data.get("index")
    if table is None:
        if asked:
            raise UsageError("The job has no index, so there are no folds.", "Add a table [data.index], or leave "
                             "--folds out.")
        return []
    data = IndexedData.from_table(table)
    listed = asked or (data.fold if isinstance(data.fold, str) else "")
    if not listed:
        return []
    known = folds_of(Index.read(Path(data.index)))
    wanted = known if listed == ALL_FOLDS else numbers(listed)
    if unknown := [fold for fold in wanted if fold not in known]:
        raise UsageError(f"The index has no fold {', '.join(map(str, unknown))}.",
                         f"It has the folds {', '.join(map(str, known))}.")
    return [FoldRun(fold, replace(config, data=with_fold(config.data, fold)), folder / f"fold_{fold}")
            for fold in wanted]
