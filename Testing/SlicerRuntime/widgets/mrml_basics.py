"""Stand-ins for Slicer's plain widgets that know the scene."""

from __future__ import annotations

import sys
from typing import Any

import slicer
from PySide6 import QtWidgets
from PySide6.QtCore import Signal

from .declaring import stands_for_cpp, stored


@stands_for_cpp
class qMRMLWidget(QtWidgets.QWidget):
    """A widget with a scene."""

    mrmlSceneChanged = Signal(object)
    cpp_signals = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._scene = None

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self) -> Any:
        return self._scene


@stands_for_cpp
class qSlicerWidget(QtWidgets.QWidget):
    """The widget around a module's own; its scene cannot be asked for."""

    mrmlSceneChanged = Signal(object)
    cpp_signals = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}

    def setMRMLScene(self, scene: Any) -> None:
        self.mrmlSceneChanged.emit(scene)


@stands_for_cpp
class qSlicerScriptedLoadableModuleWidget(qSlicerWidget):
    """The widget of a scripted module, which holds the Python one."""

    moduleName = stored("moduleName", str, "")
    isEntered = stored("isEntered", bool, False)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._python_widget: Any = None

    def self(self) -> Any:
        return self._python_widget

    def reload(self) -> None:
        """Make the Python widget anew from the module's file as it was imported last; it is not entered again."""
        module = sys.modules[self.moduleName]
        self._python_widget = getattr(module, f"{self.moduleName}Widget")(self)
        setattr(slicer.modules, f"{self.moduleName}Widget", self._python_widget)
        self._python_widget.setup()

    def enter(self) -> None:
        self.isEntered = True
        if hasattr(self._python_widget, "enter"):
            self._python_widget.enter()

    def exit(self) -> None:
        self.isEntered = False
        if hasattr(self._python_widget, "exit"):
            self._python_widget.exit()
