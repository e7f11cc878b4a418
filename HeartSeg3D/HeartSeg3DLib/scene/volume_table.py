"""Volumes of the structures as they lie in the world, parent transforms included, and their table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer
import vtk

from HeartSeg3DLib.anatomy import MYOCARDIAL_DENSITY_G_PER_ML
from HeartSeg3DLib.scene.layer_volumes import volumes_in_layer
from HeartSeg3DLib.scene.segment_voxels import layers_in
from HeartSeg3DLib.scene.segmentation_result import place_beside
from HeartSeg3DLib.scene.text import _

ROLE = "HeartSeg.Volumes"


def volumes(segmentation: Any) -> dict[str, float]:
    """Return the volume of each segment in mL by its id, with all parent transforms applied."""
    return volumes_of(segmentation.GetSegmentation(), segmentation.GetParentTransformNode())


def volumes_of(contents: Any, transform: Any = None) -> dict[str, float]:
    """Return the volume of each segment of a vtkSegmentation in mL by its id.

    Linear transforms scale by their determinant. Others stretch every place differently: the volume of each small
    block of voxels comes from where the transform takes its corners, and each structure takes its share of voxels.

    Args:
        contents: The segments.
        transform: vtkMRMLTransformNode that they are under, None without one.
    """
    found = dict.fromkeys(contents.GetSegmentIDs(), 0.0)
    for labelmap, segments in layers_in(contents).items():
        found.update(volumes_in_layer(labelmap, segments, transform))
    return found


def update_table(segmentation: Any, measured: Mapping[str, float] | None = None) -> Any:
    """Write the volumes into the segmentation's table, which is made if there is none.

    Args:
        segmentation: vtkMRMLSegmentationNode.
        measured: Volumes in mL by id, if they are known already.

    Returns:
        The vtkMRMLTableNode with the columns Structure, Id, Volume (mL) and Mass (g, of the myocardium).
    """
    table = segmentation.GetNodeReference(ROLE)
    if table is None:
        table = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLTableNode", _("{name} volumes").format(name=segmentation.GetName()))
        segmentation.SetNodeReferenceID(ROLE, table.GetID())
        place_beside(table, segmentation)
    modified = table.StartModify()
    table.RemoveAllColumns()
    columns = [_column(vtk.vtkStringArray, _("Structure")), _column(vtk.vtkStringArray, _("Id")),
               _column(vtk.vtkDoubleArray, _("Volume (mL)")), _column(vtk.vtkStringArray, _("Mass (g)"))]
    for id, milliliters in (volumes(segmentation) if measured is None else measured).items():
        mass = f"{milliliters * MYOCARDIAL_DENSITY_G_PER_ML:.1f}" if id == "MYO" else ""
        row = (segmentation.GetSegmentation().GetSegment(id).GetName(), id, round(milliliters, 2), mass)
        for column, value in zip(columns, row, strict=True):
            column.InsertNextValue(value)
    for column in columns:
        table.AddColumn(column)
    table.SetUseColumnNameAsColumnHeader(True)
    table.EndModify(modified)
    return table


def source_volume(segmentation: Any) -> Any:
    """Return the volume that a segmentation was made from, None where it is gone."""
    return segmentation.GetNodeReference(segmentation.GetReferenceImageGeometryReferenceRole())


def _column(kind: Any, name: str) -> Any:
    column = kind()
    column.SetName(name)
    return column
