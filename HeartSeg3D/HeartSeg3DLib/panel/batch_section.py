"""The section that segments many scans, one after the other; a failing one does not stop the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ctk

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.panel.context import PanelContext
from HeartSeg3DLib.panel.run_choices import RunChoices
from HeartSeg3DLib.panel.tables import fill_table
from HeartSeg3DLib.scene.text import _

SCENE, SELECTED, FOLDER = "scene", "selected", "folder"


class BatchSection:
    """Lists scans with the state of each.

    Args:
        context: The panel's widgets and collaborators.
        choices: Model, quality and device, the same as for one scan.
    """

    def __init__(self, context: PanelContext, choices: RunChoices) -> None:
        self._context = context
        self._choices = choices
        self._batch: Any = None
        self._shown: list[tuple[str, str]] = []
        ui = context.ui
        for text, source in ((_("All volumes of the scene"), SCENE), (_("Selected in the Data module"), SELECTED),
                             (_("Files in a folder"), FOLDER)):
            ui.batchSource.addItem(text, source)
        for path in (ui.batchFolder, ui.batchOutput):
            path.filters = ctk.ctkPathLineEdit.Dirs
        ui.batchSource.connect("currentIndexChanged(int)", self._show_choices)
        ui.batchStartButton.connect("clicked()", self.start)
        ui.batchCancelButton.connect("clicked()", self.cancel)
        self._show_choices()

    def start(self) -> None:
        """Segment every scan of the chosen source."""
        ui, batches = self._context.ui, self._context.services.batch
        try:
            jobs = self._jobs()
            output = Path(ui.batchOutput.currentPath) if self._source() == FOLDER else None
            self._batch = batches.Batch(jobs, self._choices.settings(), output)
            self._batch.start()
        except HeartSegError as error:
            self._batch = None
            ui.batchSummaryLabel.text = str(error)
            return
        ui.batchSummaryLabel.text = ""
        self._show_jobs()
        self._show_choices()
        self._context.pump.start(self._step)

    def cancel(self) -> None:
        """Stop; what is done stays."""
        if self._batch is not None:
            self._batch.cancel()

    def abandon(self) -> None:
        """Stop without a word, because scene or module close."""
        if self._batch is not None:
            self._batch.cancel()
            self._forget()

    def _step(self) -> bool:
        if self._batch is None:
            return True
        self._batch.step()
        self._show_jobs()
        if not self._batch.finished:
            return False
        self._context.ui.batchSummaryLabel.text = self._batch.summary()
        self._forget()
        return True

    def _forget(self) -> None:
        self._batch = None
        self._context.pump.stop(self._step)
        self._show_choices()

    def _jobs(self) -> Any:
        batches = self._context.services.batch
        source = self._source()
        if source == FOLDER:
            return batches.folder_jobs(Path(self._context.ui.batchFolder.currentPath))
        return batches.selected_jobs() if source == SELECTED else batches.scene_jobs()

    def _source(self) -> str:
        selector = self._context.ui.batchSource
        return str(selector.itemData(selector.currentIndex))

    def _show_choices(self) -> None:
        ui = self._context.ui
        files, running = self._source() == FOLDER, self._batch is not None
        for widget in (ui.batchFolder, ui.batchOutput, ui.batchFormLabel1, ui.batchFormLabel2):
            widget.visible = files
        for widget in (ui.batchFolder, ui.batchOutput, ui.batchSource, ui.batchStartButton):
            widget.enabled = not running
        ui.batchCancelButton.enabled = running
        ui.batchTable.visible = bool(self._shown)

    def _show_jobs(self) -> None:
        rows = [(job.name, _state_text(job)) for job in self._batch.jobs]
        if rows == self._shown:
            return
        self._shown = rows
        table = self._context.ui.batchTable
        fill_table(table, [_("Scan"), _("State")], rows)
        for number, job in enumerate(self._batch.jobs):
            table.item(number, 1).setToolTip(job.message)


def _state_text(job: Any) -> str:
    if job.state == "running":
        return f"{round(100 * job.fraction)} %"
    return {"waiting": _("waiting"), "done": _("✔ done"), "warning": _("⚠ done, check it"), "failed": _("✘ failed"),
            "cancelled": _("cancelled")}[job.state]
