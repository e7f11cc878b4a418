"""A stand-in for Slicer's layout manager: three slice views and a 3D view whose nodes and logics are real."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtWidgets
from PySide6.QtCore import Property, QObject, Signal

from .scene import SlicerScene
from .widgets.declaring import stands_for_cpp


@stands_for_cpp
class qMRMLSliceWidget(QtWidgets.QWidget):
    """A slice view."""

    def __init__(self, logic: Any) -> None:
        super().__init__()
        self._logic = logic

    def sliceLogic(self) -> Any:
        return self._logic

    logic = sliceLogic

    def mrmlSliceNode(self) -> Any:
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        return self._logic.GetSliceCompositeNode()

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground()


@stands_for_cpp
class qMRMLThreeDView(QtWidgets.QWidget):
    """The canvas of a 3D view."""

    def __init__(self, scene: SlicerScene) -> None:
        super().__init__()
        self._scene = scene

    def mrmlViewNode(self) -> Any:
        return self._scene.view_node()

    def resetFocalPoint(self) -> None:
        """The test runtime aims its camera when a picture is asked for."""

    resetCamera = rotateToViewAxis = lambda self, *_: None


@stands_for_cpp
class qMRMLThreeDWidget(QtWidgets.QWidget):
    """A 3D view."""

    def __init__(self, scene: SlicerScene) -> None:
        super().__init__()
        self._view = qMRMLThreeDView(scene)

    def threeDView(self) -> qMRMLThreeDView:
        return self._view

    def mrmlViewNode(self) -> Any:
        return self._view.mrmlViewNode()


@stands_for_cpp
class LayoutManager(QObject):
    """qSlicerLayoutManager."""

    layoutChanged = Signal(int)
    cpp_signals = {"layoutChanged(int)": "layoutChanged"}

    def __init__(self, scene: SlicerScene) -> None:
        super().__init__()
        self._scene = scene
        self._slices = {name: qMRMLSliceWidget(logic) for name, logic in scene.slice_logics.items()}
        self._three_d = qMRMLThreeDWidget(scene)

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._slices)

    def sliceWidget(self, name: str) -> qMRMLSliceWidget | None:
        return self._slices.get(name)

    def threeDWidget(self, index: int) -> qMRMLThreeDWidget | None:
        return self._three_d if index == 0 else None

    def mrmlSliceLogics(self) -> Any:
        return self._scene.application_logic.GetSliceLogics()

    def layoutLogic(self) -> Any:
        return self._scene.layout_logic

    def mrmlScene(self) -> Any:
        return slicer.mrmlScene

    def activeMRMLThreeDViewNode(self) -> Any:
        return self._three_d.mrmlViewNode()

    def resetSliceViews(self) -> None:
        for widget in self._slices.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self) -> None:
        self._three_d.threeDView().resetFocalPoint()

    def setLayout(self, layout: int) -> None:
        node = self._scene.layout_logic.GetLayoutNode()
        if node.GetViewArrangement() != layout:
            node.SetViewArrangement(layout)
            self.layoutChanged.emit(layout)

    layout = Property(int, lambda self: self._scene.layout_logic.GetLayoutNode().GetViewArrangement(), setLayout)
    threeDViewCount = Property(int, lambda self: 1)
    tableViewCount = Property(int, lambda self: 0)
    plotViewCount = Property(int, lambda self: 0)
