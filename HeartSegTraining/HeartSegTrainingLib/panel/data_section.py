"""What a training learns from: segmentations of the scene, an index, or the recipe's generated hearts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctk
import qt

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.panel.message_area import DONE, INFO, WARNING, MessageArea
from HeartSeg3DLib.panel.tables import fill_table
from HeartSeg3DLib.scene.text import _
from HeartSegTrainingLib.panel.table_height import fit_height
from HeartSegTrainingLib.panel.training_context import TrainingContext

SCENE, INDEX, RECIPE = "scene", "index", "recipe"

_MOST_NAMED = 3


class DataSection:
    """Lets the user choose the data, and prepares a training set from the scene.

    Args:
        context: The panel's widgets and collaborators.
        messages: The place for sentences.
        ready: Asks for what is missing; returns whether everything is there.
        changed: Called when other data are chosen.
    """

    def __init__(self, context: TrainingContext, messages: MessageArea, ready: Callable[[], bool],
                 changed: Callable[[], None]) -> None:
        self._context, self._messages, self._ready, self._changed = context, messages, ready, changed
        self._cases: list[Any] = []
        self._unticked: set[str] = set()
        self._shown: list[Any] = []
        self._filling = False
        self._run: Any = None
        self.training_set: Any = None
        ui = context.ui
        ui.indexPath.filters = ctk.ctkPathLineEdit.Files
        ui.storePath.filters = ctk.ctkPathLineEdit.Dirs
        ui.indexPath.currentPath = context.services.job_settings.remembered("index")
        ui.storePath.currentPath = context.services.job_settings.remembered("store")
        for button in (ui.sceneRadio, ui.indexRadio, ui.recipeRadio):
            button.connect("toggled(bool)", lambda on: self._source_chosen() if on else None)
        for path in (ui.indexPath, ui.storePath):
            path.connect("currentPathChanged(QString)", lambda _path: self._changed())
        ui.casesTable.connect("itemChanged(QTableWidgetItem*)", self._ticked)
        ui.trustCheckBox.connect("toggled(bool)", self._trust_chosen)
        ui.prepareButton.connect("clicked()", self.prepare)
        ui.cancelPrepareButton.connect("clicked()", self.cancel)
        self.refresh()

    @property
    def running(self) -> bool:
        """Whether a training set is being prepared."""
        return self._run is not None

    @property
    def source(self) -> str:
        """SCENE, INDEX or RECIPE."""
        ui = self._context.ui
        return SCENE if ui.sceneRadio.checked else INDEX if ui.indexRadio.checked else RECIPE

    def files(self) -> tuple[str, str]:
        """Return index and store; empty texts for the recipe's own data."""
        ui = self._context.ui
        if self.source == SCENE and self.training_set is not None:
            return str(self.training_set.index), str(self.training_set.store)
        return (ui.indexPath.currentPath, ui.storePath.currentPath) if self.source == INDEX else ("", "")

    def reason(self) -> str:
        """Return why nothing can be learned yet; empty where it can."""
        ui = self._context.ui
        if self.running:
            return _("The training set is being prepared.")
        if self.source == SCENE and self.training_set is None:
            return _("Prepare the ticked segmentations first.") if self._chosen() else (
                _("No segmentation with a scan is ticked."))
        index, store = ui.indexPath.currentPath, ui.storePath.currentPath
        if self.source == INDEX and not (index and store and Path(index).is_file() and Path(store).is_dir()):
            return _("Choose an index file and the folder of its prepared cases.")
        return ""

    def refresh(self) -> None:
        """List the segmentations of the scene again."""
        self._cases = list(self._context.services.scene_cases.scene_cases(self._context.ui.trustCheckBox.checked))
        self._show_cases()
        self._show_choices()

    def prepare(self) -> None:
        """Make a training set of the ticked segmentations."""
        try:
            if not self._ready():
                return
            self._run = self._context.logic.startTrainingSet(
                [case.segmentation for case in self._chosen()], trust=self._context.ui.trustCheckBox.checked)
        except HeartSegError as error:
            self._run = None
            self._messages.show_error(error)
            return
        self._messages.clear()
        self._show_choices()
        self._changed()
        self._context.pump.start(self._step)

    def cancel(self) -> None:
        """Stop to prepare; nothing half-made is left."""
        if self._run is not None:
            self._run.cancel()

    def abandon(self) -> None:
        """Stop without a word and let go of every node, because scene or module close."""
        self.cancel()
        self._context.pump.stop(self._step)
        self._run = self.training_set = None
        self._cases = []
        self._unticked.clear()
        self._show_cases()
        self._show_choices()

    def _step(self) -> bool:
        run = self._run
        if run is None:
            return True
        run.step()
        if not run.finished:
            self._context.ui.dataLabel.text = f"{run.stage}, {100 * run.fraction:.0f} %"
            return False
        self._run = None
        if run.error is not None:
            self._messages.show_error(run.error)
        elif run.training_set is None:
            self._messages.show(INFO, _("Cancelled. Nothing was prepared."))
        else:
            self.training_set = run.training_set
            warnings = "\n".join(run.training_set.warnings)
            text = _("The training set is ready. Now start the training.")
            self._messages.show(WARNING if warnings else DONE, text, details=warnings)
        self._show_choices()
        self._changed()
        return True

    def _chosen(self) -> list[Any]:
        return [case for case in self._cases if case.usable and case.segmentation.GetID() not in self._unticked]

    def _source_chosen(self) -> None:
        self._show_choices()
        self._changed()

    def _trust_chosen(self, _on: bool) -> None:
        self.training_set = None  # it was made otherwise
        self.refresh()
        self._changed()

    def _ticked(self, item: Any) -> None:
        if self._filling or item.column() != 0:
            return
        id = self._cases[item.row()].segmentation.GetID()
        (self._unticked.discard if item.checkState() == qt.Qt.Checked else self._unticked.add)(id)
        self.training_set = None  # it was made of others
        self._show_choices()
        self._changed()

    def _show_cases(self) -> None:
        rows = [(case.segmentation.GetName(), case.scan.GetName() if case.scan is not None else "",
                 _learned(case) if case.usable else _("nothing")) for case in self._cases]
        state = [*rows, [case.reason for case in self._cases], sorted(self._unticked)]
        if state == self._shown:
            return
        self._shown, self._filling = state, True
        table = self._context.ui.casesTable
        fill_table(table, [_("Segmentation"), _("Scan"), _("Learned")], rows)
        table.horizontalHeader().setSectionResizeMode(1, qt.QHeaderView.Stretch)
        for number, case in enumerate(self._cases):
            item = table.item(number, 0)
            flags = qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled
            item.setFlags(flags if case.usable else qt.Qt.NoItemFlags)
            ticked = case.usable and case.segmentation.GetID() not in self._unticked
            item.setCheckState(qt.Qt.Checked if ticked else qt.Qt.Unchecked)
            for column in range(table.columnCount):
                table.item(number, column).setToolTip(case.reason or _details(case))
        fit_height(table)
        self._filling = False

    def _show_choices(self) -> None:
        ui, source, running = self._context.ui, self.source, self.running
        ui.sceneDataRow.visible = source == SCENE
        index_widgets = (ui.indexPathLabel, ui.indexPath, ui.storePathLabel, ui.storePath)
        for widget in index_widgets:
            widget.visible = source == INDEX
        ui.casesTable.visible = ui.trustCheckBox.visible = bool(self._cases)
        for widget in (ui.casesTable, ui.trustCheckBox, ui.dataRow, *index_widgets):
            widget.enabled = not running
        ui.prepareButton.enabled = bool(self._chosen()) and not running
        ui.cancelPrepareButton.enabled = running
        ui.dataLabel.text = self._data_text()
        ui.dataLabel.visible = bool(ui.dataLabel.text) or running

    def _data_text(self) -> str:
        if self.source == RECIPE:
            return _("Hearts that the recipe generates; no scan is needed.")
        if self.source == INDEX or self.running:
            return ""
        if not self._cases:
            return _("No segmentation is in the scene. Load scans with corrected segmentations, or segment and correct "
                     "them in HeartSeg3D.")
        if self.training_set is not None:
            return _("Prepared, number of cases: {count}, with {structures}.").format(
                count=self.training_set.cases, structures=", ".join(self.training_set.structures))
        text = _("Copies of the ticked scans, without names, are kept on this computer.")
        if not all(case.usable for case in self._cases):
            text = _("Point at a gray line to see why it cannot be used.") + " " + text
        return text


def _learned(case: Any) -> str:
    """Return what is learned from a case in a few words; a pencil where a person has corrected a model's result."""
    named = ", ".join(case.corrected) if len(case.corrected) <= _MOST_NAMED else _("{count} structures").format(
        count=len(case.corrected))
    return named if case.corrected == case.structures else f"✎ {named}"


def _details(case: Any) -> str:
    said = [_("Drawn: {names}").format(names=", ".join(case.structures)),
            _("Learned: {names}").format(names=", ".join(case.corrected))]
    if case.left_out:
        said.append(_("Not a structure of the heart, left out: {names}").format(names=", ".join(case.left_out)))
    return "\n".join(said)
