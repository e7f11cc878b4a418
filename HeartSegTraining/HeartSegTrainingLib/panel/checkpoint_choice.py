"""Which checkpoint of a job becomes a model: the newest, the one that is best on other cases, or any that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from HeartSeg3DLib.scene.text import _
from HeartSegTrainingLib.scene.job_control import BEST, NEWEST
from HeartSegTrainingLib.worker.job_wish import checkpoint_name


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
        """NEWEST, BEST or the name of a checkpoint."""
        return str(self._selector.itemData(self._selector.currentIndex) or NEWEST) if self._selector.count else NEWEST

    def show(self, job: Any, best: int | None, kept: Sequence[int] = ()) -> None:
        """Offer the checkpoints of a job.

        Args:
            job: JobSummary, None where none can become a model.
            best: Step of its best checkpoint, None without one.
            kept: Steps of its checkpoints, newest first.
        """
        items = [] if job is None else _items(job.step, best, kept)
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


def _items(step: int | None, best: int | None, kept: Sequence[int]) -> list[tuple[str, str]]:
    """What there is to choose from; nothing where there is the newest alone.

    The newest is named by the step of its file: a job that runs is ahead of its newest checkpoint.
    """
    items = [(_("newest, step {step}").format(step=kept[0] if kept else step), NEWEST)]
    if best is not None:
        items.append((_("best on other cases, step {step}").format(step=best), BEST))
    items += [(_("step {step}").format(step=other), checkpoint_name(other)) for other in kept[1:]]
    return items if len(items) > 1 else []
