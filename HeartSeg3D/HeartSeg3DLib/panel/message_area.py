"""The panel's one place for sentences: what was done, what to look at, what failed and what helps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.scene.text import _

INFO, DONE, WARNING, FAILURE = "info", "done", "warning", "failure"
ICON_SIZE = 16
CHARACTERS_PER_LINE, MOST_LINES = 50, 9


class MessageArea:
    """Shows one message with its remedy; details and report on request.

    Args:
        ui: The panel's widgets by name.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._report: Callable[[], str] | None = None
        self._remedy: Callable[[], None] | None = None
        ui.detailsButton.connect("toggled(bool)", self._show_details)
        ui.copyReportButton.connect("clicked()", self._copy_report)
        ui.remedyButton.connect("clicked()", self._do_remedy)
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self._ui.messageRow.visible = False

    def show(self, kind: str, text: str, *, details: str = "", report: Callable[[], str] | None = None,
             remedy: tuple[str, Callable[[], None]] | None = None) -> None:
        """Show a message.

        Args:
            kind: `info`, `done`, `warning` or `failure`.
            text: One or two sentences.
            details: More lines, folded at first.
            report: Gives the text for "Copy report"; the button is hidden without it.
            remedy: What one more button says and does.
        """
        ui = self._ui
        show_icon(ui.messageIcon, kind)
        ui.messageLabel.text = text
        show_lines(ui.detailsText, details)
        ui.detailsButton.checked = False
        ui.detailsButton.visible = bool(details)
        self._show_details(False)
        self._report = report
        ui.copyReportButton.visible = report is not None
        ui.copyReportButton.text = _("Copy report")
        ui.remedyButton.text = remedy[0] if remedy else ""
        ui.remedyButton.visible = remedy is not None
        self._remedy = remedy[1] if remedy else None
        ui.messageRow.visible = True

    def show_error(self, error: HeartSegError, report: Callable[[], str] | None = None,
                   details: str = "", remedy: tuple[str, Callable[[], None]] | None = None) -> None:
        """Show a failure with what to do about it; `remedy` is a button that does it."""
        self.show(FAILURE, f"{error.message} {error.remedy}".strip(), details=details, report=report, remedy=remedy)

    def _show_details(self, shown: bool) -> None:
        self._ui.detailsText.visible = shown

    def _copy_report(self) -> None:
        if self._report is not None:
            qt.QApplication.clipboard().setText(self._report())
            self._ui.copyReportButton.text = _("Copied")

    def _do_remedy(self) -> None:
        if self._remedy is not None:
            self._remedy()


def show_icon(label: Any, kind: str) -> None:
    """Show the icon of a kind of message."""
    icons = {
        INFO: qt.QStyle.SP_MessageBoxInformation,
        DONE: qt.QStyle.SP_DialogApplyButton,
        WARNING: qt.QStyle.SP_MessageBoxWarning,
        FAILURE: qt.QStyle.SP_MessageBoxCritical,
    }
    label.setPixmap(label.style().standardIcon(icons[kind]).pixmap(ICON_SIZE, ICON_SIZE))


def show_lines(field: Any, text: str) -> None:
    """Show lines in a QPlainTextEdit as high as they are, the longer ones wrapped, up to a scroll bar."""
    field.setPlainText(text)
    lines = sum(1 + len(line) // CHARACTERS_PER_LINE for line in text.splitlines())
    field.setFixedHeight((min(lines, MOST_LINES) + 1) * field.fontMetrics().lineSpacing())
