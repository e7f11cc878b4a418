"""The section that lists the installed models and imports, verifies and removes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.panel.context import PanelContext
from HeartSeg3DLib.panel.run_choices import show_model_card
from HeartSeg3DLib.panel.tables import fill_table
from HeartSeg3DLib.scene.text import _


class ModelsSection:
    """Shows every model package on this computer.

    Args:
        context: The panel's widgets and collaborators.
        changed: Called after a model was imported or removed.
    """

    def __init__(self, context: PanelContext, changed: Callable[[], None]) -> None:
        self._context = context
        self._changed = changed
        self._models: list[Any] = []
        ui = context.ui
        ui.importModelButton.connect("clicked()", self._import_file)
        ui.importFolderButton.connect("clicked()", self._import_folder)
        ui.verifyModelButton.connect("clicked()", self._verify)
        ui.removeModelButton.connect("clicked()", self._remove)
        ui.modelsTable.connect("itemSelectionChanged()", self._show_buttons)
        ui.modelsTable.connect("cellDoubleClicked(int,int)", lambda row: self._show_card(row))

    def refresh(self) -> None:
        """List the models again."""
        ui = self._context.ui
        self._models = list(self._context.services.model_choices.model_choices())
        rows = [[model.title, model.version, _("segments") if model.role == "segmenter" else _("finds the heart"),
                 _("broken") if model.problem else _("shipped") if model.shipped else _("imported")]
                for model in self._models]
        fill_table(ui.modelsTable, [_("Model"), _("Version"), _("Does"), _("State")], rows)
        for number, model in enumerate(self._models):
            ui.modelsTable.item(number, 0).setToolTip(model.problem or _("Double-click to show the card."))
        self._show_buttons()

    def _show_buttons(self) -> None:
        model = self._selected()
        ui = self._context.ui
        ui.verifyModelButton.enabled = model is not None
        ui.removeModelButton.enabled = model is not None and not model.shipped
        ui.removeModelButton.toolTip = (
            _("Delete this model from this computer.") if ui.removeModelButton.enabled
            else _("Only imported models can be removed.")
        )

    def _selected(self) -> Any:
        row = self._context.ui.modelsTable.currentRow()
        return self._models[row] if 0 <= row < len(self._models) else None

    def _import_file(self) -> None:
        self._import(self._context.questions.open_file(_("Import a model"), _("Model packages") + " (*.zip)"))

    def _import_folder(self) -> None:
        self._import(self._context.questions.open_folder(_("Import a model")))

    def _import(self, path: str) -> None:
        if path:
            choices = self._context.services.model_choices
            self._do(lambda: _("Imported {title}.").format(title=choices.import_model(Path(path)).title))

    def _verify(self) -> None:
        def verify() -> str:
            model = self._selected()
            self._context.services.model_choices.verify_model(model.id)
            return _("{title} is complete and unaltered.").format(title=model.title)

        self._do(verify)

    def _remove(self) -> None:
        model = self._selected()
        question = _("Remove the model '{title}' from this computer?").format(title=model.title)
        if self._context.questions.confirm(question, _("Remove")):
            def remove() -> str:
                self._context.services.model_choices.remove_model(model.id)
                return _("Removed {title}.").format(title=model.title)

            self._do(remove)

    def _do(self, action: Callable[[], str]) -> None:
        """Do something to the models and say how it went."""
        label = self._context.ui.modelsMessageLabel
        qt.QApplication.setOverrideCursor(qt.QCursor(qt.Qt.WaitCursor))
        try:
            label.text = action()
        except HeartSegError as error:
            label.text = str(error)
        finally:
            qt.QApplication.restoreOverrideCursor()
        self.refresh()
        self._changed()

    def _show_card(self, row: int) -> None:
        if not self._models[row].problem:
            show_model_card(self._context.form, self._models[row])
