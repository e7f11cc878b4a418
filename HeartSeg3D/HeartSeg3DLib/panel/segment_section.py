"""The section that segments: from the scan to the shown result, and every state on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.panel import message_area
from HeartSeg3DLib.panel.context import PanelContext
from HeartSeg3DLib.panel.questions import CANCEL, COPY, REPLACE
from HeartSeg3DLib.panel.result_summary import details_of, headline
from HeartSeg3DLib.panel.run_choices import RunChoices
from HeartSeg3DLib.scene.text import _

FINISHED = ("done", "failed", "cancelled")


class SegmentSection:
    """Starts, shows and stops one segmentation at a time.

    Args:
        context: The panel's widgets and collaborators.
        before_update: Called right before a run changes an existing result.
    """

    def __init__(self, context: PanelContext, before_update: Callable[[], None]) -> None:
        self._context = context
        self._before_update = before_update
        self._run: Any = None
        self._started = 0.0
        self.choices = RunChoices(context, self.show_dependencies)
        ui = context.ui
        ui.segmentButton.connect("clicked()", self.start)
        ui.cancelButton.connect("clicked()", self.cancel)
        ui.sampleButton.connect("clicked()", self._load_sample)
        ui.progressRow.visible = False

    @property
    def running(self) -> bool:
        """True while a segmentation goes on."""
        return self._run is not None

    def refresh(self) -> None:
        """Show whether a run is possible, and why not."""
        ui = self._context.ui
        reason = self._reason_against_a_run()
        ui.emptyRow.visible = not self.running and ui.scanSelector.nodeCount() == 0
        ui.segmentButton.enabled = not reason
        ui.segmentButton.toolTip = reason or _("Segment the heart in this scan.")
        # Nobody hovers over a gray button to learn why it is gray.
        ui.reasonLabel.text = reason
        ui.reasonLabel.visible = bool(reason) and not self.running and ui.scanSelector.currentNode() is not None
        ui.cancelButton.enabled = self.running
        for selector in (ui.scanSelector, ui.resultSelector):
            selector.enabled = not self.running
        self.choices.enable(not self.running)
        self.choices.show_times()

    def show_dependencies(self) -> bool:
        """Say what is missing, if anything; returns True if nothing is."""
        dependencies = self._context.services.dependencies
        if dependencies.state() == "ready":
            return True
        self._context.messages.show(
            message_area.INFO, dependencies.explanation(), remedy=(_("Install"), self._install_and_tell)
        )
        return False

    def start(self) -> None:
        """Segment the chosen scan, after the questions that must be asked."""
        parameters = self._context.parameters
        try:
            # Both questions wait for an answer while Slicer goes on: the scene may close, and with it the question.
            if not self._have_dependencies() or self._context.parameters is not parameters:
                return
            target = parameters.result
            answer = self._what_to_do_with(target)
            if answer == CANCEL or self._context.parameters is not parameters:
                return
            self._context.messages.clear()
            self._run = self._context.logic.startSegmentation(
                parameters.scan, target, keep_edits_as_copy=answer == COPY, before_update=self._before_update,
                **self.choices.settings(),
            )
        except HeartSegError as error:
            self._context.messages.show_error(error)
            return
        self.choices.remember()
        self._started = time.monotonic()
        self._context.ui.progressRow.visible = True
        self._show_progress()
        self.refresh()
        self._context.pump.start(self._step)

    def cancel(self) -> None:
        """Stop the run; the next step shows that it has stopped."""
        if self._run is not None:
            self._run.cancel()

    def abandon(self) -> None:
        """Stop the run without a word, because scene or module close."""
        if self._run is not None:
            self._run.cancel()
            self._forget_run()

    def _step(self) -> bool:
        run = self._run
        if run is None:
            return True
        run.step()
        self._show_progress()
        if run.state not in FINISHED:
            return False
        self._forget_run()
        self._show_outcome(run)
        self.refresh()
        return True

    def _forget_run(self) -> None:
        self._run = None
        self._context.pump.stop(self._step)
        self._context.ui.progressRow.visible = False

    def _show_progress(self) -> None:
        ui, run = self._context.ui, self._run
        ui.progressBar.value = round(100 * run.fraction)
        ui.stageLabel.text = f"{run.stage}, {time.monotonic() - self._started:.0f} s" if run.stage else ""

    def _show_outcome(self, run: Any) -> None:
        messages = self._context.messages
        if run.state == "cancelled":
            messages.show(message_area.INFO, _("Cancelled. The scene is as it was before."))
        elif run.state == "failed":
            # The child notices a broken PyTorch first; the panel can put it right.
            works = self._context.services.dependencies.state() == "ready"
            remedy = None if works else (_("Install again"), self._install_and_tell)
            messages.show_error(run.error, run.report_text, details=getattr(run.error, "detail", ""), remedy=remedy)
        else:
            parameters = self._context.parameters
            seconds_a_phase = run.seconds / len(run.frames)
            self._context.services.settings.remember_run(parameters.quality, parameters.device, seconds_a_phase)
            text, concerned = headline(run.seconds, run.segmentation, run.warnings)
            kind = message_area.WARNING if concerned else message_area.DONE
            messages.show(kind, text, details=details_of(run.segmentation, run.warnings), report=run.report_text)
            if parameters.result is run.segmentation:
                self._context.tell_result_changed()
            else:
                parameters.result = run.segmentation

    def _reason_against_a_run(self) -> str:
        parameters = self._context.parameters
        if self.running:
            return _("A run is going on.")
        if parameters is None or parameters.scan is None:
            return _("Select a scan first.")
        if self._context.ui.modelSelector.count == 0:
            return _("No model is installed: import one in the section Models.")
        try:
            self._context.services.volumes.scan_of(parameters.scan)
        except HeartSegError as error:
            return str(error)
        return ""

    def _have_dependencies(self) -> bool:
        return self._context.services.dependencies.state() == "ready" or self._install()

    def _install(self) -> bool:
        dependencies = self._context.services.dependencies
        installed = dependencies.install(lambda text: self._context.questions.confirm(text, _("Install")))
        if not installed:
            self._context.messages.show(
                message_area.INFO,
                _("Nothing was installed.") + " " + dependencies.explanation(),
                remedy=(_("Install"), self._install_and_tell),
            )
            return False
        self.choices.ask_for_devices()
        return True

    def _install_and_tell(self) -> None:
        try:
            if self._install():
                self._context.messages.show(message_area.DONE, _("Installed. HeartSeg is ready."))
        except HeartSegError as error:
            self._context.messages.show_error(error)

    def _what_to_do_with(self, target: Any) -> str:
        """Return what a run does with the segmentation that it would change; asks if there is anything to lose."""
        if target is None or target.GetSegmentation().GetNumberOfSegments() == 0:
            return REPLACE
        edited = sorted(self._context.services.original.edited(target))
        names = [BY_ID[id].name if id in BY_ID else id for id in edited]
        return self._context.questions.replace_result(target.GetName(), names)

    def _load_sample(self) -> None:
        try:
            self._context.parameters.scan = self._context.services.sample_data.load_sample()
        except HeartSegError as error:
            self._context.messages.show_error(error)
        self.refresh()
