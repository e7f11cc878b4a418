"""Meshes as VTK's data objects, and VTK's writers with their failures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
from vtkmodules.vtkCommonCore import vtkPoints, vtkStringArray
from vtkmodules.vtkCommonDataModel import (
    VTK_TETRA,
    vtkCellArray,
    vtkDataSet,
    vtkFieldData,
    vtkPolyData,
    vtkUnstructuredGrid,
)
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter, vtkXMLUnstructuredGridWriter

from .content import MeshContent
from .facets import FacetGroup

Arrays = Mapping[str, NDArray[np.generic]]


def surface_data(points: NDArray[np.float64], triangles: NDArray[np.int32]) -> vtkPolyData:
    """Return triangles (M, 3) on points (N, 3), both copied."""
    data = vtkPolyData()
    data.SetPoints(_points(points))
    data.SetPolys(_cells(triangles))
    return data


def volume_data(points: NDArray[np.float64], tetrahedra: NDArray[np.int32]) -> vtkUnstructuredGrid:
    """Return tetrahedra (K, 4) on points (N, 3), both copied."""
    data = vtkUnstructuredGrid()
    data.SetPoints(_points(points))
    data.SetCells(VTK_TETRA, _cells(tetrahedra))
    return data


def labeled_volume(content: MeshContent) -> vtkUnstructuredGrid:
    """Return the tetrahedra with their tag as "label", all fields, and for each patch which nodes lie on it."""
    data = volume_data(content.points, content.tetrahedra)
    add_arrays(data.GetCellData(), {"label": content.tetra_tags, **content.cell_fields})
    add_arrays(data.GetPointData(), content.node_fields)
    for name, chosen in content.patches.items():
        on_patch = np.zeros(len(content.points), np.uint8)
        on_patch[content.triangles[chosen]] = 1
        add_arrays(data.GetPointData(), {f"on_{name}": on_patch})
    return data


def add_arrays(attributes: vtkFieldData, arrays: Arrays) -> None:
    """Adds arrays by name, copied; 32-bit integers become vtkIntArray, 64-bit floats vtkDoubleArray."""
    for name, values in arrays.items():
        array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
        array.SetName(name)
        attributes.AddArray(array)


def state(data: vtkPolyData, content: MeshContent, groups: tuple[FacetGroup, ...]) -> None:
    """Writes frame, unit and what numbers mean into a surface's field data; Slicer reads SPACE.

    Volumes go without: meshio, which many convert them with, cannot read files that have texts in their field data.
    """
    texts = {"SPACE": [content.frame], "UNITS": ["mm"],
             "LABELS": [f"{region.tag}={region.name}" for region in content.regions],
             "PATCHES": [f"{group.number}={group.name}" for group in groups]}
    for name, values in texts.items():
        array = vtkStringArray()
        array.SetName(name)
        for value in values:
            array.InsertNextValue(value)
        data.GetFieldData().AddArray(array)


def save_volume(data: vtkUnstructuredGrid, content: MeshContent, path: Path) -> None:
    """Writes a VTU file with compressed arrays; frame and unit stand in a comment on its second line.

    Raises:
        OSError: The file could not be written.
    """
    writer = vtkXMLUnstructuredGridWriter()
    writer.EncodeAppendedDataOff()
    save(writer, data, path)
    start, line, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(start + line + f"<!-- {content.header} -->\n".encode() + rest)


def save_surface(data: vtkPolyData, path: Path) -> None:
    """Writes a VTP file with compressed arrays.

    Raises:
        OSError: The file could not be written.
    """
    writer = vtkXMLPolyDataWriter()
    writer.EncodeAppendedDataOff()
    save(writer, data, path)


def save(writer: Any, data: vtkDataSet, path: Path) -> None:
    """Writes a data object with one of VTK's writers.

    Raises:
        OSError: VTK could not write the file; VTK itself only prints that.
    """
    writer.SetInputData(data)
    writer.SetFileName(str(path))
    if writer.Write() != 1 or writer.GetErrorCode():
        raise OSError(f"VTK could not write {path.name}")


def _points(points: NDArray[np.float64]) -> vtkPoints:
    result = vtkPoints()
    result.SetDataTypeToDouble()
    result.SetData(numpy_to_vtk(np.ascontiguousarray(points), deep=True))
    return result


def _cells(corners: NDArray[np.int32]) -> vtkCellArray:
    count, size = corners.shape
    cells = vtkCellArray()
    cells.SetData(
        numpy_to_vtkIdTypeArray(np.arange(0, (count + 1) * size, size, dtype=np.int64), deep=True),
        numpy_to_vtkIdTypeArray(corners.ravel().astype(np.int64), deep=True),
    )
    return cells
