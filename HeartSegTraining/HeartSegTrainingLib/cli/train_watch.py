"""Shows how a run in this process is doing, as any other program would see it: from its job folder."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

from HeartSeg3DLib.cli.progress import ProgressDisplay

if TYPE_CHECKING:
    from HeartSegTrainingLib.jobs.job_folder import JobFolder

_LOOK_EVERY_S = 5.0


class StateWatch:
    """Follows state.json while it is entered.

    Args:
        progress: Where to show it.
    """

    def __init__(self, progress: ProgressDisplay) -> None:
        self._progress = progress
        self._done = threading.Event()
        self._job: JobFolder | None = None
        self._earlier = 0
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def follow(self, job: JobFolder) -> None:
        """Look at this job from now on; what it said before is of an earlier session."""
        self._earlier = job.state_file.stat().st_mtime_ns if job.state_file.exists() else 0
        self._job = job

    def last_state(self) -> dict[str, Any]:
        """What the job said last."""
        return (self._job.read_state() if self._job is not None else None) or {}

    def __enter__(self) -> StateWatch:
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_EVERY_S):
            job = self._job
            if job is not None and job.state_file.exists() and job.state_file.stat().st_mtime_ns != self._earlier:
                show_state(job.read_state() or {}, self._progress)


def show_state(state: dict[str, Any], progress: ProgressDisplay) -> None:
    """Show one state."""
    if "progress" in state:
        loss = f", loss {state['loss']:.3f}" if "loss" in state else ""
        progress(state["progress"], f"Step {state['step']}{loss}")
