"""The section that saves a report of the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.panel.context import PanelContext
from HeartSeg3DLib.scene.text import _


class ReportSection:
    """Writes the report in the background."""

    def __init__(self, context: PanelContext) -> None:
        self._context = context
        self._segmentation: Any = None
        self._export: Any = None
        self._path = Path()
        ui = context.ui
        ui.reportHtmlButton.connect("clicked()", lambda: self._ask_and_save("html", _("Web pages") + " (*.html)"))
        ui.reportPdfButton.connect("clicked()", lambda: self._ask_and_save("pdf", "PDF (*.pdf)"))

    def show(self, segmentation: Any) -> None:
        """Offer the report of a segmentation."""
        self._segmentation = segmentation
        self._context.ui.reportLabel.text = (
            _("Segment a heart first.") if segmentation is None
            else _("Pictures, volumes and what to check, as one HTML page or a PDF. Its title is the result's name.")
        )
        self._show_buttons()

    def abandon(self) -> None:
        """Stop writing, because scene or module close."""
        if self._export is not None:
            self._export.cancel()
            self._forget()
        self._segmentation = None

    def _ask_and_save(self, ending: str, kinds: str) -> None:
        name = f"{self._segmentation.GetName()}.{ending}"
        path = self._context.questions.save_file(_("Save report"), name, kinds)
        if not path or self._segmentation is None:  # the scene may have been closed while the dialog was open
            return
        chosen = Path(path)
        self._path = chosen if chosen.suffix.lower() == f".{ending}" else chosen.with_name(f"{chosen.name}.{ending}")
        try:
            self._export = self._context.services.report_export.ReportExport(
                self._segmentation, self._path, parameters=self._context.parameters,
                force=self._path == chosen,  # the dialog has asked about this very name alone
            )
            self._export.start()
        except HeartSegError as error:
            self._forget()
            self._context.ui.reportLabel.text = str(error)
            return
        self._context.ui.reportLabel.text = _("Writing the report…")
        self._show_buttons()
        self._context.pump.start(self._step)

    def _step(self) -> bool:
        if self._export is None:
            return True
        self._export.step()
        if not self._export.finished:
            return False
        error = self._export.error
        self._context.ui.reportLabel.text = str(error) if error else _("Saved: {path}").format(path=self._path)
        self._context.ui.reportLabel.toolTip = "" if error else str(self._path)
        self._forget()
        return True

    def _forget(self) -> None:
        self._export = None
        self._context.pump.stop(self._step)
        self._show_buttons()

    def _show_buttons(self) -> None:
        ui = self._context.ui
        for button in (ui.reportHtmlButton, ui.reportPdfButton):
            button.enabled = self._segmentation is not None and self._export is None
