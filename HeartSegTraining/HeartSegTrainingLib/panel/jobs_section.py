"""The section that lists the jobs: state, time left and curves, and what can be done with the selected one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.panel.desktop import open_path
from HeartSeg3DLib.panel.message_area import DONE, INFO
from HeartSeg3DLib.panel.tables import fill_table
from HeartSeg3DLib.scene.text import _
from HeartSegTrainingLib.panel.chart_picture import chart_picture
from HeartSegTrainingLib.panel.checkpoint_choice import CheckpointChoice
from HeartSegTrainingLib.panel.job_words import sentence_of, stage_name, state_text
from HeartSegTrainingLib.panel.table_height import fit_height
from HeartSegTrainingLib.panel.training_context import TrainingContext, message_area

LOOK_EVERY_MS = 2000

_NARROWEST = 150
"""Width of a curve in pixels before the panel has found its size."""


class JobsSection:
    """Looks at the jobs every two seconds while the module is in view.

    Args:
        context: The panel's widgets and collaborators.
        seen: Called with all jobs after each look.
    """

    def __init__(self, context: TrainingContext, seen: Callable[[list[Any]], None]) -> None:
        self._context, self._seen = context, seen
        self.messages = message_area(context.ui, "job")
        self._watch = context.services.job_watch.JobWatch()
        self._jobs: list[Any] = []
        self._folder: Path | None = None
        self._rows: list[Any] = []
        self._drawn: Any = None
        self._filling = False
        self._resume: Any = None
        self._model: Any = None
        self._checkpoint = CheckpointChoice(context.ui.checkpointSelector)
        self._timer = qt.QTimer(context.form)
        self._timer.setInterval(LOOK_EVERY_MS)
        self._timer.connect("timeout()", self.look)
        ui = context.ui
        ui.jobsTable.connect("itemSelectionChanged()", self._row_chosen)
        for button, action in ((ui.stopButton, self.stop), (ui.resumeButton, self.resume),
                               (ui.useModelButton, self.use_model), (ui.plotButton, self.plot),
                               (ui.folderButton, self._open_folder), (ui.forgetButton, self.forget)):
            button.connect("clicked()", action)
        ui.logButton.connect("toggled(bool)", lambda _on: self._show_log())
        if remembered := context.services.job_settings.remembered("job"):
            self._folder = Path(remembered)
        self._show()

    @property
    def job(self) -> Any:
        """The selected job, None without one."""
        return next((job for job in self._jobs if job.folder == self._folder), None)

    def enter(self) -> None:
        """The module comes into view."""
        self._timer.start()
        self.look()

    def leave(self) -> None:
        """The module goes out of view; jobs go on, and nobody looks at them."""
        self._timer.stop()

    def close(self) -> None:
        """The module is unloaded: nothing may call back any more."""
        self._timer.stop()
        self._context.pump.stop(self._step)
        self._context.pump.stop(self._step_resume)
        self._context.pump.stop(self._step_model)
        if self._model is not None:
            self._model.close()
        self._model = self._resume = None

    def look(self) -> None:
        """Look at all jobs, in a thread."""
        if self._context.services.training_dependencies.state() == "ready":
            self._watch.look(self._folder)
            self._context.pump.start(self._step)

    def select(self, folder: Path) -> None:
        """Show a job, and look at it at once."""
        self._folder = folder.resolve()
        self._context.services.job_settings.remember(job=str(self._folder))
        self._drawn = None
        self._show()
        self.look()

    def stop(self) -> None:
        """Ask the job to write a checkpoint and end."""
        if self._try(lambda: self._context.logic.stop(self._folder)):
            self.messages.show(INFO, _("It finishes its step, writes a checkpoint and stops."))

    def resume(self) -> None:
        """Go on with the job from its newest checkpoint."""
        def begin() -> None:
            self._resume = self._context.logic.startResume(self._folder)

        if self._try(begin):
            self.messages.show(INFO, _("Starting the job…"))
            self._context.pump.start(self._step_resume)

    def use_model(self) -> None:
        """Install the chosen checkpoint as a model of HeartSeg3D."""
        def begin() -> None:
            self._model = self._context.services.job_control.use_model(self._folder, self._checkpoint.chosen)

        if self._try(begin):
            self.messages.show(INFO, _("Making a model of the checkpoint…"))
            self._context.pump.start(self._step_model)

    def plot(self) -> None:
        """Show the curves large, and keep them up to date from then on."""
        plot = self._context.services.curve_plot
        plot.show_plot(plot.store_plot(self.job.name, self._charts()))

    def forget(self) -> None:
        """Take the job off the list."""
        self._try(lambda: self._context.services.job_control.forget(self._folder))

    def _try(self, action: Callable[[], None]) -> bool:
        """Do something with the selected job and look at once what became of it; a failure is a message."""
        try:
            action()
        except HeartSegError as error:
            self.messages.show_error(error)
            return False
        self.messages.clear()
        self._show_buttons()
        self.look()
        return True

    def _step(self) -> bool:
        if not self._watch.step():
            return False
        seen = self._watch.seen
        if seen.error is not None:
            self.messages.show_error(seen.error)
            return True
        self._jobs = list(seen.jobs)
        if self.job is None and self._jobs:
            self._folder = self._jobs[0].folder
        self._show()
        self._seen(self._jobs)
        if self._folder is None or seen.chosen == self._folder:
            return True
        self._watch.look(self._folder)  # another job's curves were read
        return False

    def _step_resume(self) -> bool:
        resume = self._resume
        if resume is None:
            return True
        resume.step()
        if not resume.finished:
            return False
        self._resume = None
        if resume.error is not None:
            self.messages.show_error(resume.error)
        else:
            self.messages.show(DONE, _("{name} goes on.").format(name=resume.folder.name))
        self._show_buttons()
        self.look()
        return True

    def _step_model(self) -> bool:
        request = self._model
        if request is None:
            return True
        if not request.step():
            return False
        self._model = None
        if request.error is not None:
            self.messages.show_error(request.error)
        else:
            id = request.result["id"]
            self.messages.show(DONE, _("'{title}' is a model of HeartSeg3D now.").format(title=request.result["title"]),
                               remedy=(_("Open HeartSeg3D"), lambda: self._open_with_model(id)))
        self._show_buttons()
        return True

    def _open_with_model(self, id: str) -> None:
        try:
            self._context.services.heartseg3d.open_with_model(id)
        except HeartSegError as error:
            self.messages.show_error(error)

    def _row_chosen(self) -> None:
        row = self._context.ui.jobsTable.currentRow()
        if not self._filling and 0 <= row < len(self._jobs):
            self.messages.clear()
            self.select(self._jobs[row].folder)

    def _open_folder(self) -> None:
        open_path(self._folder)

    def _show(self) -> None:
        ui, job = self._context.ui, self.job
        ui.jobsRow.visible = bool(self._jobs)
        ui.noJobsLabel.visible = not self._jobs
        self._show_table()
        ui.jobLabel.text = sentence_of(job) if job is not None else ""
        ui.jobLabel.visible = bool(ui.jobLabel.text)
        self._show_curves()
        self._show_buttons()
        self._show_log()

    def _show_table(self) -> None:
        duration = self._context.services.training_estimate.duration
        rows = [(job.name, stage_name(job.kind), state_text(job),
                 duration(job.eta_seconds) if job.eta_seconds is not None else "") for job in self._jobs]
        table = self._context.ui.jobsTable
        self._filling = True
        if rows != self._rows:
            self._rows = rows
            fill_table(table, [_("Job"), _("Stage"), _("State"), _("Time left")], rows)
            for number, job in enumerate(self._jobs):
                table.item(number, 0).setToolTip(str(job.folder))
            fit_height(table)
        chosen = next((number for number, job in enumerate(self._jobs) if job.folder == self._folder), -1)
        if chosen != table.currentRow():
            table.setCurrentCell(chosen, 0)
        self._filling = False

    def _charts(self) -> list[Any]:
        curves = self._context.services.curves
        found = curves.loss_chart(self._columns()), curves.quality_chart(self._columns())
        return [chart for chart in found if chart is not None]

    def _columns(self) -> Any:
        seen = self._watch.seen
        return seen.columns if self.job is not None and seen.chosen == self._folder else {}

    def _show_curves(self) -> None:
        ui, columns = self._context.ui, self._columns()
        ui.curvesRow.visible = bool(columns)
        if not columns:
            return
        state = id(columns), self._folder, ui.curvesRow.width
        if state == self._drawn:
            return
        self._drawn = state
        curves = self._context.services.curves
        charts = (curves.loss_chart(columns), curves.quality_chart(columns))
        for label, chart in zip((ui.lossCurve, ui.diceCurve), charts, strict=True):
            label.visible = chart is not None
            if chart is not None:
                width = max(ui.curvesRow.width // 2 - 4, _NARROWEST)
                label.setPixmap(chart_picture(chart, width, label.minimumHeight, label))
        if self._context.services.curve_plot.is_shown():
            self._context.services.curve_plot.store_plot(self.job.name, self._charts())

    def _show_buttons(self) -> None:
        ui, job = self._context.ui, self.job
        busy = self._resume is not None
        ui.stopButton.enabled = job is not None and job.is_active and not busy
        ui.resumeButton.enabled = job is not None and job.can_resume and not busy
        makes_model = job is not None and job.kind == "finetune" and bool(job.state_file.get("checkpoint"))
        ui.useModelButton.enabled = makes_model and self._model is None
        ui.useModelButton.toolTip = (
            _("Only fine-tuning makes models that segment.") if job is not None and job.kind != "finetune"
            else _("Make a model of a checkpoint and install it; the job goes on."))
        seen = self._watch.seen
        best, kept = (seen.best, seen.kept) if seen.chosen == self._folder else (None, ())
        self._checkpoint.show(job if makes_model else None, best, kept)
        ui.plotButton.enabled = bool(self._columns())
        ui.forgetButton.enabled = job is not None and not job.is_active
        for button in (ui.logButton, ui.folderButton):
            button.enabled = job is not None and job.state != "gone"

    def _show_log(self) -> None:
        ui = self._context.ui
        ui.logText.visible = ui.logButton.checked and self.job is not None
        if not ui.logText.visible:
            return
        text = self._context.logic.log(self._folder)
        if text != ui.logText.plainText:
            ui.logText.setPlainText(text)
            ui.logText.verticalScrollBar().setValue(ui.logText.verticalScrollBar().maximum)
