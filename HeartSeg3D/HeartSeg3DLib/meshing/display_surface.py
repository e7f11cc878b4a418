"""Smooth closed surfaces of a label map for the screen; neighbors share their walls.

Surface nets (Gibson 1998, doi 10.1007/BFb0056277) give one mesh in which a wall between two structures exists once. It
is smoothed as a whole without shrinking (Taubin 1995, doi 10.1145/218380.218473), so neither gaps nor overlaps appear,
and is then taken apart. Lines along which three structures meet are smoothed as curves, or they would fray.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkSurfaceNets3D

from .neighbors import mean_of_neighbors

_FINEST_MM = 1.0
"""Finer labels are sampled at this distance: more triangles would not be seen."""

_INWARD, _PASS_BAND, _ITERATIONS = 0.5, 0.05, 30
"""Taubin's lambda and pass-band frequency; steps of voxels vanish and volumes stay within one percent, see the test."""


@dataclass(frozen=True)
class DisplaySurface:
    """Closed surface of one structure.

    Attributes:
        points: (N, 3) float32, LPS in mm.
        triangles: (M, 3) int32, indices of points, counter-clockwise seen from outside.
        normals: (N, 3) float32 unit vectors, outward.
    """

    points: NDArray[np.float32]
    triangles: NDArray[np.int32]
    normals: NDArray[np.float32]


def display_surfaces(labels: sitk.Image) -> dict[int, DisplaySurface]:
    """Return the surface of each structure by its label value; structures that are absent have none.

    Surfaces are closed where the image ends, too.

    Args:
        labels: 3-D label map of 8-bit values in any orientation, LPS in mm.
    """
    cropped = _cropped(labels)
    if cropped is None:
        return {}
    voxels, step, start = cropped
    points, triangles, sides = _joint_mesh(voxels, step)
    points = _smooth(points, triangles)
    direction = np.reshape(labels.GetDirection(), (3, 3))
    origin = np.array(labels.TransformContinuousIndexToPhysicalPoint(start))
    placed = origin + points @ direction.T
    mirrored = np.linalg.det(direction) < 0
    return {
        int(value): _surface_of(int(value), placed, triangles, sides, mirrored)
        for value in np.unique(sides) if value > 0
    }


def _cropped(labels: sitk.Image) -> tuple[NDArray[np.uint8], tuple[float, ...], tuple[float, ...]] | None:
    """Return labels [z, y, x] in their box within one layer of background, not finer than what is seen.

    With them come the distance of samples in mm and the continuous index of the first sample, both along x, y, z; None
    for an empty label map.
    """
    values = sitk.GetArrayViewFromImage(labels)
    boxes = [box for box in ndimage.find_objects(values) if box is not None]
    if not boxes:
        return None
    places, steps, starts = [], [], []
    for axis, spacing in enumerate(labels.GetSpacing()[::-1]):
        low, high = min(box[axis].start for box in boxes), max(box[axis].stop for box in boxes)
        count = max(1, min(high - low, round((high - low) * spacing / _FINEST_MM)))
        pitch = (high - low) / count  # in voxels; samples lie in the middle of equal parts of the box
        places.append(np.floor(low + pitch * (np.arange(count) + 0.5)).astype(np.intp))
        steps.append(pitch * spacing)
        starts.append(low - 0.5 - 0.5 * pitch)  # of the layer of background before the first sample
    sampled = np.pad(values[np.ix_(*places)], 1)
    return sampled, tuple(steps[::-1]), tuple(starts[::-1])


def _joint_mesh(
    voxels: NDArray[np.uint8], step: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.number]]:
    """Return points (N, 3) from the first voxel along the array's axes in mm, triangles (M, 3) and their labels (M, 2).

    A triangle turns counter-clockwise seen from outside of its first label.
    """
    image = vtkImageData()
    image.SetDimensions(voxels.shape[::-1])
    image.SetSpacing(step)
    image.GetPointData().SetScalars(numpy_to_vtk(voxels.ravel()))
    nets = vtkSurfaceNets3D()
    nets.SetInputData(image)
    for number, value in enumerate(np.unique(voxels[voxels > 0])):
        nets.SetValue(number, int(value))
    nets.SetSmoothing(False)
    nets.SetOutputMeshTypeToTriangles()
    nets.Update()
    mesh = nets.GetOutput()
    return (
        vtk_to_numpy(mesh.GetPoints().GetData()).astype(np.float64),
        vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int64),
        vtk_to_numpy(mesh.GetCellData().GetArray("BoundaryLabels")).copy(),
    )


def _smooth(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the points (N, 3) of a mesh without the steps of its voxels, its volumes kept."""
    mean = mean_of_neighbors(triangles, len(points))
    outward = 1.0 / (_PASS_BAND - 1.0 / _INWARD)
    for _ in range(_ITERATIONS):
        for part in (_INWARD, outward):
            points = points + part * (mean @ points - points)
    return points


def _surface_of(
    value: int,
    points: NDArray[np.float64],
    triangles: NDArray[np.int64],
    sides: NDArray[np.number],
    mirrored: bool,
) -> DisplaySurface:
    """Return the walls of one structure with its own points, turned outward."""
    walls = np.concatenate([triangles[sides[:, 0] == value], triangles[sides[:, 1] == value][:, ::-1]])
    return surface_alone(points, walls[:, ::-1] if mirrored else walls)


def surface_alone(points: NDArray[np.float64], triangles: NDArray[np.integer]) -> DisplaySurface:
    """Return triangles (M, 3), turned outward, with normals and those of the points (N, 3) alone that they stand on."""
    used = np.zeros(len(points), bool)
    used[triangles] = True
    number = np.cumsum(used) - 1
    own, corners = points[used], number[triangles]
    return DisplaySurface(
        own.astype(np.float32), np.ascontiguousarray(corners, np.int32), _normals(own, corners).astype(np.float32)
    )


def _normals(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return unit normals (N, 3) of the points: the mean of their triangles, weighted by area."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    corners, weights = triangles.ravel(), np.repeat(normals, 3, axis=0)
    total = np.stack([np.bincount(corners, weights[:, axis], len(points)) for axis in range(3)], axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return total / np.maximum(length, np.finfo(np.float64).tiny)
