"""The modules ``qt`` and ``ctk`` as Slicer's Python has them, over PySide6."""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any

from PySide6 import QtCore, QtGui, QtNetwork, QtSvg, QtWidgets
from PySide6.QtCore import QObject

from . import qt_attributes, qt_signals
from .widgets.declaring import stands_for_cpp

_SOURCES = (QtNetwork, QtSvg, QtGui, QtWidgets, QtCore)
_plain_find_children = QObject.findChildren
# PythonQt and Qt 5, which most of Slicer 5.12 is built with, do not have these.
_NOT_IN_PYTHONQT = {"QRegularExpressionValidator"}


def _named_class(name: str) -> Any:
    for module in ("qt", "ctk", "slicer"):
        found = getattr(sys.modules[module], name, None)
        if isinstance(found, type):
            return found
    raise ValueError(f"there is no class named {name} in qt, ctk or slicer")


def _find_children(self: QObject, kind: Any = QObject, name: str = "") -> list[QObject]:
    wanted = _named_class(kind) if isinstance(kind, str) else kind
    return _plain_find_children(self, wanted, name) if name else _plain_find_children(self, wanted)


def _find_child(self: QObject, kind: Any = QObject, name: str = "") -> QObject | None:
    found = _find_children(self, kind, name)
    return found[0] if found else None


def _class_name(self: QObject) -> str:
    if "_stands_for_cpp" in type(self).__dict__:
        return type(self).__name__
    return str(qt_attributes.meta_object(self).className())


def _qt_classes() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for source in _SOURCES:
        for name in dir(source):
            if (name.startswith("Q") or name in ("Qt", "Signal", "Slot", "Property")) and name not in _NOT_IN_PYTHONQT:
                names[name] = getattr(source, name)
    return names


def _menu_class() -> Any:
    """A QMenu for whose title PythonQt takes any object: ScriptedLoadableModuleWidget gives itself."""

    @stands_for_cpp
    class QMenu(QtWidgets.QMenu):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*[a if isinstance(a, QtWidgets.QWidget) else str(a) for a in arguments if a is not None])

    return QMenu


def make_qt() -> types.ModuleType:
    """The module ``qt``; it is in ``sys.modules`` afterwards."""
    qt = types.ModuleType("qt", "Qt as PythonQt shows it.")
    names = _qt_classes()
    kinds = [kind for kind in names.values() if isinstance(kind, type) and issubclass(kind, QObject)]
    qt_attributes.adapt(kinds)
    qt_signals.adapt()
    qt_attributes.instance_method("findChildren", _find_children)
    qt_attributes.instance_method("findChild", _find_child)
    qt_attributes.instance_method("className", _class_name)
    qt_attributes.instance_method("delete", lambda self: self.deleteLater())
    for name, value in names.items():
        setattr(qt, name, value)
    qt.QMenu = _menu_class()  # type: ignore[attr-defined]
    sys.modules["qt"] = qt
    return qt


def make_ctk() -> types.ModuleType:
    """The module ``ctk`` with the stand-ins of ``SlicerRuntime.widgets``; it is in ``sys.modules`` afterwards."""
    ctk = types.ModuleType("ctk", "CTK's widgets as PythonQt shows them.")
    sys.modules["ctk"] = ctk
    for name, kind in stand_ins("ctk").items():
        setattr(ctk, name, kind)
    return ctk


WIDGET_MODULES = ("ctk_buttons", "ctk_values", "ctk_ranges", "ctk_paths")


def stand_ins(prefix: str, modules: tuple[str, ...] = WIDGET_MODULES) -> dict[str, Any]:
    """The stand-in classes, by name, that ``SlicerRuntime.widgets`` has for one library."""
    found: dict[str, Any] = {}
    for module_name in modules:
        module = importlib.import_module(f".widgets.{module_name}", __package__)
        found.update({name: kind for name, kind in vars(module).items() if name.startswith(prefix)})
    return found


def application() -> QtWidgets.QApplication:
    """The one Qt application of the process."""
    existing = QtWidgets.QApplication.instance()
    return existing if isinstance(existing, QtWidgets.QApplication) else QtWidgets.QApplication(["Slicer"])
