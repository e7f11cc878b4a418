"""How a run is doing: state.json for whoever looks now, metrics.csv for the curve, log.txt for the story."""

from __future__ import annotations

import math
import time
from pathlib import Path

import torch

from HeartSegTrainingLib.jobs.curves import CurveWriter
from HeartSegTrainingLib.jobs.job_folder import JobFolder

from .config import RunConfig
from .distributed import Processes
from .run_state import RunState
from .training_step import StepResult

_STATE_EVERY_S = 5.0

_OF_A_SESSION = ("status", "reason", "kind", "processes", "memory", "warnings", "pid", "host", "updated")
"""Entries of state.json that say how a session goes, not how far the run has come."""


class IntervalMeans:
    """Means over the parts of all processes since the last line of metrics.csv; NaN says nothing."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def add(self, figures: dict[str, float]) -> None:
        """Take in the figures of a part, or of a step."""
        for name, value in figures.items():
            known = not math.isnan(value)
            self._sums[name] = self._sums.get(name, 0.0) + (value if known else 0.0)
            self._counts[name] = self._counts.get(name, 0) + known

    def reduced(self, processes: Processes, device: torch.device) -> dict[str, float]:
        """Means over all processes, NaN where there is nothing; every process calls this at the same step."""
        names = sorted(self._sums)
        table = torch.tensor([[self._sums[name], self._counts[name]] for name in names], dtype=torch.float64)
        table = processes.sum(table.reshape(-1, 2).to(device)).cpu()
        return {name: total / count if count else math.nan
                for name, (total, count) in zip(names, table.tolist(), strict=True)}


class ProgressReport:
    """Writes a run's progress to its job folder, from the first process.

    Args:
        job: Where to write.
        config: The run's config.
        processes: Those of the run.
        device: Where this one computes.
    """

    def __init__(self, job: JobFolder, config: RunConfig, processes: Processes,
                 device: torch.device) -> None:
        self.job, self.config = job, config
        self._processes, self._device = processes, device
        self._curves = CurveWriter(job, tensorboard=config.tensorboard) if processes.is_first else None
        self._run: RunState | None = None
        self._written = -math.inf
        self._waited = 0.0
        self._checkpoint = ""
        self._shown: dict[str, float] = {}
        self._means = IntervalMeans()
        self.memory = ""
        self.warnings: tuple[str, ...] = ()

    def start(self, run: RunState) -> None:
        """Say that the run goes on from here."""
        self._run = run
        self._start_step, self._start_seconds = run.step, run.seconds
        self._row_step = run.step
        self._means, self._shown = IntervalMeans(), {}
        trained = sum(weight.numel() for weight in run.task.module.parameters() if weight.requires_grad)
        several = f" on {self._processes.world} processes" if self._processes.world > 1 else ""
        self._log(f"Training {self.config.network} from step {run.step}{several}, "
                  f"{trained / 1e6:.2f} M trainable parameters")
        self._write_state("running")

    def update(self, run: RunState, result: StepResult, figures: dict[str, float], waited: float) -> None:
        """Take in one step, the task's figures of it, and the seconds that it waited for data; write what is due."""
        self._waited += waited
        if result.taken:
            for said in result.figures:
                self._means.add(said)
            self._means.add({"gradient_norm": result.gradient_norm})
        else:
            self._log(f"Step {run.step} skipped: loss or gradient not finite ({run.skipped} so far)")
        self._means.add(figures)
        is_row_due = run.step % self.config.log_every == 0
        if is_row_due:
            self._write_row(run)
        if is_row_due or time.monotonic() - self._written >= _STATE_EVERY_S:
            self._write_state("running")

    def saved(self, checkpoint: Path) -> None:
        """Note the newest checkpoint."""
        self._checkpoint = checkpoint.name

    def finish(self, status: str, reason: str = "") -> None:
        """Say on every process that the session ended in order: finished or stopped."""
        if self._run is not None and self._run.step > self._row_step:
            self._write_row(self._run)
        self.close(status, reason)

    def close(self, status: str, reason: str = "") -> None:
        """Say how the session ended: finished, stopped or failed."""
        step = f"at step {self._run.step}" if self._run is not None else "before the first step"
        self._write_state(status, reason)
        self._log(f"{status.capitalize()} {step}{': ' + reason if reason else ''}")
        if self._curves is not None:
            self._curves.close()

    def _log(self, message: str) -> None:
        if self._processes.is_first:
            self.job.log(message)

    def _write_state(self, status: str, reason: str = "") -> None:
        if self._processes.is_first:
            figures = self._figures(self._run) if self._run is not None else self._reached_before()
            self.job.write_state({"status": status, "reason": reason, "kind": self.config.kind,
                                  "processes": self._processes.world, "memory": self.memory,
                                  **({"warnings": list(self.warnings)} if self.warnings else {}), **figures})
        self._written = time.monotonic()

    def _reached_before(self) -> dict[str, object]:
        """What an earlier session reached, for one that ends before its first step, such as a refused resume."""
        earlier = self.job.read_state() or {}
        return {name: value for name, value in earlier.items() if name not in _OF_A_SESSION}

    def _figures(self, run: RunState) -> dict[str, object]:
        pace = (run.step - self._start_step) / max(run.seconds - self._start_seconds, 1e-9)
        if self.config.steps is not None:
            left = (self.config.steps - run.step) / pace if pace > 0 else None
        else:
            left = 60.0 * (self.config.minutes or 0.0) - run.seconds
        known = {name: round(value, 5) for name, value in self._shown.items() if not math.isnan(value)}
        dice = {name.removeprefix("dice_"): known.pop(name) for name in list(known) if name.startswith("dice_")}
        return {"step": run.step, "steps": self.config.steps, "progress": min(run.progress(self.config), 1.0),
                "seconds": round(run.seconds, 2), "eta_seconds": None if left is None else max(round(left, 1), 0.0),
                "samples_per_second": round(pace * self.config.batch, 4), "data_wait_seconds": round(self._waited, 2),
                "learning_rate": run.optimizer.param_groups[0]["lr"], "skipped": run.skipped, **known, "dice": dice,
                "checkpoint": self._checkpoint}

    def _write_row(self, run: RunState) -> None:
        self._shown = self._means.reduced(self._processes, self._device)
        if self._curves is not None:
            self._curves.write({
                "step": run.step, "seconds": round(run.seconds, 2),
                "learning_rate": run.optimizer.param_groups[0]["lr"], "skipped": run.skipped,
                "data_wait_seconds": round(self._waited, 2),
                **{name: round(value, 5) for name, value in self._shown.items()}})
        self._row_step, self._means = run.step, IntervalMeans()
