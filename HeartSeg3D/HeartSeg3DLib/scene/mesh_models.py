"""A mesh in the scene: one model for each structure, at its place, in its color, and all in one folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import slicer
import vtk
from vtk.util import numpy_support

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.scene.segmentation_result import segment_id
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.transfer import Surface
from HeartSeg3DLib.scene.vtk_arrays import poly_data

SEGMENTATION_ROLE = "HeartSeg.Segmentation"
"""From a model to the segmentation that it is a mesh of."""

PLACE_ATTRIBUTE = "HeartSeg.MeshFolder"
"""Folder and name of the mesh's files, as one path."""

QUALITY = "Scaled Jacobian"
"""Shape of each triangle, or of the tetrahedron behind it: 1 is regular, 0 is flat."""

_QUALITY_COLORS = "HeartSeg mesh quality"
_QUALITY_SCALE = ((0.0, (0.80, 0.05, 0.35)), (0.15, (0.90, 0.25, 0.25)), (0.4, (0.95, 0.65, 0.25)),
                  (0.75, (0.75, 0.85, 0.75)), (1.0, (0.35, 0.65, 0.85)))
"""As in the picture of the report, told apart without red-green vision."""

_DARKER = 0.55
"""Edges of elements against their color: black ones would cover a fine mesh."""

_GRAY = (0.6, 0.6, 0.6)

_FIRST_WALL = 100
_SHEER = 0.35
"""Opacity of what is wrapped around something that is shown, too."""


def place_models(segmentation: Any, name: str, place: str, surfaces: Mapping[int, Surface]) -> list[Any]:
    """Show a mesh; older ones of the same segmentation are hidden, and the one that its files replaced goes.

    Args:
        segmentation: vtkMRMLSegmentationNode that was meshed; it may have left the scene.
        name: Name of the folder in the subject hierarchy.
        place: Folder and name of the files.
        surfaces: By label value, in RAS and in the world: models are under no transform.

    Returns:
        The vtkMRMLModelNodes, in the order of the labels.
    """
    for model in models_of(segmentation):
        if model.GetAttribute(PLACE_ATTRIBUTE) == place:
            _remove(model)
        else:
            model.GetDisplayNode().SetVisibility(False)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    folder = hierarchy.CreateFolderItem(_parent_of(hierarchy, segmentation), name)
    models = []
    for value, surface in sorted(surfaces.items()):
        model = _model(value, surface, _opacity(value, surfaces))
        model.SetAttribute(PLACE_ATTRIBUTE, place)
        if slicer.mrmlScene.IsNodePresent(segmentation):
            model.SetNodeReferenceID(SEGMENTATION_ROLE, segmentation.GetID())
        item = hierarchy.GetItemByDataNode(model)
        if item:
            hierarchy.SetItemParent(item, folder)
        else:
            hierarchy.CreateItem(folder, model)
        models.append(model)
    return models


def models_of(segmentation: Any) -> list[Any]:
    """Return the models of all meshes of a segmentation that are in the scene."""
    if segmentation is None:
        return []
    return [model for model in slicer.util.getNodesByClass("vtkMRMLModelNode")
            if model.GetNodeReference(SEGMENTATION_ROLE) is segmentation]


def shown_models(segmentation: Any) -> list[Any]:
    """Return the models of the mesh that is shown, or of none."""
    return [model for model in models_of(segmentation) if model.GetDisplayNode().GetVisibility()]


def show_quality(models: Iterable[Any], on: bool) -> None:
    """Color models by the shape of their elements, or each in the color of its structure."""
    for model in models:
        display = model.GetDisplayNode()
        if on:
            display.SetAndObserveColorNodeID(_quality_colors().GetID())
            display.SetActiveScalar(QUALITY, vtk.vtkAssignAttribute.CELL_DATA)
            display.SetScalarRangeFlag(slicer.vtkMRMLDisplayNode.UseManualScalarRange)
            display.SetScalarRange(0.0, 1.0)
        display.SetScalarVisibility(on)
        display.SetEdgeColor(*(_DARKER * channel for channel in (_GRAY if on else display.GetColor())))


def show_edges(models: Iterable[Any], on: bool) -> None:
    """Draw the edges of the triangles, or none."""
    for model in models:
        model.GetDisplayNode().SetEdgeVisibility(on)


def _model(value: int, surface: Surface, opacity: float) -> Any:
    structure = STRUCTURES.get(value)
    mesh = poly_data(surface)
    if surface.quality is not None:
        quality = numpy_support.numpy_to_vtk(surface.quality, deep=True)
        quality.SetName(QUALITY)
        mesh.GetCellData().AddArray(quality)
    name = structure.name if structure is not None else _("Label {value}").format(value=value)
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", name)
    model.SetAttribute("HeartSeg.Structure", segment_id(value))
    model.SetAndObservePolyData(mesh)
    model.CreateDefaultDisplayNodes()
    display = model.GetDisplayNode()
    if structure is not None:
        display.SetColor(*(channel / 255.0 for channel in structure.color))
    display.SetEdgeColor(*(_DARKER * channel for channel in display.GetColor()))
    display.SetOpacity(opacity)
    display.SetVisibility2D(True)
    display.SetSliceIntersectionThickness(2)
    return model


def _opacity(value: int, surfaces: Mapping[int, Surface]) -> float:
    """Return the opacity of a structure: walls let what is inside them be seen, if anything is."""
    inside = {2: 1}.get(value, value - _FIRST_WALL)
    return _SHEER if inside in surfaces else 1.0


def _parent_of(hierarchy: Any, segmentation: Any) -> int:
    """Return the item that a segmentation is in, such as its study."""
    item = hierarchy.GetItemByDataNode(segmentation) if slicer.mrmlScene.IsNodePresent(segmentation) else 0
    return int(hierarchy.GetItemParent(item) if item else hierarchy.GetSceneItemID())


def _remove(model: Any) -> None:
    """Remove a model, and its folder with the last one that was in it."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    folder = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(model))
    slicer.mrmlScene.RemoveNode(model)
    if folder != hierarchy.GetSceneItemID() and hierarchy.GetItemLevel(folder) == "Folder" \
            and not hierarchy.GetNumberOfItemChildren(folder):
        hierarchy.RemoveItem(folder)


def _quality_colors() -> Any:
    """Return the color node for quality, which is made once in a scene."""
    found = slicer.mrmlScene.GetFirstNodeByName(_QUALITY_COLORS)
    if found is not None:
        return found
    colors = vtk.vtkColorTransferFunction()
    for value, color in _QUALITY_SCALE:
        colors.AddRGBPoint(value, *color)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLProceduralColorNode", _QUALITY_COLORS)
    node.SetAndObserveColorTransferFunction(colors)
    node.SetAttribute("Category", "HeartSeg")
    return node
