"""A stand-in for qMRMLSegmentsTableView."""

from __future__ import annotations

from typing import Any

import shiboken6
import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, Signal

from .declaring import stands_for_cpp, stored
from .mrml_basics import qMRMLWidget


@stands_for_cpp
class qMRMLSegmentsTableView(qMRMLWidget):
    """Lists the segments with visibility, color and name."""

    selectionChanged = Signal(object, object)
    segmentAboutToBeModified = Signal(str)
    cpp_signals = {
        "selectionChanged(QItemSelection,QItemSelection)": "selectionChanged",
        "segmentAboutToBeModified(QString)": "segmentAboutToBeModified",
    }
    headerVisible = stored("headerVisible", bool, True)
    visibilityColumnVisible = stored("visibilityColumnVisible", bool, True)
    colorColumnVisible = stored("colorColumnVisible", bool, True)
    opacityColumnVisible = stored("opacityColumnVisible", bool, True)
    statusColumnVisible = stored("statusColumnVisible", bool, False)
    layerColumnVisible = stored("layerColumnVisible", bool, False)
    filterBarVisible = stored("filterBarVisible", bool, False)
    jumpToSelectedSegmentEnabled = stored("jumpToSelectedSegmentEnabled", bool, False)
    readOnly = stored("readOnly", bool, False)
    textFilter = stored("textFilter", str, "")
    useTerminologySelector = stored("useTerminologySelector", bool, True)
    selectionMode = stored("selectionMode", int, 3)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        box = QtWidgets.QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        self._table = QtWidgets.QTableWidget(0, 3)
        self._table.setHorizontalHeaderLabels(["", "", "Name"])
        self._table.horizontalHeader().setStretchLastSection(True)
        self._table.setColumnWidth(0, 28)
        self._table.setColumnWidth(1, 28)
        self._table.verticalHeader().setVisible(False)
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectRows)
        box.addWidget(self._table)
        self._segmentation: Any = None
        self._tags: list[int] = []
        self._ids: list[str] = []
        self._table.itemSelectionChanged.connect(self._selected)

    def _selected(self) -> None:
        self.selectionChanged.emit(self._table.selectionModel().selection, QtCore.QItemSelection())

    def setSegmentationNode(self, node: Any) -> None:
        for tag in self._tags:
            self._segmentation.RemoveObserver(tag)
        self._segmentation, self._tags = node, []
        if node is not None:
            events = (
                slicer.vtkSegmentation.SegmentAdded,
                slicer.vtkSegmentation.SegmentRemoved,
                slicer.vtkSegmentation.SegmentModified,
            )
            self._tags = [node.AddObserver(event, self._refresh) for event in events]
        self._refresh()

    def segmentationNode(self) -> Any:
        return self._segmentation

    def _refresh(self, *_: Any) -> None:
        if not shiboken6.isValid(self):
            return
        segments = self._segmentation.GetSegmentation() if self._segmentation is not None else None
        self._ids = list(segments.GetSegmentIDs()) if segments is not None else []
        self._table.setRowCount(len(self._ids))
        for row, identifier in enumerate(self._ids):
            segment = segments.GetSegment(identifier)
            color = QtWidgets.QTableWidgetItem()
            swatch = QtGui.QPixmap(16, 16)
            swatch.fill(QtGui.QColor.fromRgbF(*segment.GetColor()))
            color.setIcon(QtGui.QIcon(swatch))
            eye = QtWidgets.QTableWidgetItem()
            eye.setCheckState(QtCore.Qt.Checked)
            for column, item in enumerate((eye, color, QtWidgets.QTableWidgetItem(segment.GetName()))):
                self._table.setItem(row, column, item)

    def segmentIDForRow(self, row: int) -> str:
        return self._ids[row] if 0 <= row < len(self._ids) else ""

    def rowForSegmentID(self, identifier: str) -> int:
        return self._ids.index(identifier) if identifier in self._ids else -1

    def selectedSegmentIDs(self) -> tuple[str, ...]:
        rows = sorted({index.row() for index in self._table.selectionModel().selectedRows()})
        return tuple(self._ids[row] for row in rows)

    def setSelectedSegmentIDs(self, identifiers: Any) -> None:
        self._table.clearSelection()
        for identifier in identifiers:
            self._table.selectRow(self._ids.index(identifier))

    def displayedSegmentIDs(self) -> tuple[str, ...]:
        return tuple(self._ids)

    def clearSelection(self) -> None:
        self._table.clearSelection()

    def tableWidget(self) -> QtWidgets.QTableWidget:
        return self._table

    segmentCount = Property(int, lambda self: len(self._ids))
