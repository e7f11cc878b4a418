"""Modal dialogs in tests: each waits for an answer that the test gave beforehand, and fails the test if there is none.

>>> dialogs.answer("Yes")            # the next question; or the text of a button, or None for closing the window
>>> dialogs.answer("/tmp/x.dcm")     # the next file dialog
>>> dialogs.answer(lambda dialog: dialog.accept())
>>> dialogs.asked                    # what was asked: [(kind, title, text), ...]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from PySide6 import QtGui, QtWidgets

from .qt_attributes import PositionalMethod, _plain_getattribute, instance_method

_answers: deque[Any] = deque()
asked: list[tuple[str, str, str]] = []


class UnansweredDialogError(AssertionError):
    """A dialog was opened that the test had no answer for: in Slicer it would stand there and wait."""


def answer(*values: Any) -> None:
    """Queue answers for the dialogs to come, in their order."""
    _answers.extend(values)


def clear() -> None:
    """Forget answers and questions."""
    _answers.clear()
    asked.clear()


def unused() -> list[Any]:
    """Answers to questions that never came."""
    return list(_answers)


def _next(kind: str, title: str, text: str) -> Any:
    asked.append((kind, title, text))
    if not _answers:
        raise UnansweredDialogError(f"{kind} was not expected: {title}: {text}")
    return _answers.popleft()


def _button(box: QtWidgets.QMessageBox, wanted: str) -> QtWidgets.QAbstractButton:
    for button in box.buttons():
        standard = box.standardButton(button).name
        if wanted in (standard, str(button.text).replace("&", "")):
            return button
    raise UnansweredDialogError(f"'{box.text}' has no button {wanted!r}")


def _perform(dialog: QtWidgets.QDialog, reply: Any) -> None:
    if callable(reply):
        reply(dialog)
    elif reply is None:
        dialog.reject() if not isinstance(dialog, QtWidgets.QMessageBox) else dialog.close()
    elif isinstance(dialog, QtWidgets.QMessageBox):
        _button(dialog, str(reply)).click()
    else:
        raise UnansweredDialogError(f"{type(dialog).__name__} takes a function as its answer, not {reply!r}")


def _execute(self: Any, *arguments: Any) -> Any:
    plain = PositionalMethod(_plain_getattribute(self, "exec"))
    if isinstance(self, QtWidgets.QMenu):
        reply = _next("menu", self.title, ", ".join(action.text for action in self.actions()))
        chosen = next((action for action in self.actions() if action.text.replace("&", "") == reply), None)
        if chosen is not None:
            chosen.trigger()
        return chosen
    if not isinstance(self, QtWidgets.QDialog):
        return plain(*arguments)
    text = self.text if isinstance(self, QtWidgets.QMessageBox) else ""
    reply = _next(type(self).__name__, self.windowTitle, text)
    self.setModal(True)
    self.show()
    _perform(self, reply)
    if isinstance(self, QtWidgets.QMessageBox):
        return int(self.standardButton(self.clickedButton())) if self.clickedButton() is not None else 0
    return self.result()


def _message(icon: Any, default_buttons: Any) -> Callable[..., Any]:
    def ask(parent: Any, title: str, text: str, buttons: Any = default_buttons, default: Any = None) -> Any:
        box = QtWidgets.QMessageBox(icon, title, text, buttons, parent)
        return QtWidgets.QMessageBox.StandardButton(_execute(box))

    return ask


def _chosen_path(kind: str, several: bool = False) -> Callable[..., Any]:
    def ask(parent: Any = None, caption: str = "", directory: str = "", *details: Any) -> Any:
        reply = _next(kind, caption, directory)
        if several:
            return tuple(str(path) for path in reply or ())
        return str(reply or "")

    return ask


def _typed(kind: str, empty: Any) -> Callable[..., Any]:
    def ask(parent: Any, title: str, label: str, *details: Any) -> Any:
        reply = _next(kind, title, label)
        return empty if reply is None else reply

    return ask


def _chosen_color(initial: Any = None, parent: Any = None, title: str = "", *options: Any) -> QtGui.QColor:
    reply = _next("QColorDialog.getColor", title, "")
    return QtGui.QColor() if reply is None else QtGui.QColor(reply)


def adapt() -> None:
    """Put answers in the place of Qt's modal dialogs; file dialogs give a string, as in PythonQt."""
    instance_method("exec_", _execute)
    instance_method("exec", _execute)
    box, files, inputs = QtWidgets.QMessageBox, QtWidgets.QFileDialog, QtWidgets.QInputDialog
    for name, icon, buttons in (
        ("question", box.Question, box.Yes | box.No),
        ("information", box.Information, box.Ok),
        ("warning", box.Warning, box.Ok),
        ("critical", box.Critical, box.Ok),
    ):
        setattr(box, name, staticmethod(_message(icon, buttons)))
    for name in ("getOpenFileName", "getSaveFileName", "getExistingDirectory"):
        setattr(files, name, staticmethod(_chosen_path(f"QFileDialog.{name}")))
    files.getOpenFileNames = staticmethod(_chosen_path("QFileDialog.getOpenFileNames", several=True))
    for name, empty in (("getText", ""), ("getItem", ""), ("getInt", 0), ("getDouble", 0.0)):
        setattr(inputs, name, staticmethod(_typed(f"QInputDialog.{name}", empty)))
    QtWidgets.QColorDialog.getColor = staticmethod(_chosen_color)
