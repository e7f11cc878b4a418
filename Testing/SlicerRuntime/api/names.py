"""What Slicer's widgets and Python files offer (from ``slicer_api.json``), and what Qt's do (from PySide6)."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import qt
import slicer
import vtk
from PySide6.QtCore import QMetaMethod, QObject

from ..qt_attributes import HIDDEN_PROPERTIES
from ..qt_signals import normalized

_FIXTURE = Path(__file__).parents[1] / "slicer_api.json"
# PythonQt adds these to every object, and Python 2's name for exec.
_OF_EVERY_OBJECT = {"connect", "disconnect", "delete", "className", "findChild", "findChildren", "name", "exec_"}


@functools.cache
def fixture() -> dict[str, Any]:
    """The names of Slicer 5.12."""
    return dict(json.loads(_FIXTURE.read_text(encoding="utf-8")))


def is_widget(name: str) -> bool:
    """Whether the fixture describes a class of that name."""
    return name in fixture()["widgets"]


def lineage(name: str) -> list[str]:
    """A class and those that it derives from, until Qt's."""
    chain = [name]
    while is_widget(chain[-1]) and fixture()["widgets"][chain[-1]]["base"]:
        chain.append(fixture()["widgets"][chain[-1]]["base"])
    return chain


def _qt_class(name: str) -> Any:
    found = getattr(qt, name, None)
    return found if isinstance(found, type) else None


def _qt_signals(kind: Any) -> set[str]:
    meta = kind.staticMetaObject
    methods = (meta.method(index) for index in range(meta.methodCount()))
    return {
        normalized(bytes(method.methodSignature().data()).decode())
        for method in methods
        if method.methodType() == QMetaMethod.MethodType.Signal
    }


def knows_class(name: str) -> bool:
    """Whether members of the class can be checked."""
    return is_widget(name) or _qt_class(name) is not None


def member(class_name: str, name: str) -> tuple[bool, list[int] | None]:
    """Whether a class has a member, and how many arguments it takes as (least, largest), where that is known."""
    for ancestor in lineage(class_name):
        if is_widget(ancestor):
            entry = fixture()["widgets"][ancestor]
            if name in entry["methods"]:
                return True, entry["methods"][name]
            if name in entry["properties"] or any(signal.startswith(f"{name}(") for signal in entry["signals"]):
                return True, None
            continue
        kind = _qt_class(ancestor)
        if kind is None:  # a base class that the fixture does not describe: anything may be inherited from it
            return True, None
        if hasattr(kind, name) or (issubclass(kind, QObject) and name in _OF_EVERY_OBJECT):
            return True, None
    return False, None


def is_property(class_name: str, name: str) -> bool:
    """Whether a member is a property, which is not to be called."""
    for ancestor in lineage(class_name):
        if is_widget(ancestor):
            entry = fixture()["widgets"][ancestor]
            if name in entry["properties"] and name not in entry["methods"]:
                return True
            continue
        kind = _qt_class(ancestor)
        if kind is not None and issubclass(kind, QObject):
            return name not in HIDDEN_PROPERTIES and bool(kind.staticMetaObject.indexOfProperty(name) >= 0)
    return False


def has_signal(class_name: str, signal: str) -> bool:
    """Whether a class sends a signal of that signature."""
    wanted = normalized(signal)
    for ancestor in lineage(class_name):
        if is_widget(ancestor):
            if wanted in fixture()["widgets"][ancestor]["signals"]:
                return True
            continue
        kind = _qt_class(ancestor)
        if kind is None or (issubclass(kind, QObject) and wanted in _qt_signals(kind)):
            return True
    return False


@functools.cache
def known_signals() -> frozenset[str]:
    """The signals of all classes."""
    found: set[str] = set()
    for entry in fixture()["widgets"].values():
        found.update(entry["signals"])
    for name in dir(qt):
        kind = _qt_class(name)
        if kind is not None and issubclass(kind, QObject):
            found.update(_qt_signals(kind))
    return frozenset(found)


@functools.cache
def vtk_members() -> frozenset[str]:
    """The methods and constants of every class of slicer-core and VTK."""
    found: set[str] = set()
    for library in (slicer, vtk):
        for name in dir(library):
            if name.startswith("vtk"):
                found.update(dir(getattr(library, name)))
    return frozenset(found)
