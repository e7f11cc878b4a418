"""The curves and numbers of a beating heart as tables and a plot of the scene, which are saved with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import slicer
import vtk

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.measurement import HeartFunction
from HeartSeg3DLib.scene.segmentation_result import place_beside
from HeartSeg3DLib.scene.text import _

CURVES_ROLE, NUMBERS_ROLE, CHART_ROLE = "HeartSeg.VolumeCurves", "HeartSeg.Function", "HeartSeg.VolumePlot"
PLOTTED = ("LV", "RV")

_SERIES_ROLE = "HeartSeg.VolumeSeries."
_PHASE, _TIME = "Phase", "Time (ms)"


def store_curves(segmentation: Any, curves: Mapping[str, Sequence[float]], times_ms: Sequence[float | None]) -> None:
    """Write the volume of every structure in every phase into a table and plot both ventricles.

    Args:
        segmentation: The vtkMRMLSegmentationNode that plays the phases.
        curves: Volumes in mL by structure id.
        times_ms: Time of each phase in ms, None where unknown.
    """
    table = _node(segmentation, CURVES_ROLE, "vtkMRMLTableNode", _("{name} volume curves"))
    columns = {_PHASE: [float(number) for number in range(len(times_ms))]}
    known = [time for time in times_ms if time is not None]
    if len(known) == len(times_ms):
        columns[_TIME] = known
    columns |= {_column_name(id): list(values) for id, values in curves.items()}
    modified = table.StartModify()
    table.RemoveAllColumns()
    for name, values in columns.items():
        array = vtk.vtkDoubleArray()
        array.SetName(name)
        for value in values:
            array.InsertNextValue(value)
        table.AddColumn(array)
    table.EndModify(modified)
    _plot(segmentation, table, [id for id in PLOTTED if id in curves], _TIME if _TIME in columns else _PHASE)


def store_numbers(segmentation: Any, function: HeartFunction) -> None:
    """Write ejection fraction and all other numbers into a table: structure, quantity, value, unit, and a remark
    on those that are not to be relied on."""
    table = _node(segmentation, NUMBERS_ROLE, "vtkMRMLTableNode", _("{name} function"))
    rows = function.to_rows()
    texts = {_("Structure"): [BY_ID[row.structure].name if row.structure in BY_ID else "" for row in rows],
             _("Quantity"): [row.quantity for row in rows]}
    modified = table.StartModify()
    table.RemoveAllColumns()
    for name, column in texts.items():
        table.AddColumn(_text_column(name, column))
    values = vtk.vtkDoubleArray()
    values.SetName(_("Value"))
    for row in rows:
        values.InsertNextValue(row.value)
    table.AddColumn(values)
    table.AddColumn(_text_column(_("Unit"), [row.unit for row in rows]))
    table.AddColumn(_text_column(_("Remark"), [row.remark for row in rows]))
    table.EndModify(modified)


def show_plot(segmentation: Any) -> None:
    """Show the volume curves in a layout with a plot; does nothing before `store_curves`."""
    chart = segmentation.GetNodeReference(CHART_ROLE)
    if chart is not None:
        slicer.modules.plots.logic().ShowChartInLayout(chart)


def _plot(segmentation: Any, table: Any, ids: Sequence[str], x_column: str) -> None:
    chart = _node(segmentation, CHART_ROLE, "vtkMRMLPlotChartNode", _("{name} volumes"))
    modified = chart.StartModify()
    chart.RemoveAllPlotSeriesNodeIDs()
    for id in ids:
        series = _node(segmentation, _SERIES_ROLE + id, "vtkMRMLPlotSeriesNode", "{name} " + id)
        series.SetName(BY_ID[id].name)  # the legend
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetXColumnName(x_column)
        series.SetYColumnName(_column_name(id))
        series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
        series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleCircle)
        series.SetColor(*(channel / 255.0 for channel in BY_ID[id].color))
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    chart.SetTitle(segmentation.GetName())
    chart.SetXAxisTitle(_("Time (ms)") if x_column == _TIME else _("Phase"))
    chart.SetYAxisTitle(_("Volume (mL)"))
    chart.EndModify(modified)


def _node(segmentation: Any, role: str, kind: str, name: str) -> Any:
    """Return the node of a role of the segmentation, made and put beside it if there is none."""
    node = segmentation.GetNodeReference(role)
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass(kind, name.format(name=segmentation.GetName()))
        segmentation.SetNodeReferenceID(role, node.GetID())
        place_beside(node, segmentation)
    return node


def _column_name(id: str) -> str:
    return f"{id} (mL)"


def _text_column(name: str, texts: Sequence[str]) -> vtk.vtkStringArray:
    column = vtk.vtkStringArray()
    column.SetName(name)
    for text in texts:
        column.InsertNextValue(text)
    return column
