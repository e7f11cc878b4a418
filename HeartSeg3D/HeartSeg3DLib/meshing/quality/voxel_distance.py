"""How far is a mesh from the voxels it stands for?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkFiltersGeneral import vtkDistancePolyDataFilter

Points = NDArray[np.float64]
Triangles = NDArray[np.int64]


@dataclass(frozen=True)
class Distance:
    """Symmetric distance in mm between two surfaces, over the vertices of both."""

    mean: float
    median: float
    percentile_95: float
    maximum: float


def voxel_surface(labels: sitk.Image, value: int) -> tuple[Points, Triangles]:
    """Return the outside of one label's voxels, two triangles for each face of a voxel.

    Args:
        labels: 3-D label map in any orientation, LPS, mm.
        value: Label that occurs in it.

    Returns:
        Points (N, 3), LPS, mm, and triangles (M, 3).
    """
    inside = np.pad(sitk.GetArrayViewFromImage(labels) == value, 1)
    shape = np.array(inside.shape) + 1  # of the lattice of voxel corners
    squares = []
    for axis in range(3):
        low, high = ([slice(None)] * 3 for _ in range(2))
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        place = np.argwhere(inside[tuple(low)] != inside[tuple(high)])
        place[:, axis] += 1
        step_u, step_v = (np.eye(3, dtype=int)[other] for other in range(3) if other != axis)
        square = [place, place + step_u, place + step_u + step_v, place + step_v]
        squares.append(np.stack([np.ravel_multi_index(tuple(corner.T), tuple(shape)) for corner in square], axis=1))
    corners = np.concatenate(squares)
    used, numbers = np.unique(corners[:, [0, 1, 2, 0, 2, 3]], return_inverse=True)
    zyx = np.stack(np.unravel_index(used, tuple(shape)), axis=1)
    index = zyx[:, ::-1] - 1.5  # of a corner, before the voxel that was added on each side
    matrix = np.reshape(labels.GetDirection(), (3, 3)) * labels.GetSpacing()
    return np.array(labels.GetOrigin()) + index @ matrix.T, numbers.reshape(-1, 3)


def symmetric_distance(points: Points, triangles: Triangles, other: tuple[Points, Triangles]) -> Distance:
    """Measure from the vertices of each surface to the other.

    Args:
        points: (N, 3) vertices in mm.
        triangles: (M, 3) indices; vertices that no triangle uses do not count.
        other: Points and triangles of the second surface.
    """
    one, two = _poly_data(points, triangles), _poly_data(*other)
    both = np.concatenate([_distances(one, two), _distances(two, one)])
    median, high = np.percentile(both, [50, 95])
    return Distance(float(both.mean()), float(median), float(high), float(both.max()))


def _distances(source: vtkPolyData, target: vtkPolyData) -> NDArray[np.float64]:
    measure = vtkDistancePolyDataFilter()
    measure.SetInputData(0, source)
    measure.SetInputData(1, target)
    measure.SignedDistanceOff()
    measure.ComputeSecondDistanceOff()
    measure.Update()
    return vtk_to_numpy(measure.GetOutput().GetPointData().GetArray("Distance")).astype(np.float64)


def _poly_data(points: Points, triangles: Triangles) -> vtkPolyData:
    used, corners = np.unique(triangles, return_inverse=True)
    data, places, cells = vtkPolyData(), vtkPoints(), vtkCellArray()
    places.SetData(numpy_to_vtk(np.ascontiguousarray(points[used], np.float64), deep=True))
    offsets = np.arange(0, corners.size + 1, 3, dtype=np.int64)
    cells.SetData(numpy_to_vtkIdTypeArray(offsets, deep=True),
                  numpy_to_vtkIdTypeArray(np.ascontiguousarray(corners.ravel(), np.int64), deep=True))
    data.SetPoints(places)
    data.SetPolys(cells)
    return data
