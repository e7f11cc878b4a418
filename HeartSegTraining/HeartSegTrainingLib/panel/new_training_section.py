"""The section that starts a training: stage, data, weights to start from, recipe with its estimate."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.panel.message_area import DONE, INFO
from HeartSeg3DLib.scene.text import _
from HeartSegTrainingLib.panel.data_section import DataSection
from HeartSegTrainingLib.panel.job_words import stage_name
from HeartSegTrainingLib.panel.training_context import TrainingContext, message_area
from HeartSegTrainingLib.worker.job_wish import Wish


class NewTrainingSection:
    """Starts one job at a time.

    Args:
        context: The panel's widgets and collaborators.
        started: Called with the folder of a job that has begun to train or failed to.
    """

    def __init__(self, context: TrainingContext, started: Callable[[Any], None]) -> None:
        self._context, self._started = context, started
        self.messages = message_area(context.ui, "new")
        self.data = DataSection(context, self.messages, self.have_dependencies, self._choice_changed)
        self._start: Any = None
        self._estimate: Any = None
        self._began = 0.0
        self._jobs: list[Any] = []
        self._filling = False
        ui, services = context.ui, context.services
        stages = services.training_wish.STAGES
        self._fill(ui.stageSelector, [(stage_name(stage), stage) for stage in stages], "stage")
        self._fill(ui.recipeSelector, [(recipe.name, recipe.name) for recipe in
                                       services.training_wish.recipe_choices()], "recipe")
        self._fill(ui.deviceSelector, [(device.title, device.value) for device in
                                       services.training_wish.device_choices()], "device")
        ui.stageSelector.connect("currentIndexChanged(int)", lambda _index: self._stage_chosen())
        for selector in (ui.recipeSelector, ui.startSelector, ui.deviceSelector):
            selector.connect("currentIndexChanged(int)", lambda _index: self._choice_changed())
        ui.startButton.connect("clicked()", self.start)
        ui.estimateButton.connect("clicked()", self.estimate)
        self._stage_chosen()

    @property
    def running(self) -> bool:
        """Whether a job is being started."""
        return self._start is not None

    def show_jobs(self, jobs: list[Any]) -> None:
        """Offer the weights of these jobs to start from."""
        if [(job.folder, job.state) for job in jobs] != [(job.folder, job.state) for job in self._jobs]:
            self._jobs = list(jobs)
            self._fill_starts()

    def refresh(self) -> None:
        """Show whether a start is possible, and why not."""
        ui, data = self._context.ui, self.data
        busy = self.running or data.running
        reason = self._reason()
        ui.startButton.enabled = not reason and not busy
        ui.estimateButton.enabled = not reason and not busy
        ui.estimateButton.text = _("Cancel") if self._estimate is not None else _("Estimate")
        ui.reasonLabel.text = reason
        ui.reasonLabel.visible = bool(reason) and not busy
        for widget in (ui.stageSelector, ui.recipeSelector, ui.startSelector, ui.deviceSelector, ui.nameEdit):
            widget.enabled = not busy
        ui.estimateLabel.visible = bool(ui.estimateLabel.text)

    def show_dependencies(self) -> bool:
        """Say what is missing, if anything; returns True if nothing is."""
        dependencies = self._context.services.training_dependencies
        if dependencies.state() == "ready":
            return True
        self.messages.show(INFO, dependencies.explanation(), remedy=(_("Install"), self._install_and_tell))
        return False

    def have_dependencies(self) -> bool:
        """Install what is missing after a question; returns whether everything is there."""
        dependencies = self._context.services.training_dependencies
        if dependencies.state() == "ready":
            return True
        if dependencies.install(lambda text: self._context.questions.confirm(text, _("Install"))):
            return True
        self.messages.show(INFO, _("Nothing was installed.") + " " + dependencies.explanation(),
                           remedy=(_("Install"), self._install_and_tell))
        return False

    def start(self) -> None:
        """Start what is chosen."""
        ui = self._context.ui
        try:
            if not self.have_dependencies():
                return
            self._start = self._context.logic.startJob(self._wish(), ui.nameEdit.text.strip() or self._kind())
        except HeartSegError as error:
            self.messages.show_error(error)
            return
        self._remember()
        self._began = time.monotonic()
        self.messages.clear()
        self.refresh()
        self._context.pump.start(self._step)

    def estimate(self) -> None:
        """Measure what the chosen training would take, or stop to."""
        if self._estimate is not None:
            self._forget_estimate("")
            return
        try:
            if not self.have_dependencies():
                return
            self._estimate = self._context.services.training_estimate.ask_for_estimate(self._wish())
        except HeartSegError as error:
            self.messages.show_error(error)
            return
        self._began = time.monotonic()
        self.messages.clear()
        self._context.ui.estimateLabel.text = _("Measuring a few steps…")
        self.refresh()
        self._context.pump.start(self._step_estimate)

    def abandon(self) -> None:
        """Stop what goes on without a word, because the module closes; a job that was started goes on."""
        self.data.abandon()
        if self._start is not None:
            self._start.cancel()
            self._start = None
            self._context.pump.stop(self._step)
        self._forget_estimate("")

    def _step(self) -> bool:
        start = self._start
        if start is None:
            return True
        start.step()
        if not start.finished:
            self._say(f"{start.stage}, {time.monotonic() - self._began:.0f} s")
            return False
        self._start = None
        self._say("")
        if start.error is not None:
            self.messages.show_error(start.error)
        else:
            self.messages.show(DONE, _("{name} is training. It goes on when 3D Slicer is closed.").format(
                name=start.folder.name) + "".join(f" {note}" for note in start.notes))
            self._suggest_name()
        self._started(start.folder)
        self.refresh()
        return True

    def _step_estimate(self) -> bool:
        request = self._estimate
        if request is None:
            return True
        if not request.step():
            self._say(f"{request.stage or _('Measuring a few steps')}, {time.monotonic() - self._began:.0f} s")
            return False
        self._estimate = None
        if request.error is not None:
            self._say("")
            self.messages.show_error(request.error)
        else:
            self._say(self._context.services.training_estimate.estimate_sentence(request.result["estimate"]))
        self.refresh()
        return True

    def _forget_estimate(self, text: str) -> None:
        if self._estimate is not None:
            self._estimate.close()
            self._estimate = None
            self._context.pump.stop(self._step_estimate)
        self._say(text)
        self.refresh()

    def _say(self, text: str) -> None:
        self._context.ui.estimateLabel.text = text
        self._context.ui.estimateLabel.visible = bool(text)

    def _reason(self) -> str:
        if reason := self.data.reason():
            return reason
        if self._context.ui.startSelector.count == 0:
            return _("Refining goes on from a pretraining job: run one first.")
        return ""

    def _wish(self) -> Wish:
        ui = self._context.ui
        index, store = self.data.files()
        device = _chosen(ui.deviceSelector)
        return Wish(self._kind(), _chosen(ui.recipeSelector), index, store, _chosen(ui.startSelector),
                    {"device": device} if device else None)

    def _kind(self) -> str:
        return _chosen(self._context.ui.stageSelector)

    def _stage_chosen(self) -> None:
        self._fill_starts()
        self._suggest_name()
        self._context.ui.stageLabel.text = {
            "finetune": _("Learns to segment from corrected segmentations."),
            "ssl": _("Learns what hearts look like, from scans without segmentations."),
            "ressl": _("Goes on pretraining on CT and MRI together."),
        }[self._kind()]
        self._choice_changed()

    def _choice_changed(self) -> None:
        if self._filling:
            return
        ui = self._context.ui
        purposes = {recipe.name: recipe.purpose for recipe in self._context.services.training_wish.recipe_choices()}
        ui.recipeLabel.text = purposes.get(_chosen(ui.recipeSelector), "")
        if not self.running:
            self._forget_estimate("")

    def _suggest_name(self) -> None:
        self._context.ui.nameEdit.text = f"{self._kind()}-{time.strftime('%Y-%m-%d')}"

    def _fill_starts(self) -> None:
        choices = self._context.services.training_wish.start_choices(self._kind(), self._jobs)
        self._fill(self._context.ui.startSelector, [(choice.title, choice.value) for choice in choices], "start")
        self._choice_changed()

    def _fill(self, selector: Any, items: list[tuple[str, str]], choice: str) -> None:
        """Fill a selector and keep what is chosen in it, or take what was chosen in the last session."""
        wanted = _chosen(selector) or self._context.services.job_settings.remembered(choice)
        self._filling = True
        selector.clear()
        for text, data in items:
            selector.addItem(text, data)
        selector.setCurrentIndex(max(selector.findData(wanted), 0) if items else -1)
        self._filling = False

    def _remember(self) -> None:
        ui = self._context.ui
        self._context.services.job_settings.remember(
            stage=self._kind(), recipe=_chosen(ui.recipeSelector), start=_chosen(ui.startSelector),
            device=_chosen(ui.deviceSelector), index=ui.indexPath.currentPath, store=ui.storePath.currentPath)

    def _install_and_tell(self) -> None:
        try:
            if self.have_dependencies():
                self.messages.show(DONE, _("Installed. Training is ready."))
        except HeartSegError as error:
            self.messages.show_error(error)


def _chosen(selector: Any) -> str:
    return str(selector.itemData(selector.currentIndex) or "") if selector.count else ""
