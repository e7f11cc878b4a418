"""From a job file to the task that the engine runs: data, validation, weights to start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from HeartSeg3DLib import __version__
from HeartSegTrainingLib.engine.checkpoint import checkpoints
from HeartSegTrainingLib.engine.distributed import current
from HeartSegTrainingLib.jobs.job_folder import JobFolder

from .config import FinetuneConfig
from .learned_from import LearnedFrom, learned_from
from .periodic_validation import Validation
from .start_record import refuse_tested, start_record, words_on_seen
from .task import FinetuneTask, Surroundings, registered_network
from .training_data import TrainingData
from .validation import Validator


def task_of_job(config: FinetuneConfig, folder: Path) -> Callable[[torch.device], FinetuneTask]:
    """What the trainer calls to make the task of a job on its device.

    Args:
        config: The run's config.
        folder: Its job folder: notes go to its log, and the best checkpoint among its checkpoints.
    """
    def make(device: torch.device) -> FinetuneTask:
        network = registered_network(config)
        job, is_first = JobFolder(folder), current().is_first

        def tell(message: str) -> None:
            if is_first:
                job.log(message)

        data = TrainingData.from_table(config.data, config.window, network.config.classes)
        make_sampler = data.sampler_factory()
        if data.real is not None:
            tell(f"{len(data.cases.train)} labelled cases to learn from, {len(data.cases.validate)} to validate on, "
                 f"{data.generated_share:.0%} generated hearts")
        for note in data.cases.notes:
            tell(note)
        learned = _noted(config, data, job, tell, is_first)
        around = Surroundings(tell, data.fingerprint(), data.spacing_mm, _validation(config, data, job, tell, learned),
                              bool(checkpoints(job.checkpoints)))
        return FinetuneTask(config, network, make_sampler, device, around)

    return make


def _noted(config: FinetuneConfig, data: TrainingData, job: JobFolder, tell: Callable[[str], None],
           is_first: bool) -> LearnedFrom:
    """Note in the job folder what the run learns from; a run that goes on without its start keeps the first note."""
    start = start_record(config)
    refuse_tested(start, data.index)
    found = learned_from(data, start)
    earlier = LearnedFrom.of_job(job.path)
    if start is None and earlier is not None:
        found = replace(found, start=earlier.start, start_licence=earlier.start_licence,
                        seen_before=earlier.seen_before)
    if start is not None and found.seen_before:
        tell(words_on_seen(start, found.seen_before, len(data.cases.validate)))
    if is_first:
        found.save(job.path)
    return found


def _validation(config: FinetuneConfig, data: TrainingData, job: JobFolder, tell: Callable[[str], None],
                learned: LearnedFrom) -> Validation | None:
    if data.real is None or data.channels is None or not data.cases.validate:
        return None
    validator = Validator(Path(data.real.store), data.cases.validate, data.channels, config.window,
                          config.validate_cases)
    cases = [entry.id for entry in validator.entries]
    record = {"kind": config.kind, "config": config.to_dict(), "data": data.fingerprint(), "validated_on": cases,
              "seen_before": sorted(set(cases) & set(learned.seen_before)), "software": f"HeartSeg {__version__}"}
    return Validation(validator, len(data.channels.values), config.validate_minutes, config.steps, job.checkpoints,
                      record, tell)
