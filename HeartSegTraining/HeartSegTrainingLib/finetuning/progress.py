"""How a run is doing: state.json for whoever looks now, metrics.csv for the curve, log.txt for the story."""

from __future__ import annotations

import math
import time
from pathlib import Path

import torch

from HeartSegTrainingLib.finetuning.config import FinetuneConfig
from HeartSegTrainingLib.finetuning.job_folder import JobFolder
from HeartSegTrainingLib.finetuning.optimization import StepResult
from HeartSegTrainingLib.finetuning.run_state import RunState

_STATE_EVERY_S = 5.0


class IntervalMeans:
    """Means over the steps since the last line of metrics.csv; skipped steps do not count.

    Args:
        foreground: Number of classes without background.
    """

    def __init__(self, foreground: int) -> None:
        self._steps = 0
        self._sums = {"loss": 0.0, "cross_entropy": 0.0, "gradient_norm": 0.0}
        self._dice = torch.zeros(foreground)
        self._present = torch.zeros(foreground)

    def add(self, result: StepResult) -> None:
        """Take in one step."""
        present = result.loss.present.cpu()
        self._steps += 1
        self._dice += result.loss.dice.cpu() * present
        self._present += present
        self._sums["loss"] += float(result.loss.total.detach())
        self._sums["cross_entropy"] += float(result.loss.cross_entropy)
        self._sums["gradient_norm"] += float(result.gradient_norm)

    def figures(self) -> dict[str, float]:
        """Mean loss, cross-entropy and gradient norm, NaN without a step."""
        return {name: total / self._steps if self._steps else math.nan for name, total in self._sums.items()}

    def dice(self) -> dict[int, float]:
        """Mean soft Dice of each class over the steps in whose batch it occurs, NaN without one."""
        means = (self._dice / self._present).tolist()  # 0 / 0 is NaN
        return {index + 1: round(mean, 4) for index, mean in enumerate(means)}


class ProgressReport:
    """Writes a run's progress to its job folder.

    Args:
        job: Where to write.
        config: The run's config.
    """

    def __init__(self, job: JobFolder, config: FinetuneConfig) -> None:
        self.job = job
        self.config = config
        self._run: RunState | None = None
        self._written = -math.inf
        self._waited = 0.0
        self._checkpoint = ""

    def start(self, run: RunState) -> None:
        """Say that the run goes on from here."""
        self._run = run
        self._start_step, self._start_seconds = run.step, run.seconds
        self._row_step = run.step
        self._means = self._shown = IntervalMeans(run.classes - 1)
        trained = sum(weight.numel() for weight in run.network.parameters() if weight.requires_grad)
        self.job.log(f"Training {self.config.network} from step {run.step}, {trained / 1e6:.2f} M trainable parameters")
        self._write_state("running")

    def update(self, run: RunState, result: StepResult, waited: float) -> None:
        """Take in one step, with the seconds that it waited for data; write what is due."""
        self._waited += waited
        if result.taken:
            self._means.add(result)
        else:
            self.job.log(f"Step {run.step} skipped: loss or gradient not finite ({run.skipped} so far)")
        is_row_due = run.step % self.config.log_every == 0
        if is_row_due:
            self._write_row(run)
        if is_row_due or time.monotonic() - self._written >= _STATE_EVERY_S:
            self._write_state("running")

    def saved(self, checkpoint: Path) -> None:
        """Note the newest checkpoint."""
        self._checkpoint = checkpoint.name

    def close(self, status: str, reason: str = "") -> None:
        """Say how the session ended: finished, stopped or failed."""
        step = "before the first step"
        if self._run is not None:
            step = f"at step {self._run.step}"
            if self._run.step > self._row_step:
                self._write_row(self._run)
        self._write_state(status, reason)
        self.job.log(f"{status.capitalize()} {step}{': ' + reason if reason else ''}")

    def _write_state(self, status: str, reason: str = "") -> None:
        figures = self._figures(self._run) if self._run is not None else {}
        self.job.write_state({"status": status, "reason": reason, **figures})
        self._written = time.monotonic()

    def _figures(self, run: RunState) -> dict[str, object]:
        pace = (run.step - self._start_step) / max(run.seconds - self._start_seconds, 1e-9)
        if self.config.steps is not None:
            left = (self.config.steps - run.step) / pace if pace > 0 else None
        else:
            left = 60.0 * (self.config.minutes or 0.0) - run.seconds
        known = {name: value for name, value in self._shown.figures().items() if not math.isnan(value)}
        dice = {str(label): value for label, value in self._shown.dice().items() if not math.isnan(value)}
        return {"step": run.step, "steps": self.config.steps, "progress": min(run.progress(self.config), 1.0),
                "seconds": round(run.seconds, 2), "eta_seconds": None if left is None else max(round(left, 1), 0.0),
                "samples_per_second": round(pace * self.config.batch, 4), "data_wait_seconds": round(self._waited, 2),
                "learning_rate": run.optimizer.param_groups[0]["lr"], "skipped": run.skipped, **known, "dice": dice,
                "checkpoint": self._checkpoint}

    def _write_row(self, run: RunState) -> None:
        figures = {name: round(value, 5) for name, value in self._means.figures().items()}
        dice = {f"dice_{label}": value for label, value in self._means.dice().items()}
        self.job.append_metrics({
            "step": run.step, "seconds": round(run.seconds, 2), "learning_rate": run.optimizer.param_groups[0]["lr"],
            **figures, "skipped": run.skipped, "data_wait_seconds": round(self._waited, 2), **dice})
        self._row_step = run.step
        self._shown, self._means = self._means, IntervalMeans(run.classes - 1)
