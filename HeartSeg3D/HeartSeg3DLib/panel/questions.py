"""Every question the panel asks. Closing a question always means no."""

from __future__ import annotations

from typing import Any

import qt

from HeartSeg3DLib.scene.text import _

REPLACE, COPY, CANCEL = "replace", "copy", "cancel"


class Questions:
    """Asks with Slicer's usual dialogs; tests hand in their own answers.

    Args:
        parent: Widget that the dialogs belong to.
        title: Of their windows.
    """

    def __init__(self, parent: Any, title: str = "HeartSeg3D") -> None:
        self._parent, self._title = parent, title

    def replace_result(self, name: str, edited: list[str]) -> str:
        """Ask what happens to a segmentation that a run would change.

        Returns:
            `replace`, `copy` (keep the old one beside the new one) or `cancel`.
        """
        if edited:
            text = _("'{name}' has edits of yours in: {chambers}.").format(name=name, chambers=", ".join(edited))
            keep = _("Keep edits as a copy")
        else:
            text = _("'{name}' is a result already.").format(name=name)
            keep = _("Keep it as a copy")
        box = self._box(text, _("What should the new result do?"))
        roles = qt.QMessageBox
        box.addButton(_("Replace"), roles.DestructiveRole)
        box.setDefaultButton(box.addButton(keep, roles.AcceptRole))
        box.setEscapeButton(box.addButton(roles.Cancel))
        box.exec_()
        chosen = box.clickedButton()
        role = box.buttonRole(chosen) if chosen else roles.RejectRole
        return {roles.DestructiveRole: REPLACE, roles.AcceptRole: COPY}.get(role, CANCEL)

    def confirm(self, text: str, action: str) -> bool:
        """Ask for consent; `action` is what the button says."""
        box = self._box(text, "")
        box.addButton(action, qt.QMessageBox.AcceptRole)
        no = box.addButton(qt.QMessageBox.Cancel)
        box.setDefaultButton(no)
        box.setEscapeButton(no)
        box.exec_()
        chosen = box.clickedButton()
        return bool(chosen) and box.buttonRole(chosen) == qt.QMessageBox.AcceptRole

    def open_file(self, title: str, kinds: str) -> str:
        """Return the path of a file to open, or an empty text."""
        return str(qt.QFileDialog.getOpenFileName(self._parent, title, "", kinds) or "")

    def open_folder(self, title: str) -> str:
        """Return the path of a folder, or an empty text."""
        return str(qt.QFileDialog.getExistingDirectory(self._parent, title, "") or "")

    def save_file(self, title: str, suggestion: str, kinds: str) -> str:
        """Return the path of a file to write, or an empty text; Qt asks before an existing one is chosen."""
        return str(qt.QFileDialog.getSaveFileName(self._parent, title, suggestion, kinds) or "")

    def _box(self, text: str, more: str) -> Any:
        box = qt.QMessageBox(self._parent)
        box.setIcon(qt.QMessageBox.Question)
        box.setWindowTitle(self._title)
        box.setText(text)
        box.setInformativeText(more)
        return box
