"""Loads Qt Designer files that use widgets of CTK and Slicer."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from PySide6 import QtCore, QtUiTools, QtWidgets

from .qt_attributes import loading
from .qt_signals import connect

# Qt keeps the C++ half of a widget alive; a stand-in's Python half needs somebody, too.
_alive: dict[int, QtWidgets.QWidget] = {}


def stand_in(class_name: str) -> Any:
    """The stand-in class of that name, or None."""
    for module in ("ctk", "slicer"):
        found = getattr(sys.modules.get(module), class_name, None)
        if isinstance(found, type) and issubclass(found, QtWidgets.QWidget):
            return found
    return None


def keep_alive(widget: QtWidgets.QWidget) -> None:
    """Hold a stand-in until Qt destroys it."""
    key = id(widget)
    _alive[key] = widget
    QtCore.QObject.destroyed.__get__(widget).connect(lambda *_: _alive.pop(key, None))


class QUiLoader(QtUiTools.QUiLoader):
    """Qt's loader, with stand-ins, and with the connections of a .ui file that begin or end at one."""

    _stands_for_cpp = True

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        kind = stand_in(class_name)
        if kind is None:
            created = super().createWidget(class_name, parent, name)
            if created is None or (class_name[:1] != "Q" and type(created) is QtWidgets.QWidget):
                raise RuntimeError(f"the test runtime has no widget {class_name}, which the .ui file uses")
            return created
        widget = kind(parent) if parent is not None else kind()
        widget.setObjectName(name)
        keep_alive(widget)
        return widget

    def load(self, source: Any, parent: Any = None) -> Any:
        path = Path(source.fileName() if isinstance(source, QtCore.QFile) else str(source))
        root = ElementTree.parse(path).getroot()
        connections = _take_connections_of_stand_ins(root)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.ReadOnly)
        self.setWorkingDirectory(QtCore.QDir(str(path.parent)))
        with loading():
            widget = super().load(buffer, parent)
        if widget is None:
            raise RuntimeError(self.errorString())
        for sender, signal, receiver, slot in connections:
            target = _part(widget, receiver)
            connect(_part(widget, sender), signal, getattr(target, slot.partition("(")[0]))
        return widget


def _part(widget: QtWidgets.QWidget, name: str) -> Any:
    return widget if widget.objectName == name else widget.findChild(QtCore.QObject, name)


def _take_connections_of_stand_ins(root: ElementTree.Element) -> list[tuple[str, str, str, str]]:
    """Qt cannot connect slots that are Python methods: these connections are made afterwards."""
    classes = {widget.get("name"): widget.get("class", "") for widget in root.iter("widget")}
    taken = []
    for group in root.iter("connections"):
        for connection in list(group):
            sender, signal, receiver, slot = (
                connection.findtext(part, "") for part in ("sender", "signal", "receiver", "slot")
            )
            if any(stand_in(classes.get(name, "")) for name in (sender, receiver)):
                group.remove(connection)
                taken.append((sender, signal, receiver, slot))
    return taken
