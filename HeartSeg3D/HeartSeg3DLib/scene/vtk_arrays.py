"""From arrays to VTK objects on the same memory: nothing is copied, so a large result does not hold up the GUI."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util import numpy_support

from HeartSeg3DLib.scene.transfer import Surface


def matrix_of(values: NDArray[np.float64]) -> Any:
    """Return a (4, 4) array as vtkMatrix4x4."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(values.ravel())
    return matrix


def transformed(transform: Any, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where a vtkAbstractTransform takes points (N, 3)."""
    before, after = vtk.vtkPoints(), vtk.vtkPoints()
    before.SetData(numpy_support.numpy_to_vtk(np.ascontiguousarray(points), deep=True))
    after.SetDataTypeToDouble()
    transform.TransformPoints(before, after)
    moved: NDArray[np.float64] = numpy_support.vtk_to_numpy(after.GetData()).copy()
    return moved


def oriented_image(ijk_to_ras: NDArray[np.float64], start: tuple[int, int, int], labels: NDArray[np.uint8]) -> Any:
    """Return labels [z, y, x] as a vtkOrientedImageData on the lattice of a scan.

    Args:
        ijk_to_ras: (4, 4), of the whole scan.
        start: Voxel (x, y, z) of the scan at which the labels begin.
        labels: C-contiguous; VTK gets a copy.
    """
    image = slicer.vtkOrientedImageData()
    ends = [first + count - 1 for first, count in zip(start, labels.shape[::-1], strict=True)]
    image.SetExtent(start[0], ends[0], start[1], ends[1], start[2], ends[2])
    image.SetGeometryFromImageToWorldMatrix(matrix_of(ijk_to_ras))
    image.GetPointData().SetScalars(_scalars(labels))
    return image


def plain_image(labels: NDArray[np.uint8]) -> Any:
    """Return a copy of labels [z, y, x] as the vtkImageData of a volume node."""
    image = vtk.vtkImageData()
    image.SetDimensions(labels.shape[::-1])
    image.GetPointData().SetScalars(_scalars(labels))
    return image


def poly_data(surface: Surface) -> Any:
    """Return a copy of a surface as vtkPolyData.

    Nothing here shares memory with NumPy: VTK keeps such arrays alive by the Python wrapper of its own, and scenes with
    many of them ended in crashes where the next wrapper was made.
    """
    points = vtk.vtkPoints()
    points.SetData(numpy_support.numpy_to_vtk(surface.points, deep=True))
    triangles = vtk.vtkCellArray()
    triangles.SetData(numpy_support.numpy_to_vtkIdTypeArray(surface.offsets, deep=True),
                      numpy_support.numpy_to_vtkIdTypeArray(surface.connectivity, deep=True))
    result = vtk.vtkPolyData()
    result.SetPoints(points)
    result.SetPolys(triangles)
    if surface.normals is not None:
        normals = numpy_support.numpy_to_vtk(surface.normals, deep=True)
        normals.SetName("Normals")
        result.GetPointData().SetNormals(normals)
    return result


def _scalars(labels: NDArray[np.uint8]) -> Any:
    scalars = numpy_support.numpy_to_vtk(labels.reshape(-1), deep=True, array_type=vtk.VTK_UNSIGNED_CHAR)
    scalars.SetName("ImageScalars")
    return scalars
