"""Small meshes of known shape: every voxel of a label map cut into six tetrahedra."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh

_FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])


def block_mesh(labels: NDArray[np.integer], origin: tuple[float, float, float], pitch: float) -> TetraMesh:
    """Return a conforming mesh of all voxels [z, y, x] above zero; origin (x, y, z) and pitch in mm, LPS.

    The tetrahedra of a voxel go along its edges from the lowest corner to the highest (Kuhn), so neighbors fit.
    """
    depth, height, width = labels.shape
    strides = np.array([1, width + 1, (width + 1) * (height + 1)])
    z, y, x = np.nonzero(labels)
    lowest = np.column_stack([x, y, z]) @ strides
    tetrahedra = []
    for order in permutations(range(3)):
        steps = np.concatenate([[0], np.cumsum(strides[list(order)])])
        corners = lowest[:, None] + steps
        odd = np.linalg.det(np.eye(3)[list(order)]) < 0
        tetrahedra.append(corners[:, [0, 2, 1, 3]] if odd else corners)
    grid = np.stack(np.meshgrid(np.arange(width + 1), np.arange(height + 1), np.arange(depth + 1), indexing="ij"), -1)
    places = np.array(origin) + pitch * grid.transpose(2, 1, 0, 3).reshape(-1, 3)
    used, corners = np.unique(np.concatenate(tetrahedra), return_inverse=True)
    corners = corners.reshape(-1, 4).astype(np.int32)
    values = np.tile(labels[z, y, x], 6).astype(np.int16)
    points = places[used]
    return TetraMesh(points, corners, values, surface_of(points, corners, values))


def surface_of(
    points: NDArray[np.float64], tetrahedra: NDArray[np.int32], labels: NDArray[np.int16]
) -> SurfaceMesh:
    """Return the faces between two labels or to the outside."""
    faces = tetrahedra[:, _FACES].reshape(-1, 3)
    owners = np.repeat(labels, 4)
    _, first, group = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_inverse=True)
    lowest, highest = np.full(len(first), 999), np.zeros(len(first), int)
    np.minimum.at(lowest, group.ravel(), owners)
    np.maximum.at(highest, group.ravel(), owners)
    alone = np.bincount(group.ravel()) == 1
    wall = alone | (lowest != highest)
    triangles = faces[first[wall]].copy()
    sides = np.column_stack([lowest, np.where(alone, 0, highest)])[wall].astype(np.int16)
    # The face of the first owner points out of that owner.
    backward = (owners[first[wall]] != sides[:, 0])
    triangles[backward] = triangles[backward][:, ::-1]
    return SurfaceMesh(points, np.ascontiguousarray(triangles, np.int32), sides)


def pair_patch(surface: SurfaceMesh, first: int, second: int) -> NDArray[np.intp]:
    """Return the triangles between two labels, the lower one first unless it is the outside."""
    return np.flatnonzero((surface.labels == (first, second)).all(axis=1))


def volumes_of(points: NDArray[np.float64], tetrahedra: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the (K,) signed volumes."""
    a, b, c, d = (points[tetrahedra[:, corner]] for corner in range(4))
    return np.einsum("ij,ij->i", b - a, np.cross(c - a, d - a)) / 6
