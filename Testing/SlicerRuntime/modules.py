"""What Slicer's C++ does with a scripted module: import it, describe it, show its widget, leave it."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets


class ScriptedModule:
    """qSlicerScriptedLoadableModule: the description that the module fills in."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, str(path)
        self.title = self.helpText = self.acknowledgementText = ""
        self.categories: list[str] = []
        self.dependencies: list[str] = []
        self.contributors: list[str] = []
        self.associatedNodeTypes: list[str] = []
        self.hidden = False
        self.index = -1
        self.icon: Any = None
        self._widget: Any = None

    def widgetRepresentation(self) -> Any:
        """The module's widget, made when it is first asked for."""
        if self._widget is None:
            self._widget = _make_widget(sys.modules[self.name], self)
        return self._widget

    def logic(self) -> Any:
        """Scripted modules have no logic of C++ of their own."""
        return None


def load(path: Any) -> Any:
    """Import a module's file and make its description; a module that is loaded already is returned."""
    path = Path(path).resolve()
    name = path.stem
    if hasattr(slicer.modules, name.lower()) and name in sys.modules:
        return sys.modules[name]
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    description = ScriptedModule(name, path)
    setattr(slicer.modules, name.lower(), description)
    setattr(slicer.modules, f"{name}Instance", getattr(module, name)(description))
    return module


def _make_widget(module: Any, description: ScriptedModule) -> Any:
    window = slicer.qSlicerScriptedLoadableModuleWidget()
    window.moduleName = description.name
    window.setLayout(QtWidgets.QVBoxLayout())
    window.setMRMLScene(slicer.mrmlScene)
    window.windowTitle = description.title
    widget = getattr(module, f"{description.name}Widget")(window)
    setattr(slicer.modules, f"{description.name}Widget", widget)
    window._python_widget = widget
    widget.setup()
    window.layout().addStretch(1)
    return window


def show(module: Any) -> Any:
    """Show a module's widget as a window and enter it."""
    window = getattr(slicer.modules, module.__name__.lower()).widgetRepresentation()
    window.resize(460, 900)
    window.show()
    window.enter()
    process_events()
    return window


def leave(window: Any) -> None:
    """Leave a module, clean up its widget and delete it."""
    name = window.moduleName
    if window.isEntered:
        window.exit()
    slicer.app.moduleManager().moduleAboutToBeUnloaded.emit(name)
    getattr(slicer.modules, name.lower())._widget = None
    window._python_widget = None
    window.close()
    window.deleteLater()
    process_events()


def process_events(seconds: float = 0.0, until: Callable[[], Any] | None = None) -> bool:
    """Run the event loop until the time is over or the condition is met."""
    end = time.monotonic() + seconds
    while True:
        QtWidgets.QApplication.processEvents(QtCore.QEventLoop.AllEvents, 20)
        QtCore.QCoreApplication.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)
        if until is not None and until():
            return True
        if time.monotonic() >= end:
            return until is None
        time.sleep(0.002)


def screenshot(widget: Any, path: Any) -> None:
    """Write a picture of a widget as PNG."""
    process_events()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if not widget.grab().save(str(path)):
        raise OSError(f"{path} could not be written")
