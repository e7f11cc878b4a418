"""Smooth closed surfaces of the structures of a label field; neighbors share their walls.

Surface nets (Gibson 1998, doi 10.1007/BFb0056277) put one vertex into every 2x2x2 cell that holds more than one label;
windowed-sinc smoothing (Taubin 1996, doi 10.1007/BFb0015536) removes the stairs of the samples without shrinking.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkImageData, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkSurfaceNets3D, vtkWindowedSincPolyDataFilter

from .label_field import LabelField
from .mesh import OUTSIDE, SurfaceMesh
from .neighbors import mean_of_neighbors
from .triangle_quality import choose_diagonals, slide_points, undo_harm
from .volume_balance import restore_volumes

PASS_BAND, ITERATIONS = 0.03, 30
"""Features below about ten edges are smoothed; measured best of 0.01, 0.03 and 0.1 for stairs of one sample."""

_FARTHEST = 0.7
"""Pitches that smoothing may move a point: more rounds off the thin rims of walls, less leaves noise of the labels."""

_LARGEST_SHIFT = 0.1
"""Pitches that a wall may move in each round of restoring the volumes; the field is within a percent of them."""


def surface_mesh(field: LabelField) -> SurfaceMesh:
    """Return the walls between the structures of a field as triangles with edges of about 0.95 of its pitch.

    Every structure's surface is closed, and its volume is that of the voxels that the field was made from.

    Raises:
        CheckError: Triangles cut each other and no rougher surface helps.
    """
    points, triangles, labels = _nets(field)
    smooth = _smooth(points, triangles, _FARTHEST * field.pitch_mm)
    triangles = choose_diagonals(smooth, triangles)  # in the nets they are squares: either diagonal cuts them alike
    mean = mean_of_neighbors(triangles, len(points))
    smooth = slide_points(smooth, triangles, mean)
    smooth = restore_volumes(smooth, triangles, labels, field.values, field.indicators.volumes_mm3,
                             _LARGEST_SHIFT * field.pitch_mm)
    points = undo_harm(smooth, points, triangles, mean, field.pitch_mm)
    if np.linalg.det(field.direction) < 0:
        triangles = triangles[:, ::-1]
    placed = field.origin + points @ field.direction.T
    return SurfaceMesh(placed, np.ascontiguousarray(triangles, np.int32), labels)


def _nets(field: LabelField) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int16]]:
    """Return points (N, 3) in mm along the field's axes from its first sample, triangles (M, 3) and labels (M, 2).

    The triangles run counter-clockwise seen from the side of their second label.
    """
    image = vtkImageData()
    image.SetDimensions(field.labels.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(field.labels.ravel()))
    nets = vtkSurfaceNets3D()
    nets.SetInputData(image)
    for number, value in enumerate(field.values[1:]):
        nets.SetValue(number, value)
    nets.SetBackgroundLabel(OUTSIDE)
    nets.SetSmoothing(False)
    nets.SetOutputMeshTypeToTriangles()
    nets.Update()
    mesh = nets.GetOutput()
    points = vtk_to_numpy(mesh.GetPoints().GetData()).astype(np.float64) * field.pitch_mm
    triangles = vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int64)
    labels = vtk_to_numpy(mesh.GetCellData().GetArray("BoundaryLabels")).astype(np.int16)
    turned = (labels[:, 0] == OUTSIDE) | ((labels[:, 1] != OUTSIDE) & (labels[:, 1] < labels[:, 0]))
    labels[turned] = labels[turned, ::-1]
    triangles[turned] = triangles[turned, ::-1]
    return points, triangles, labels


def _smooth(points: NDArray[np.float64], triangles: NDArray[np.int64], farthest: float) -> NDArray[np.float64]:
    """Return the points without the stairs of the samples; seams of three structures move with the walls."""
    cells = vtkCellArray()
    cells.SetData(numpy_to_vtkIdTypeArray(np.arange(0, triangles.size + 1, 3), deep=1),
                  numpy_to_vtkIdTypeArray(triangles.ravel(), deep=1))
    places = vtkPoints()
    places.SetDataTypeToDouble()
    places.SetData(numpy_to_vtk(np.ascontiguousarray(points), deep=1))
    mesh = vtkPolyData()
    mesh.SetPoints(places)
    mesh.SetPolys(cells)
    sinc = vtkWindowedSincPolyDataFilter()
    sinc.SetInputData(mesh)
    sinc.SetPassBand(PASS_BAND)
    sinc.SetNumberOfIterations(ITERATIONS)
    sinc.NormalizeCoordinatesOn()
    sinc.NonManifoldSmoothingOn()
    sinc.BoundarySmoothingOff()
    sinc.FeatureEdgeSmoothingOff()
    sinc.Update()
    way = vtk_to_numpy(sinc.GetOutput().GetPoints().GetData()) - points
    length = np.linalg.norm(way, axis=1, keepdims=True)
    return np.asarray(points + way * np.minimum(1.0, farthest / np.maximum(length, np.finfo(float).tiny)))
