"""One session of a run: from its start to its end, its stop or its failure, with the loop over steps."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from HeartSeg3DLib import __version__
from HeartSeg3DLib.errors import DiskError, HeartSegError, ModelError, UsageError
from HeartSegTrainingLib.jobs.curves import drop_curves_after
from HeartSegTrainingLib.jobs.job_folder import JobFolder

from .checkpoint import checkpoints, read_newest, save_checkpoint, set_aside
from .config import RunConfig
from .distributed import Processes
from .first_failure import PeerError, reason_of
from .loader import PartIndices, sample_parts
from .memory_ladder import MemoryRung
from .precision import training_device
from .progress import ProgressReport
from .run_state import RunState
from .schedule import learning_rate_factor
from .stop_request import StopRequest
from .task import Part, Task
from .training_step import training_step

_GIVE_UP_AFTER = 100
"""Skipped steps in a row after which the run has diverged for good."""


class Session:
    """The time from a start of a run to its end, its stop or its failure.

    Args:
        config: What to do.
        job: Job folder of the run.
        processes: Those that take part.

    Attributes:
        finished: Whether it came to the run's end; the same on every process.
    """

    def __init__(self, config: RunConfig, job: JobFolder, processes: Processes) -> None:
        self.config, self.job, self.processes = config, job, processes
        self.device = training_device(config.device)
        self.rung = MemoryRung.of_run(job.path, config.part or config.batch)
        self.mine = processes.share(config.batch // self.rung.part)
        self._smallest_part = 1
        self.finished = False

    def next_rung(self) -> MemoryRung | None:
        """Write down that the next session has to do with less memory; None if there is nothing left to give up."""
        below = self.rung.next(self._smallest_part)
        if below is None:
            self.job.log("Out of memory, and nothing is left to save.")
        elif self.processes.is_first or self.processes.world > 1:
            below.save(self.job.path)
            mixing = ", and the loss mixes only these" if below.part < self.rung.part else ""
            self.job.log(f"Out of memory: from here {below.describe()}{mixing}.")
        return below

    def run(self, make_task: Callable[[torch.device], Task], *, resume: bool) -> Path:
        """Train until the end or a stop; see `Trainer.run`."""
        report: ProgressReport | None = None
        try:
            self._claim_folder(resume)
            report = ProgressReport(self.job, self.config, self.processes, self.device)
            report.memory = self.rung.describe()
            task = self._make(make_task)
            report.warnings = task.warnings
            state = self._prepare(task, resume)
            return self._train_and_save(state, report)
        except SystemExit:  # a cluster's handler ends the process once all is saved and said
            raise
        except BaseException as error:
            self.processes.tell_failure(error)
            with contextlib.suppress(DiskError):  # on a full disk, what went wrong first is what counts
                self.job.log(traceback.format_exc())
            if report is not None:
                with contextlib.suppress(DiskError):
                    report.close("failed", reason=reason_of(error))
            raise

    def _train_and_save(self, state: RunState, report: ProgressReport) -> Path:
        batches = self._parts(state)
        with StopRequest(self.job.stop_file) as stop, closing(batches):
            try:
                self._train(state, batches, report, stop)
            except HeartSegError as error:
                if not isinstance(error, (DiskError, PeerError)):
                    self._save_beside(state)
                raise
            path = self._save(state, report)
            self.processes.wait_for_all()
            self.finished = state.progress(self.config) >= 1.0
            if self.finished:
                report.finish("finished")
            else:
                report.finish("stopped", reason=stop.reason or "asked by another process of the run")
        return path

    def _train(self, state: RunState, batches: Iterator[Part], report: ProgressReport, stop: StopRequest) -> None:
        config, task = self.config, state.task
        report.start(state)
        now = last_save = time.monotonic()
        skipped_in_a_row = 0
        while True:
            is_asked, is_due = self._agree(state, stop, now - last_save >= 60.0 * config.checkpoint_minutes)
            if is_due:
                self._save(state, report)
                last_save = now
            if is_asked or state.progress(config) >= 1.0:
                return
            parts = self._next_parts(batches, stop)
            if parts is None:
                return
            waited = time.monotonic() - now
            progress = state.progress(config)
            state.set_learning_rate(config.learning_rate * learning_rate_factor(
                state.step, progress, warmup=config.warmup, decay_fraction=config.decay_fraction))
            result = training_step(task, state.optimizer, task.prepare(parts, state.step, progress), self.processes,
                                   step=state.step, seed=config.seed, numbers=self.mine, precision=config.precision,
                                   clip=config.clip)
            state.step += 1
            state.skipped += not result.taken
            figures = task.after_step(state.step, progress, taken=result.taken)
            before, now = now, time.monotonic()
            state.seconds += now - before
            report.update(state, result, figures, waited)
            skipped_in_a_row = 0 if result.taken else skipped_in_a_row + 1
            if skipped_in_a_row >= _GIVE_UP_AFTER:
                raise ModelError(f"The last {skipped_in_a_row} steps had no finite loss.",
                                 "Resume from the checkpoint with a lower learning rate.")

    def _agree(self, state: RunState, stop: StopRequest, is_due: bool) -> tuple[bool, bool]:
        """Whether all stop, and whether all save; the first process's clock counts for all."""
        if self.processes.world == 1:
            return stop.requested(), is_due
        is_first = self.processes.is_first
        said = torch.tensor([float(stop.requested()), float(is_due and is_first), state.seconds if is_first else 0.0],
                            dtype=torch.float64, device=self.device)
        asked, due, state.seconds = self.processes.sum(said).tolist()
        return asked > 0, due > 0

    def _next_parts(self, batches: Iterator[Part], stop: StopRequest) -> list[Part] | None:
        """This process's parts of the next step; None if the workers were stopped together with this process."""
        try:
            return [tuple(tensor.to(self.device, non_blocking=True) for tensor in next(batches)) for _ in self.mine]
        except (RuntimeError, ConnectionError):  # a worker is gone
            if stop.requested() and self.processes.world == 1:
                return None
            raise

    def _claim_folder(self, resume: bool) -> None:
        earlier = self.job.read_job()
        if earlier is not None and checkpoints(self.job.checkpoints):
            if not resume:
                raise UsageError(f"The folder {self.job.path} already holds a run.",
                                 "Resume it, or give another folder.")
            changes = _check_continues(self.config, earlier)
            if self.processes.is_first:
                for name in changes:
                    self.job.log(f"Changed since the last start: {name} = {getattr(self.config, name)}")
        self.processes.wait_for_all()  # all have read before the first one writes
        if self.processes.is_first:
            self.job.write_job({"kind": self.config.kind, "config": self.config.to_dict(), "torch": torch.__version__})
            self.job.stop_file.unlink(missing_ok=True)  # it asked an earlier session to stop

    def _make(self, make_task: Callable[[torch.device], Task]) -> Task:
        if not self.processes.is_first:
            self.processes.wait_for_all()
        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        torch.manual_seed(self.config.seed)
        task = make_task(self.device)
        self._smallest_part = task.smallest_part()
        if self.processes.is_first:
            self.processes.wait_for_all()
        return task

    def _prepare(self, task: Task, resume: bool) -> RunState:
        if self.rung.recompute:
            task.use_less_memory()
        task.module.train()
        for module in task.frozen():
            module.eval()
        state = RunState.fresh(task, self.config)
        found = self._newest() if resume else None
        if found is not None:
            if found[1]["data"] != task.fingerprint():
                raise UsageError("The data of this run changed since it was started.",
                                 "Restore the index, or start a new run in another folder.")
            state.restore(*found)
            if self.processes.is_first:
                self.job.log(f"Resumed at step {state.step}")
        for tensor in (*task.module.state_dict().values(), *task.tensors().values()):
            self.processes.copy_from_first(tensor)  # other machines may draw other first weights
        if self.processes.is_first:
            drop_curves_after(self.job, state.step)
        self.processes.wait_for_all()
        return state

    def _newest(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The newest whole checkpoint, None for a run that wrote none; damaged ones are set aside."""
        is_first = self.processes.is_first
        found = read_newest(self.job.checkpoints, self.job.log if is_first else _tell_nobody)
        if found is None and checkpoints(self.job.checkpoints):
            raise ModelError(f"No checkpoint in {self.job.checkpoints} is whole.",
                             "Bring one back from a copy, or start a new run in another folder.")
        self.processes.wait_for_all()  # all have read before the first one moves files
        if found is not None and is_first:
            for path in set_aside(self.job.checkpoints, found[1]["step"]):
                self.job.log(f"Kept as {path.name}")
        return found

    def _save_beside(self, state: RunState) -> None:
        """Save what a run that is ended for a reason came to, for whoever wants to look; it is not resumed from."""
        if self.processes.is_first:
            ended = self.job.path / "ended"
            ended.mkdir(exist_ok=True)
            path = save_checkpoint(ended, state.step, state.tensors(), self._record(state))
            self.job.log(f"The run's last state is in {path.relative_to(self.job.path)}")

    def _record(self, state: RunState) -> dict[str, Any]:
        return {**state.record(), "kind": self.config.kind, "config": self.config.to_dict(),
                "data": state.task.fingerprint(), "software": f"HeartSeg {__version__}"}

    def _parts(self, state: RunState) -> Iterator[Part]:
        config = self.config
        indices = PartIndices(state.step, config.batch, self.rung.part, self.mine)
        return sample_parts(state.task.dataset(), indices, workers=config.workers, prefetch=config.prefetch,
                            pin_memory=self.device.type == "cuda")

    def _save(self, state: RunState, report: ProgressReport) -> Path:
        path = self.job.checkpoints / f"step_{state.step:07d}.safetensors"
        if self.processes.is_first:
            save_checkpoint(self.job.checkpoints, state.step, state.tensors(), self._record(state))
            report.saved(path)
        return path


def _tell_nobody(_: str) -> None:
    """The first process tells for all."""


def _check_continues(config: RunConfig, earlier: dict[str, Any]) -> list[str]:
    """Names of what changed since the run was started, none of it important."""
    if earlier["kind"] != config.kind:
        raise UsageError(f"The folder holds a run of another kind ({earlier['kind']}).", "Give another folder.")
    return config.check_continues(type(config).from_dict(earlier["config"]))
