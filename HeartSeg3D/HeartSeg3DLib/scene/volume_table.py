"""Volumes of the structures as they lie in the world, parent transforms included, and their table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util import numpy_support

from HeartSeg3DLib.anatomy import MYOCARDIAL_DENSITY_G_PER_ML
from HeartSeg3DLib.scene.segment_voxels import image_to_world, layers_in, voxels_of
from HeartSeg3DLib.scene.segmentation_result import place_beside
from HeartSeg3DLib.scene.text import _

ROLE = "HeartSeg.Volumes"

_CORNERS = 40_000
"""Points at which a transform that is not linear is evaluated: 0.3 s where it must be inverted."""

_SMALLEST_BLOCK = 2


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
        found.update(_volumes_in_layer(labelmap, segments, transform))
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


def _volumes_in_layer(labelmap: Any, segments: dict[str, int], transform: Any) -> dict[str, float]:
    labels = voxels_of(labelmap)
    axes = image_to_world(labelmap)
    if transform is not None and not transform.IsTransformToWorldLinear():
        counted = _stretched(labels, labelmap.GetExtent(), axes, transform, sorted(set(segments.values())))
    else:
        if transform is not None:
            to_world = vtk.vtkMatrix4x4()
            transform.GetMatrixTransformToWorld(to_world)
            axes = slicer.util.arrayFromVTKMatrix(to_world) @ axes
        voxel = abs(np.linalg.det(axes[:3, :3]))
        counted = {value: number * voxel for value, number in _counts(labels, set(segments.values())).items()}
    return {id: float(counted[value]) / 1000.0 for id, value in segments.items()}


def _counts(labels: NDArray[np.integer], values: set[int]) -> dict[int, int]:
    """Return how many voxels have each value; slice by slice, so that the processor's cache holds what is compared."""
    counts = dict.fromkeys(values, 0)
    for plane in labels:
        for value in values:
            counts[value] += int(np.count_nonzero(plane == value))
    return counts


def _stretched(labels: NDArray[np.integer], extent: tuple[int, ...], ijk_to_local: NDArray[np.float64],
               transform: Any, values: list[int]) -> dict[int, float]:
    """Return the volume in mm^3 of each label value under a transform that is not linear."""
    block = max(_SMALLEST_BLOCK, int(np.ceil((labels.size / _CORNERS) ** (1 / 3))))
    edges = [np.append(np.arange(0, count, block), count) for count in labels.shape]
    corners = _corners_in_world(edges, extent, ijk_to_local, transform)
    # Volume of each block over its number of voxels, from the averaged edges along its three axes.
    along = [_averaged(np.diff(corners, axis=axis), [other for other in range(3) if other != axis])
             for axis in range(3)]
    measure = np.abs(np.einsum("zyxc,zyxc->zyx", along[0], np.cross(along[1], along[2])))
    sizes = [np.diff(edge) for edge in edges]
    measure /= sizes[0][:, None, None] * sizes[1][None, :, None] * sizes[2][None, None, :]
    found = {}
    for value in values:
        share = (labels == value).astype(np.int32)
        for axis in range(3):
            share = np.add.reduceat(share, edges[axis][:-1], axis=axis)
        found[value] = float((share * measure).sum())
    return found


def _corners_in_world(edges: list[NDArray[np.integer]], extent: tuple[int, ...], ijk_to_local: NDArray[np.float64],
                      transform: Any) -> NDArray[np.float64]:
    """Return where the corners of the blocks lie in the world, array [z, y, x, 3] in RAS."""
    z, y, x = (edge + extent[2 * axis] - 0.5 for edge, axis in zip(edges, (2, 1, 0), strict=True))
    grid = np.stack(np.meshgrid(z, y, x, indexing="ij")[::-1], axis=-1)
    local = grid @ ijk_to_local[:3, :3].T + ijk_to_local[:3, 3]
    before, after = vtk.vtkPoints(), vtk.vtkPoints()
    before.SetData(numpy_support.numpy_to_vtk(np.ascontiguousarray(local.reshape(-1, 3)), deep=True))
    after.SetDataTypeToDouble()
    to_world = vtk.vtkGeneralTransform()
    transform.GetTransformToWorld(to_world)
    to_world.TransformPoints(before, after)
    moved: NDArray[np.float64] = numpy_support.vtk_to_numpy(after.GetData()).reshape(local.shape)
    return moved


def _averaged(vectors: NDArray[np.float64], axes: list[int]) -> NDArray[np.float64]:
    for axis in axes:
        low = [slice(None)] * 4
        high = [slice(None)] * 4
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        vectors = (vectors[tuple(low)] + vectors[tuple(high)]) / 2
    return vectors


def _column(kind: Any, name: str) -> Any:
    column = kind()
    column.SetName(name)
    return column
