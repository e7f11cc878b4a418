"""The section that meshes the result: from the choices to files, models in the scene, and a sentence on quality."""

from __future__ import annotations

import time
from typing import Any

import qt

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.panel.context import PanelContext
from HeartSeg3DLib.panel.desktop import open_path
from HeartSeg3DLib.panel.mesh_choices import MeshChoices
from HeartSeg3DLib.panel.message_area import DONE, FAILURE, INFO, WARNING, show_icon, show_lines
from HeartSeg3DLib.scene.mesh_quality import thousands
from HeartSeg3DLib.scene.text import _

_STRUCTURE, _QUALITY = "structure", "quality"


class MeshSection:
    """Makes one mesh at a time in the background."""

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self._segmentation: Any = None
        self._run: Any = None
        self._mesh: Any = None
        self._notes: tuple[str, ...] = ()
        self._report = ""
        self._volume_ml = 0.0
        self._expected: Any = None
        self._started = 0.0
        self.choices = MeshChoices(context, self.refresh)
        ui = context.ui
        for text, way in ((_("color of the structure"), _STRUCTURE), (_("quality of elements"), _QUALITY)):
            ui.meshColorSelector.addItem(text, way)
        ui.meshButton.connect("clicked()", self.start)
        ui.meshCancelButton.connect("clicked()", self.cancel)
        ui.meshAcceptButton.connect("clicked()", lambda: self._answer(True))
        ui.meshRefuseButton.connect("clicked()", lambda: self._answer(False))
        ui.meshNotesButton.connect("toggled(bool)", self._show_notes)
        ui.meshDetailsButton.connect("clicked()", lambda: self._open("page"))
        ui.meshOpenFolderButton.connect("clicked()", lambda: self._open("folder"))
        ui.meshCopyReportButton.connect("clicked()", lambda: qt.QApplication.clipboard().setText(self._report))
        ui.meshColorSelector.connect("currentIndexChanged(int)", lambda _index: self._show_looks())
        ui.meshEdgesCheckBox.connect("toggled(bool)", lambda _on: self._show_looks())
        ui.meshProgressRow.visible = ui.meshQuestionRow.visible = False
        show_icon(ui.meshQuestionIcon, WARNING)
        self._say_nothing()

    @property
    def running(self) -> bool:
        """True while a mesh is made."""
        return self._run is not None

    def show(self, segmentation: Any) -> None:
        """Offer to mesh a segmentation."""
        if segmentation is not self._segmentation and not self.running:
            self._say_nothing()
        self._segmentation = segmentation
        self.choices.show_parameters()
        self.measure()

    def measure(self) -> None:
        """Look again at the volume of what will be meshed, which says how large and how slow a mesh will be."""
        self._volume_ml = 0.0
        if self._segmentation is not None:
            volumes = self._context.services.volume_table.volumes(self._segmentation)
            known = self._context.services.mesh_labels.match_segments(self._segmentation.GetSegmentation()).values
            self._volume_ml = sum(volumes.get(id, 0.0) for id in known)
        self.refresh()

    def refresh(self) -> None:
        """Show whether a mesh can be made, what is left out, and what it takes."""
        ui = self._context.ui
        reason = self._reason_against_a_mesh()
        ui.meshButton.enabled = not reason and not self.running
        ui.meshButton.toolTip = reason or _("Mesh the result as it is now.")
        ui.meshCancelButton.enabled = self.running
        ui.meshHintLabel.text = "\n".join([reason] if reason else [*self._left_out(), self._expectation()])
        ui.meshDisplayRow.visible = bool(self._models())
        self.choices.enable(not self.running)

    def start(self) -> None:
        """Mesh the result, after the question that must be asked."""
        parameters, services, ui = self._context.parameters, self._context.services, self._context.ui
        try:
            settings, folder = self.choices.settings(), self.choices.folder
            there = services.mesh_settings.existing_mesh(folder, settings)
            if there:
                if not self._may_replace(there) or self._context.parameters is not parameters:
                    return
                settings = self.choices.settings(force=True)
            self._say_nothing()
            self._expected = services.mesh_settings.expected_size(self._volume_ml, settings)
            self._run = services.mesh_run.MeshRun(self._segmentation, folder, settings)
            self._run.start()
        except HeartSegError as error:
            self._run = None
            self._say(FAILURE, str(error))
            return
        self._started = time.monotonic()
        ui.meshProgressRow.visible = True
        self._show_progress()
        self.refresh()
        self._context.pump.start(self._step)

    def cancel(self) -> None:
        """Stop; the next step shows that it has stopped."""
        if self._run is not None:
            self._run.cancel()

    def abandon(self) -> None:
        """Stop without a word, because scene or module close."""
        if self._run is not None:
            self._run.cancel()
            self._forget_run()
        self._segmentation = None
        self._mesh = None
        self._say_nothing()

    def _step(self) -> bool:
        run = self._run
        if run is None:
            return True
        run.step()
        self._show_progress()
        if not run.finished:
            return False
        self._forget_run()
        self._show_outcome(run)
        self.refresh()
        return True

    def _forget_run(self) -> None:
        ui = self._context.ui
        self._run = None
        self._context.pump.stop(self._step)
        ui.meshProgressRow.visible = ui.meshQuestionRow.visible = False

    def _show_progress(self) -> None:
        ui, run = self._context.ui, self._run
        asked = run.question is not None
        ui.meshProgressBar.value = round(100 * run.fraction)
        ui.meshStageLabel.text = f"{run.stage}, {time.monotonic() - self._started:.0f} s" if run.stage else ""
        ui.meshProgressRow.visible = not asked
        if asked:
            ui.meshQuestionLabel.text = run.question + " " + _(
                "Try another edge length or correct the segmentation. Written all the same, its name says that it "
                "failed.")
        ui.meshQuestionRow.visible = asked

    def _answer(self, yes: bool) -> None:
        if self._run is not None:
            self._run.answer(yes)
            self._show_progress()

    def _show_outcome(self, run: Any) -> None:
        self._report = run.report_text()
        if run.error is not None:
            self._say(FAILURE, str(run.error), report=True)
        elif run.mesh is None:
            self._say(INFO, _("Cancelled. Nothing half-written was left behind."))
        else:
            self._mesh = mesh = run.mesh
            count = self._expected.tetrahedra if self._expected is not None else None
            self._context.services.settings.remember_mesh(count, mesh.seconds)
            text = _("Done in {seconds:.0f} s: {sentence}").format(seconds=mesh.seconds, sentence=mesh.sentence)
            self._say(WARNING if mesh.warnings or not mesh.fit_for_use else DONE, text, notes=mesh.warnings)
            self._context.parameters.showSurfaces = False  # both at the same place would hide each other
            self._show_looks()

    def _say_nothing(self) -> None:
        self._context.ui.meshResultRow.visible = False

    def _say(self, kind: str, text: str, *, notes: tuple[str, ...] = (), report: bool = False) -> None:
        """Show how a mesh ended, with the buttons that belong to it."""
        ui = self._context.ui
        made = kind in (DONE, WARNING)
        show_icon(ui.meshResultIcon, kind)
        ui.meshResultLabel.text = text
        show_lines(ui.meshNotesText, "\n".join(notes))
        ui.meshNotesButton.text = _("{count} notes").format(count=len(notes)) if len(notes) > 1 else _("1 note")
        ui.meshNotesButton.checked = False
        ui.meshNotesButton.visible = bool(notes)
        ui.meshNotesText.visible = False
        ui.meshDetailsButton.visible = ui.meshOpenFolderButton.visible = made
        ui.meshDetailsButton.toolTip = str(self._mesh.page) if made else ""
        ui.meshOpenFolderButton.toolTip = str(self._mesh.folder) if made else ""
        ui.meshCopyReportButton.visible = report
        ui.meshResultRow.visible = True

    def _show_notes(self, shown: bool) -> None:
        self._context.ui.meshNotesText.visible = shown

    def _models(self) -> list[Any]:
        return list(self._context.services.mesh_models.shown_models(self._segmentation))

    def _show_looks(self) -> None:
        ui, looks = self._context.ui, self._context.services.mesh_models
        models = self._models()
        looks.show_quality(models, ui.meshColorSelector.itemData(ui.meshColorSelector.currentIndex) == _QUALITY)
        looks.show_edges(models, ui.meshEdgesCheckBox.checked)

    def _may_replace(self, there: list[str]) -> bool:
        text = _("{folder} holds a mesh already ({names}).").format(
            folder=self.choices.folder, names=", ".join(there[:3]) + (", …" if len(there) > 3 else ""))
        return bool(self._context.questions.confirm(text, _("Replace it")))

    def _reason_against_a_mesh(self) -> str:
        if self._segmentation is None:
            return _("Segment a heart first, or choose a segmentation as the result.")
        matches = self._context.services.mesh_labels.match_segments(self._segmentation.GetSegmentation())
        if not matches.values:
            return str(self._context.services.mesh_labels.nothing_known(matches.unknown))
        if self._context.parameters is None or self.choices.folder is None:
            return _("Choose a folder for the mesh.")
        try:
            self.choices.settings()
        except HeartSegError as error:
            return str(error)
        return ""

    def _left_out(self) -> list[str]:
        rules = self._context.services.mesh_labels
        return list(rules.left_out(rules.match_segments(self._segmentation.GetSegmentation()).unknown))

    def _expectation(self) -> str:
        """Return what is known before the start: how many elements, how much memory, how long."""
        size = self._context.services.mesh_settings.expected_size(self._volume_ml, self.choices.settings())
        seconds = self._context.services.settings.expected_mesh_seconds(size.tetrahedra if size else None)
        if size is None:
            return _("This takes about {time}.").format(time=_duration(seconds))
        text = _("About {count} tetrahedra, cavities included: {time}, {memory:.1f} GB of memory.") \
            if size.more_than_written else _("About {count} tetrahedra: {time}, {memory:.1f} GB of memory.")
        return text.format(count=_rounded(size.tetrahedra), time=_duration(seconds), memory=max(size.gigabytes, 0.1))

    def _open(self, what: str) -> None:
        """Open the report or the folder of the mesh."""
        open_path(getattr(self._mesh, what))


def _duration(seconds: float) -> str:
    if seconds < 100:
        return _("{seconds} s").format(seconds=max(10 * round(seconds / 10), 10))
    return _("{minutes} min").format(minutes=round(seconds / 60))


def _rounded(count: int) -> str:
    """Return a number with two digits that mean something."""
    return thousands(round(count, 2 - len(str(count))))
