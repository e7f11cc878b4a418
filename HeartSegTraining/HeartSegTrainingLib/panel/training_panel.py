"""The panel as a whole: its two sections, and what happens when module or scene come and go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt

from HeartSeg3DLib.panel.observations import Observations
from HeartSeg3DLib.panel.pump import Pump
from HeartSeg3DLib.panel.questions import Questions
from HeartSegTrainingLib.panel.jobs_section import JobsSection
from HeartSegTrainingLib.panel.new_training_section import NewTrainingSection
from HeartSegTrainingLib.panel.training_context import TrainingContext
from HeartSegTrainingLib.panel.training_services import TrainingServices


class TrainingPanel:
    """Everything that the module shows.

    Args:
        form: The widget loaded from HeartSegTraining.ui.
        ui: Its named widgets as attributes.
        logic: HeartSegTrainingLogic.
        questions: Asks the user; dialogs by default.
        services: The rooms of `scene`; the real ones by default.
    """

    def __init__(self, form: Any, ui: Any, logic: Any, questions: Questions | None = None,
                 services: TrainingServices | None = None) -> None:
        self.context = TrainingContext(form, ui, logic, questions or Questions(form, "HeartSegTraining"),
                                       services or TrainingServices(), Pump(form))
        self.training = NewTrainingSection(self.context, self._job_started)
        self.jobs = JobsSection(self.context, self.training.show_jobs)
        self._observations = Observations()
        self._nodes_changed = qt.QTimer(form)
        self._nodes_changed.setSingleShot(True)
        self._nodes_changed.setInterval(0)
        self._nodes_changed.connect("timeout()", self._refresh)
        self._attach()

    def enter(self) -> None:
        """The module comes into view."""
        self._attach()
        self.training.show_dependencies()
        self._refresh()
        self.jobs.enter()

    def exit(self) -> None:
        """Another module comes into view; what is being prepared or started goes on."""
        self.jobs.leave()

    def scene_about_to_close(self) -> None:
        """Let go of every node; jobs go on."""
        self._detach()
        self.training.data.abandon()

    def cleanup(self) -> None:
        """The module is unloaded: nothing may call back any more; jobs go on."""
        self._detach()
        self.training.abandon()
        self.jobs.close()

    def _attach(self) -> None:
        if self._observations.active:
            return
        scene = self.context.form.mrmlScene()
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent):
            # A file that is being loaded adds its node before it fills it: look once Slicer has a moment.
            self._observations.add(scene, event, lambda _caller, _event: self._nodes_changed.start())

    def _detach(self) -> None:
        self._observations.remove_all()
        self._nodes_changed.stop()

    def _refresh(self) -> None:
        self.training.data.refresh()
        self.training.refresh()

    def _job_started(self, folder: Path) -> None:
        self.jobs.select(folder)
