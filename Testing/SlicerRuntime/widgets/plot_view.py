"""A stand-in for Slicer's plot view: it draws the series of a chart node as lines."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Signal

from .declaring import stands_for_cpp
from .mrml_basics import qMRMLWidget

_MARGIN = 34


@stands_for_cpp
class qMRMLPlotView(QtWidgets.QWidget):
    """Draws the chart of a plot view node."""

    mrmlSceneChanged = Signal(object)
    dataSelected = Signal(object, object)
    cpp_signals = {
        "mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged",
        "dataSelected(vtkStringArray*,vtkCollection*)": "dataSelected",
    }

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._node: Any = None
        self.setMinimumHeight(180)

    def setMRMLScene(self, scene: Any) -> None:
        self.mrmlSceneChanged.emit(scene)

    def setMRMLPlotViewNode(self, node: Any) -> None:
        self._node = node
        self.update()

    def fitToContent(self) -> None:
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect, QtCore.Qt.white)
        chart = self._node.GetPlotChartNode() if self._node is not None else None
        for series in _series(chart):
            _draw(painter, self.rect.adjusted(_MARGIN, 12, -12, -_MARGIN), series)
        painter.end()


def _series(chart: Any) -> list[Any]:
    if chart is None:
        return []
    return [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]


def _draw(painter: QtGui.QPainter, area: QtCore.QRect, series: Any) -> None:
    table = series.GetTableNode()
    x = slicer.util.arrayFromTableColumn(table, series.GetXColumnName()).astype(float)
    y = slicer.util.arrayFromTableColumn(table, series.GetYColumnName()).astype(float)
    painter.setPen(QtGui.QPen(QtCore.Qt.darkGray))
    painter.drawRect(area)
    highest, span = float(y.max()) * 1.1 or 1.0, float(x.max() - x.min()) or 1.0
    points = [
        QtCore.QPointF(area.left() + (a - x.min()) / span * area.width(), area.bottom() - b / highest * area.height())
        for a, b in zip(x, y, strict=True)
    ]
    painter.setPen(QtGui.QPen(QtGui.QColor.fromRgbF(*series.GetColor()), 2))
    painter.drawPolyline(points)


@stands_for_cpp
class qMRMLPlotWidget(qMRMLWidget):
    """A plot view with its controller."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        box = QtWidgets.QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        self._view = qMRMLPlotView()
        box.addWidget(self._view)

    def plotView(self) -> qMRMLPlotView:
        return self._view

    def setMRMLPlotViewNode(self, node: Any) -> None:
        self._view.setMRMLPlotViewNode(node)

    def mrmlPlotViewNode(self) -> Any:
        return self._view._node
