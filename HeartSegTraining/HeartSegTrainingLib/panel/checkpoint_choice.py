"""Which checkpoint of a job becomes a model: the newest, or the one that is best on other cases."""

from __future__ import annotations

from typing import Any

from HeartSeg3DLib.scene.text import _
from HeartSegTrainingLib.scene.job_control import BEST, NEWEST


class CheckpointChoice:
    """A selector that is there where there is something to choose.

    Args:
        selector: QComboBox.
    """

    def __init__(self, selector: Any) -> None:
        self._selector = selector
        self._shown: list[tuple[str, str]] = []
        self._folder: Any = None
        self.show(None, None)

    @property
    def chosen(self) -> str:
        """NEWEST or BEST."""
        return str(self._selector.itemData(self._selector.currentIndex) or NEWEST) if self._selector.count else NEWEST

    def show(self, job: Any, best: int | None) -> None:
        """Offer the checkpoints of a job.

        Args:
            job: JobSummary, None where none can become a model.
            best: Step of its best checkpoint, None without one.
        """
        items = [] if job is None or best is None else [
            (_("newest, step {step}").format(step=job.step), NEWEST),
            (_("best on other cases, step {step}").format(step=best), BEST)]
        self._selector.visible = bool(items)
        folder = job.folder if job is not None else None
        if (items, folder) == (self._shown, self._folder):
            return
        wanted = self.chosen if folder == self._folder else NEWEST  # a choice holds for its job alone
        self._shown, self._folder = items, folder
        self._selector.clear()
        for text, which in items:
            self._selector.addItem(text, which)
        self._selector.setCurrentIndex(max(self._selector.findData(wanted), 0) if items else -1)
