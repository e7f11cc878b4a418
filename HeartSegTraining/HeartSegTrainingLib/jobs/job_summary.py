"""How a job is doing, as a list shows it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class JobSummary:
    """How a job is doing.

    Attributes:
        folder: Its job folder.
        name: The folder's name.
        kind: Kind of training.
        state: new, queued, starting, running, stopped, finished, failed, silent (says that it runs, and no process
            holds the folder), or gone (the folder is not there any more).
        step: Steps done, None before the first.
        steps: Length in steps, None for a run that goes by time.
        progress: Share that is done, 0 to 1.
        eta_seconds: Time left, None if unknown.
        loss: Mean of the last interval, None if unknown.
        dice: Dice by class, as the last interval's training samples gave it.
        reason: Why it does not run, in words.
        updated: When it spoke last, local time in ISO 8601.
        quiet_seconds: Seconds since then; 0 where the clock was set back.
        state_file: All else that it said: state.json as it is.
    """

    folder: Path
    name: str
    kind: str = ""
    state: str = "new"
    step: int | None = None
    steps: int | None = None
    progress: float = 0.0
    eta_seconds: float | None = None
    loss: float | None = None
    dice: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    updated: str = ""
    quiet_seconds: float = 0.0
    state_file: dict[str, Any] = field(default_factory=dict)

    @property
    def mean_dice(self) -> float | None:
        """Mean over the classes."""
        return sum(self.dice.values()) / len(self.dice) if self.dice else None

    @property
    def is_active(self) -> bool:
        """Whether a process works on it."""
        return self.state in ("running", "starting")

    @property
    def can_resume(self) -> bool:
        """Whether there is something left to do."""
        return self.state in ("stopped", "failed", "silent", "new")

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {**asdict(self), "folder": str(self.folder), "mean_dice": self.mean_dice}
