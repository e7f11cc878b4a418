"""The curves of a job as tables and a plot of the scene; they are this session's and not saved with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer
import vtk

from HeartSeg3DLib.scene.text import _
from HeartSegTrainingLib.scene.curves import Chart, Curve

_ROLE = "HeartSegTraining.Role"
_STEP = "Step"
_COLORS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167))


def store_plot(title: str, charts: Sequence[Chart]) -> Any:
    """Write each curve into a table and show all as series of one plot chart; the same nodes are used again.

    Args:
        title: Name of the job.
        charts: What to show.

    Returns:
        The vtkMRMLPlotChartNode.
    """
    chart_node = _node("vtkMRMLPlotChartNode", "Chart")
    modified = chart_node.StartModify()
    chart_node.RemoveAllPlotSeriesNodeIDs()
    named = [(f"{chart.title} ({curve.name})", curve) for chart in charts for curve in chart.curves]
    for number, (name, curve) in enumerate(named):
        table = _node("vtkMRMLTableNode", f"Curve{number}")
        _fill(table, name, curve)
        series = _node("vtkMRMLPlotSeriesNode", f"Series{number}")
        series.SetName(name)
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetXColumnName(_STEP)
        series.SetYColumnName(name)
        series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
        series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleNone)
        series.SetColor(*(channel / 255.0 for channel in _COLORS[number % len(_COLORS)]))
        chart_node.AddAndObservePlotSeriesNodeID(series.GetID())
    chart_node.SetTitle(title)
    chart_node.SetXAxisTitle(_STEP)
    chart_node.SetYAxisTitle(_("Loss, Dice"))
    chart_node.EndModify(modified)
    return chart_node


def is_shown() -> bool:
    """Whether the plot is in the scene, so that it has to follow the job."""
    return _found("vtkMRMLPlotChartNode", "Chart") is not None


def show_plot(chart_node: Any) -> None:
    """Show a chart in a layout with a plot view."""
    slicer.modules.plots.logic().ShowChartInLayout(chart_node)


def _fill(table: Any, name: str, curve: Curve) -> None:
    """Write one curve: each has steps of its own, and a plot breaks its line where a value is missing."""
    modified = table.StartModify()
    table.RemoveAllColumns()
    table.AddColumn(_column(_STEP, curve.steps))
    table.AddColumn(_column(name, curve.values))
    table.EndModify(modified)


def _column(name: str, values: Sequence[float]) -> vtk.vtkDoubleArray:
    array = vtk.vtkDoubleArray()
    array.SetName(name)
    for value in values:
        array.InsertNextValue(value)
    return array


def _node(kind: str, role: str) -> Any:
    """Return the one node of a role, made if there is none."""
    node = _found(kind, role)
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass(kind, _("Training curves"))
        node.SetAttribute(_ROLE, role)
        node.SetSaveWithScene(False)
    return node


def _found(kind: str, role: str) -> Any:
    """Return the node of a role; no singleton, which would outlive the scene."""
    return next((node for node in slicer.util.getNodesByClass(kind) if node.GetAttribute(_ROLE) == role), None)
