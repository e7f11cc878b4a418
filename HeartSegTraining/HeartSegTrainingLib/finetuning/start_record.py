"""What the weights that a run starts from say of themselves: where they come from, and whom they have seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import HeartSegError, UsageError
from HeartSeg3DLib.models import ModelCard
from HeartSegTrainingLib.datasets import Entry, Index
from HeartSegTrainingLib.datasets.people import grouped

from .config import FinetuneConfig
from .learned_from import LearnedFrom
from .licences import NOT_STATED, strictest

_SHOWN = 3


@dataclass(frozen=True)
class StartRecord:
    """What is known of the weights that a run starts from.

    Attributes:
        said: For the model card: kind, name, checksum, and what they were trained for; no path of the machine.
        licence: Of the weights, empty where it follows from the cases.
        cases: Ids of the cases that they were pretrained on; None where they do not say.
        fold: Fold whose cases their pretraining left out, None for none or where they do not say.
        licences: Of what they were pretrained on beside the cases, generated hearts; None where they do not say.
    """

    said: dict[str, Any]
    licence: str = NOT_STATED
    cases: frozenset[str] | None = None
    fold: int | None = None
    licences: tuple[str, ...] | None = None

    def seen(self, entries: Iterable[Entry], index: Index) -> list[str]:
        """Ids of those among some cases of an index whose person they were pretrained on, or on a copy of the image."""
        if not self.cases:
            return []
        known = {entry.id for group in grouped(index.entries) if any(one.id in self.cases for one in group.entries)
                 for entry in group.entries}
        return [entry.id for entry in entries if entry.id in known]

    def licence_among(self, licences: Mapping[str, str]) -> str:
        """Licence of the weights, from those of the data sets of an index where they do not state one themselves."""
        if self.licence or self.cases is None or self.licences is None:
            return self.licence or NOT_STATED
        names = {case.partition("/")[0] for case in self.cases}
        return strictest([*self.licences, *(licences.get(name, NOT_STATED) for name in names)])


def start_record(config: FinetuneConfig) -> StartRecord | None:
    """What the weights that a job names say of themselves; None for random numbers, or if they are not there."""
    source = config.init_from or config.encoder_from
    if source is None or not Path(source).exists():
        return None
    path = Path(source)
    folder = path if path.is_dir() else path.parent
    try:
        if config.encoder_from is not None and (folder / "encoder.json").is_file():
            return _of_encoder(folder)
        if (folder / "model.json").is_file():
            card = ModelCard.read(folder)
            return StartRecord({"kind": "model package", "id": card.id, "version": card.version, "title": card.title,
                                "sha256": card.sha256}, card.licence)
        return _of_checkpoint(path)
    except (OSError, ValueError, TypeError, KeyError, HeartSegError):  # loading them says what is wrong
        return StartRecord({"kind": "weights", "name": path.name})


def refuse_tested(record: StartRecord | None, index: Index | None) -> None:
    """Refuse weights that have seen a person who is for testing: no figure of the test would mean anything.

    Raises:
        UsageError: They have.
    """
    if record is None or index is None:
        return
    tested = record.seen((entry for entry in index.entries if entry.split == "test"), index)
    if tested:
        raise UsageError(f"The encoder was pretrained on {len(tested)} cases that this index keeps for testing "
                         f"({_some(tested)}).", "Pretrain with this index, which keeps them out, or choose another "
                         "encoder.")


def words_on_seen(record: StartRecord, seen: Sequence[str], count: int) -> str:
    """A sentence for the log on those of `count` validating cases that the encoder was pretrained on."""
    left_out = f"its pretraining left out fold {record.fold}" if record.fold is not None else (
        "its pretraining left out no fold")
    return (f"The encoder was pretrained, without labels, on {len(seen)} of the {count} cases that validate "
            f"({_some(seen)}; {left_out}): figures of the validation may be too good. Pretrain with the same fold in "
            "[data.store] to avoid it.")


def _of_encoder(folder: Path) -> StartRecord:
    card = json.loads((folder / "encoder.json").read_text("utf-8"))
    training = dict(card.get("training", {}))
    cases = training.pop("cases", None)
    told = {name: training[name] for name in ("stage", "mode", "steps", "seed", "fold") if name in training}
    said = {"kind": "pretrained encoder", "name": folder.name, "sha256": card["sha256"], **told}
    if cases is None:
        return StartRecord(said)
    licences = training.get("licences")  # absent in those of earlier versions
    told = {} if licences is None else {"licences": licences}
    return StartRecord({**said, "cases": len(cases), **told}, "", frozenset(map(str, cases)), training.get("fold"),
                       None if licences is None else tuple(map(str, licences)))


def _of_checkpoint(path: Path) -> StartRecord:
    record = json.loads(path.with_suffix(".json").read_text("utf-8"))
    job = path.parent.parent
    learned = LearnedFrom.of_job(job)
    return StartRecord({"kind": "checkpoint", "name": f"{job.name}, step {record['step']}",
                        "sha256": record["sha256"]}, NOT_STATED if learned is None else learned.licence)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
