"""What a run learned from, noted in its job folder: data sets, their licences, modalities, and where it started."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HeartSeg3DLib.errors import HeartSegError
from HeartSegTrainingLib.generator.appearance import MODES
from HeartSegTrainingLib.generator.sampler import SamplerConfig
from HeartSegTrainingLib.jobs.job_folder import write_atomically

from .licences import NOT_STATED, OURS, strictest
from .training_data import TrainingData

if TYPE_CHECKING:
    from .start_record import StartRecord

FILE = "learned_from.json"
GENERATED = "generated hearts"


@dataclass(frozen=True)
class LearnedFrom:
    """What the card of a model may claim.

    Attributes:
        datasets: Data set to its licence and the number of its cases that were learned from.
        modalities: Of what was learned from, "ct" and "mr" in this order; empty where that is not known.
        start: What the weights were at first, for the card; empty for random numbers.
        start_licence: Their licence, empty for random numbers.
        seen_before: Ids of validating cases that the encoder was pretrained on, without their labels.
    """

    datasets: dict[str, dict[str, Any]]
    modalities: tuple[str, ...]
    start: dict[str, Any] = field(default_factory=dict)
    start_licence: str = ""
    seen_before: tuple[str, ...] = ()

    @property
    def licence(self) -> str:
        """Under which the weights may be handed on, see `licences.strictest`."""
        found = [str(record["licence"]) for record in self.datasets.values()]
        return strictest([*found, self.start_licence] if self.start_licence else found)

    def save(self, folder: Path) -> None:
        """Note it in a job folder.

        Raises:
            DiskError: The disk is full.
        """
        write_atomically(folder / FILE, json.dumps(asdict(self), indent=2).encode())

    @classmethod
    def of_job(cls, folder: Path) -> LearnedFrom | None:
        """What the run of a job folder noted, None if it noted nothing that this version understands."""
        try:
            values = json.loads((folder / FILE).read_text("utf-8"))
            return cls(**{**values, "modalities": tuple(values["modalities"]),
                          "seen_before": tuple(values["seen_before"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None


def learned_from(data: TrainingData, start: StartRecord | None = None) -> LearnedFrom:
    """What a run is going to learn from.

    Args:
        data: Its data.
        start: What it starts from, None for random numbers.

    Raises:
        HeartSegError: The index is missing or damaged.
    """
    datasets: dict[str, dict[str, Any]] = {}
    modalities: set[str] = set()
    licences: dict[str, str] = {}
    if data.index is not None:
        licences = {name: record.licence for name, record in data.index.datasets.items()}
        for name, count in sorted(Counter(entry.dataset for entry in data.cases.train).items()):
            own = {entry.licence or licences[name] for entry in data.cases.train if entry.dataset == name}
            datasets[name] = {"licence": strictest(own) if len(own) > 1 else own.pop(), "cases": count}
        modalities |= {entry.modality for entry in data.cases.train}
    if data.generated_share > 0:
        generated = of_generated(data.generated)
        datasets |= generated.datasets
        modalities |= set(generated.modalities)
    found = LearnedFrom(datasets, tuple(sorted(modalities)))
    if start is None:
        return found
    seen = start.seen(data.cases.validate, data.index) if data.index is not None else []
    return LearnedFrom(datasets, found.modalities, start.said, start.licence_among(licences), tuple(seen))


def of_generated(table: Mapping[str, Any]) -> LearnedFrom:
    """What a [data] table of generated hearts gives; label maps of others (priors) have a licence of their own.

    It counts only if the table states it: nobody can tell it from the files.
    """
    mix = table.get("mix", SamplerConfig.mix)
    shown = {mode[:2] for mode, share in zip(MODES, mix, strict=True) if share > 0 and mode[:2] in ("ct", "mr")}
    licences = [OURS, str(table.get("priors_licence") or NOT_STATED)] if table.get("priors") else [OURS]
    record = {"licence": strictest(licences), "cases": table.get("count")}
    return LearnedFrom({GENERATED: record}, tuple(sorted(shown)))


def of_finished(folder: Path, table: Mapping[str, Any], window: int, classes: int) -> LearnedFrom:
    """What a run of a job folder learned from: what it noted, else what its [data] table still tells."""
    if (noted := LearnedFrom.of_job(folder)) is not None:
        return noted
    if "index" not in table:
        return of_generated(table)
    try:
        return learned_from(TrainingData.from_table(table, window, classes))
    except HeartSegError:  # the index has gone in the meantime
        return LearnedFrom({"index": {"licence": NOT_STATED, "cases": None}}, ())
