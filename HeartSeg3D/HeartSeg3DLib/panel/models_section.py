"""The section that lists the installed models and imports, verifies and removes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

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
        self._request: Any = None
        self._doing = ""
        self._began = 0.0
        self._done: Callable[[Mapping[str, Any]], str]
        ui = context.ui
        ui.importModelButton.connect("clicked()", self._import_file)
        ui.importFolderButton.connect("clicked()", self._import_folder)
        ui.verifyModelButton.connect("clicked()", self._verify)
        ui.removeModelButton.connect("clicked()", self._remove)
        ui.cancelModelButton.connect("clicked()", self._cancel)
        ui.modelsTable.connect("itemSelectionChanged()", self._show_buttons)
        ui.modelsTable.connect("cellDoubleClicked(int,int)", lambda row: self._show_card(row))

    def abandon(self) -> None:
        """Stop what goes on without a word, because the scene or the module closes; nothing is imported."""
        if self._request is not None:
            self._request.close()
            self._request = None
            self._context.pump.stop(self._step)
            self._context.ui.modelsMessageLabel.text = ""
            self._show_buttons()

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
        ui, busy = self._context.ui, self._request is not None
        for button in (ui.importModelButton, ui.importFolderButton):
            button.enabled = not busy
        ui.cancelModelButton.visible = busy
        ui.verifyModelButton.enabled = model is not None and not busy
        ui.removeModelButton.enabled = model is not None and not model.shipped and not busy
        ui.removeModelButton.toolTip = (
            _("Only imported models can be removed.") if model is not None and model.shipped
            else _("Delete this model from this computer.")
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
            self._ask(lambda: choices.import_model(Path(path)), _("Importing the model…"), self._tell_imported)

    def _tell_imported(self, result: Mapping[str, Any]) -> str:
        models = self._context.services.model_choices.model_choices()
        titles = {model.id: model.title for model in models}
        return _("Imported {title}.").format(title=titles.get(result["id"], result["id"]))

    def _verify(self) -> None:
        model, choices = self._selected(), self._context.services.model_choices
        self._ask(lambda: choices.verify_model(model.id), _("Verifying {title}…").format(title=model.title),
                  lambda _result: _("{title} is complete and unaltered.").format(title=model.title))

    def _remove(self) -> None:
        model = self._selected()
        question = _("Remove the model '{title}' from this computer?").format(title=model.title)
        if not self._context.questions.confirm(question, _("Remove")):
            return
        try:
            self._context.services.model_choices.remove_model(model.id)
        except HeartSegError as error:
            self._end(str(error))
        else:
            self._end(_("Removed {title}.").format(title=model.title))

    def _ask(self, start: Callable[[], Any], doing: str, done: Callable[[Mapping[str, Any]], str]) -> None:
        """Ask a child process, which takes seconds to load PyTorch, and go on when it has answered."""
        try:
            self._request = start()
        except HeartSegError as error:
            self._end(str(error))
            return
        self._doing, self._done, self._began = doing, done, time.monotonic()
        self._show_progress()
        self._show_buttons()
        self._context.pump.start(self._step)

    def _step(self) -> bool:
        request = self._request
        if request is None:
            return True
        if not request.step():
            self._show_progress()
            return False
        self._end(str(request.error) if request.error is not None else self._done(request.result))
        return True

    def _cancel(self) -> None:
        self.abandon()
        self._context.ui.modelsMessageLabel.text = _("Cancelled.")

    def _show_progress(self) -> None:
        self._context.ui.modelsMessageLabel.text = f"{self._doing} {time.monotonic() - self._began:.0f} s"

    def _end(self, text: str) -> None:
        """Say how it went and list the models anew."""
        self._request = None
        self._context.ui.modelsMessageLabel.text = text
        self.refresh()
        self._changed()

    def _show_card(self, row: int) -> None:
        if not self._models[row].problem:
            show_model_card(self._context.form, self._models[row])
