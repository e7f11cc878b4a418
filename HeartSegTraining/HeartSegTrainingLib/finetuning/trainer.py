"""The supervised training loop: a job folder in, checkpoints out, stopped and resumed at any time."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path

import torch
from torch import Tensor, nn

from HeartSeg3DLib.errors import HeartSegError, ModelError, UsageError
from HeartSegTrainingLib.finetuning.checkpoint import checkpoints, load_initial_weights, read_newest, save_checkpoint
from HeartSegTrainingLib.finetuning.config import FinetuneConfig
from HeartSegTrainingLib.finetuning.job_folder import JobFolder
from HeartSegTrainingLib.finetuning.loader import SampleDataset, Sampler, sample_batches
from HeartSegTrainingLib.finetuning.optimization import freeze, training_step
from HeartSegTrainingLib.finetuning.precision import training_device
from HeartSegTrainingLib.finetuning.progress import ProgressReport
from HeartSegTrainingLib.finetuning.run_state import RunState
from HeartSegTrainingLib.finetuning.schedule import learning_rate_factor
from HeartSegTrainingLib.finetuning.stop_request import StopRequest

_GIVE_UP_AFTER = 100
"""Skipped steps in a row after which the run has diverged for good."""


def registered_network(config: FinetuneConfig) -> nn.Module:
    """The registry's network with the config's overrides."""
    from HeartSeg3DLib.networks import build_network

    return build_network(config.network, **config.network_overrides)


class Trainer:
    """One run of supervised training.

    Args:
        config: What to do.
        make_sampler: Makes the sampler, once in each process that makes samples.
        job_dir: Job folder of the run.
        build: Makes the network: `forward_deep(images)` gives logits, finest first; `config.classes` is
            their number.
    """

    def __init__(self, config: FinetuneConfig, make_sampler: Callable[[], Sampler], job_dir: str | Path, *,
                 build: Callable[[FinetuneConfig], nn.Module] = registered_network) -> None:
        self.config = config
        self.make_sampler = make_sampler
        self.job = JobFolder(job_dir)
        self.build = build
        self.device = training_device(config.device)

    def run(self, *, resume: bool = False) -> Path:
        """Train to the end, or until asked to stop; returns the checkpoint written last.

        Raises:
            UsageError: The folder holds a run and `resume` is False, or holds another run.
            HeartSegError: The run failed; state.json says why.
        """
        self._claim_folder(resume)
        report = ProgressReport(self.job, self.config)
        try:
            state = self._prepare(resume)
            with StopRequest(self.job.stop_file) as stop, closing(self._batches(state)) as batches:
                self._train(state, batches, report, stop)
                path = self._save(state, report)
        except BaseException as error:
            self.job.log(traceback.format_exc())
            reason = str(error) if isinstance(error, HeartSegError) else f"{type(error).__name__}: {error}"
            report.close("failed", reason=reason)
            raise
        if state.progress(self.config) >= 1.0:
            report.close("finished")
        else:
            report.close("stopped", reason=stop.reason)
        return path

    def _train(self, state: RunState, batches: Iterator[list[Tensor]], report: ProgressReport,
               stop: StopRequest) -> None:
        config, skipped_in_a_row = self.config, 0
        report.start(state)
        now = last_save = time.monotonic()
        while state.progress(config) < 1.0 and not stop.requested():
            try:
                batch = self._to_device(next(batches))
            except RuntimeError:  # a worker is gone
                if stop.requested():
                    break  # it was asked to stop together with this process
                raise
            waited = time.monotonic() - now
            factor = learning_rate_factor(state.step, state.progress(config), warmup=config.warmup,
                                          decay_fraction=config.decay_fraction)
            for group in state.optimizer.param_groups:
                group["lr"] = config.learning_rate * factor
            result = training_step(state.forward, state.optimizer, batch, precision=config.precision,
                                   clip=config.clip)
            if result.taken:
                state.update_average(config.ema)
            state.step += 1
            state.skipped += not result.taken
            skipped_in_a_row = 0 if result.taken else skipped_in_a_row + 1
            if skipped_in_a_row >= _GIVE_UP_AFTER:
                raise ModelError(f"The last {skipped_in_a_row} steps had no finite loss.",
                                 "Resume from the checkpoint with a lower learning rate.")
            before, now = now, time.monotonic()
            state.seconds += now - before
            report.update(state, result, waited)
            if now - last_save >= 60.0 * config.checkpoint_minutes:
                self._save(state, report)
                last_save = now

    def _claim_folder(self, resume: bool) -> None:
        if self.job.is_running():
            raise UsageError(f"Another process is training in {self.job.path}.", "Stop it with a file STOP, or wait.")
        earlier = self.job.read_job()
        if earlier is not None and checkpoints(self.job.checkpoints):
            if not resume:
                raise UsageError(f"The folder {self.job.path} already holds a run.",
                                 "Resume it, or give another folder.")
            for name in self.config.check_continues(FinetuneConfig.from_dict(earlier["config"])):
                self.job.log(f"Changed since the last start: {name} = {getattr(self.config, name)}")
        self.job.write_job({"kind": "finetune", "config": self.config.to_dict(), "torch": torch.__version__})
        self.job.stop_file.unlink(missing_ok=True)  # it asked an earlier session to stop

    def _prepare(self, resume: bool) -> RunState:
        config = self.config
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        network = self.build(config)
        found = read_newest(self.job.checkpoints, self.job.log) if resume else None
        if found is None and config.init_from is not None:
            _load_strictly(network, config.init_from)
        freeze(network, config.freeze)
        state = RunState.fresh(network.to(self.device).train(), config)
        if found is not None:
            state.restore(*found)
            self.job.log(f"Resumed at step {state.step}")
        self.job.drop_metrics_after(state.step)
        return state

    def _batches(self, state: RunState) -> Generator[list[Tensor]]:
        config = self.config
        dataset = SampleDataset(self.make_sampler, config.seed, state.classes, config.window)
        return sample_batches(dataset, first_step=state.step, batch=config.batch, workers=config.workers,
                              prefetch=config.prefetch, pin_memory=self.device.type == "cuda")

    def _to_device(self, batch: list[Tensor]) -> list[Tensor]:
        return [tensor.to(self.device, non_blocking=True) for tensor in batch]

    def _save(self, state: RunState, report: ProgressReport) -> Path:
        record = {**state.record(), "config": self.config.to_dict()}
        path = save_checkpoint(self.job.checkpoints, state.step, state.tensors(), record)
        report.saved(path)
        return path


def _load_strictly(network: nn.Module, source: str) -> None:
    try:
        network.load_state_dict(load_initial_weights(source))
    except RuntimeError as error:
        raise ModelError(f"The starting weights {source} do not fit the network: {error}",
                         "Start from weights of the same network config.") from error
