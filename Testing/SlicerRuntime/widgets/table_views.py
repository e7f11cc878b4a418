"""Stand-ins for Slicer's views of a table node and of the subject hierarchy."""

from __future__ import annotations

from typing import Any

import shiboken6
import vtk
from PySide6 import QtGui, QtWidgets
from PySide6.QtCore import Signal

from .ctk_values import ctkComboBox
from .declaring import stands_for_cpp, stored


@stands_for_cpp
class qMRMLTableView(QtWidgets.QTableView):
    """Shows a table node."""

    mrmlSceneChanged = Signal(object)
    _cells_chosen = Signal()
    cpp_signals = {
        "mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged",
        "selectionChanged()": "_cells_chosen",
    }
    transposed = stored("transposed", bool, False)
    firstRowLocked = stored("firstRowLocked", bool, False)
    firstColumnLocked = stored("firstColumnLocked", bool, False)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._scene: Any = None
        self._node: Any = None
        self._tag = 0
        self._model = QtGui.QStandardItemModel(self)
        self.setModel(self._model)
        self.selectionModel().selectionChanged.connect(lambda *_: self._cells_chosen.emit())

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLTableNode(self, node: Any) -> None:
        if self._node is not None:
            self._node.RemoveObserver(self._tag)
        self._node = node
        if node is not None:
            self._tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._refresh)
        self._refresh()

    def mrmlTableNode(self) -> Any:
        return self._node

    def tableModel(self) -> QtGui.QStandardItemModel:
        return self._model

    def setFirstRowLocked(self, locked: bool) -> None:
        self.firstRowLocked = locked

    def setFirstColumnLocked(self, locked: bool) -> None:
        self.firstColumnLocked = locked

    def _refresh(self, *_: Any) -> None:
        if not shiboken6.isValid(self):
            return
        self._model.clear()
        if self._node is None:
            return
        columns = self._node.GetNumberOfColumns()
        self._model.setHorizontalHeaderLabels([self._node.GetColumnName(column) for column in range(columns)])
        for row in range(self._node.GetNumberOfRows()):
            texts = [self._node.GetCellText(row, column) for column in range(columns)]
            self._model.appendRow([QtGui.QStandardItem(text) for text in texts])


@stands_for_cpp
class qMRMLSubjectHierarchyTreeView(QtWidgets.QTreeView):
    """Named by Slicer's own Python files; the test runtime shows no tree in it."""


@stands_for_cpp
class qMRMLSubjectHierarchyComboBox(ctkComboBox):
    """Named by Slicer's own Python files; the test runtime shows no items in it."""
