"""How a run is doing: state.json for whoever looks now, metrics.csv for the curve, log.txt for the story."""

from __future__ import annotations

import math
import time

import torch

from HeartSegTrainingLib.finetuning.config import FinetuneConfig
from HeartSegTrainingLib.finetuning.job_folder import JobFolder
from HeartSegTrainingLib.finetuning.optimization import StepResult
from HeartSegTrainingLib.finetuning.run_state import RunState

_STATE_EVERY_S = 5.0


class ProgressReport:
    """Averages steps and writes them to a job folder.

    Args:
        job: Where to write.
        config: The run's config.
    """

    def __init__(self, job: JobFolder, config: FinetuneConfig) -> None:
        self.job = job
        self.config = config
        self._foreground = 0
        self._state: dict[str, object] = {"status": "running", "step": 0, "steps": config.steps}
        self._written = -math.inf
        self._session_steps = 0
        self._session_seconds = 0.0
        self._waited = 0.0
        self._clear()

    def start(self, state: RunState) -> None:
        """Say that the run goes on from here."""
        trained = sum(weight.numel() for weight in state.network.parameters() if weight.requires_grad)
        self.job.log(f"Training {self.config.network} ({trained / 1e6:.2f} M trainable parameters) "
                     f"from step {state.step}")
        self._seconds_before = state.seconds
        self._foreground = state.classes - 1
        self._clear()
        self._state["step"] = state.step
        self._write()

    def update(self, state: RunState, result: StepResult, waited: float) -> None:
        """Take in one step; write what is due."""
        self._session_steps += 1
        self._session_seconds = state.seconds - self._seconds_before
        self._waited += waited
        if result.taken:
            self._add(result)
        else:
            self.job.log(f"Step {state.step} skipped: loss or gradient not finite ({state.skipped} so far)")
        due = state.step % self.config.log_every == 0
        if due or time.monotonic() - self._written >= _STATE_EVERY_S:
            self._state |= self._figures(state)
            self._write()
        if due:
            self._write_metrics(state)
            self._clear()

    def close(self, status: str, reason: str = "") -> None:
        """Say how the session ended: finished, stopped or failed."""
        self._state |= {"status": status, "reason": reason}
        self._write()
        self.job.log(f"{status.capitalize()} at step {self._state['step']}{': ' + reason if reason else ''}")

    def _clear(self) -> None:
        self._count = 0
        self._sums: dict[str, float] = {}
        self._dice = torch.zeros(self._foreground)
        self._present = torch.zeros(self._foreground)

    def _add(self, result: StepResult) -> None:
        present = result.loss.present.cpu()
        self._count += 1
        self._dice += result.loss.dice.cpu() * present
        self._present += present
        values = {"loss": result.loss.total.detach(), "cross_entropy": result.loss.cross_entropy,
                  "gradient_norm": result.gradient_norm}
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)

    def _figures(self, state: RunState) -> dict[str, object]:
        means: dict[str, object] = {name: total / self._count for name, total in self._sums.items()}
        if self._count:
            means["dice"] = {str(index + 1): round(float(total / count), 4) for index, (total, count)
                             in enumerate(zip(self._dice, self._present, strict=True)) if count}
        done = state.progress(self.config)
        pace = self._session_steps / max(self._session_seconds, 1e-9)
        left = (self.config.steps - state.step) / pace if self.config.steps is not None \
            else 60.0 * (self.config.minutes or 0.0) - state.seconds
        return {"step": state.step, "steps": self.config.steps, "progress": min(done, 1.0),
                "seconds": state.seconds, "learning_rate": state.optimizer.param_groups[0]["lr"],
                "skipped": state.skipped, "samples_per_second": pace * self.config.batch, "data_wait_seconds": self._waited,
                "eta_seconds": max(left, 0.0), **means}

    def _write_metrics(self, state: RunState) -> None:
        row: dict[str, float | int] = {"step": state.step, "seconds": round(state.seconds, 2)}
        row |= {"learning_rate": state.optimizer.param_groups[0]["lr"]}
        row |= {name: round(self._sums.get(name, math.nan) / max(self._count, 1), 5)
                for name in ("loss", "cross_entropy", "gradient_norm")}
        row |= {"skipped": state.skipped, "data_wait_seconds": round(self._waited, 2)}
        for index, (total, count) in enumerate(zip(self._dice, self._present, strict=True)):
            row[f"dice_{index + 1}"] = round(float(total / count), 4) if count else math.nan
        self.job.append_metrics(row)

    def _write(self) -> None:
        self.job.write_state(self._state)
        self._written = time.monotonic()
