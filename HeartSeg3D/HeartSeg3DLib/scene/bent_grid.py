"""A regular grid in the world for labels under a transform that shears or bends, which no grid can have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray

from HeartSeg3DLib.errors import CancelledError
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.vtk_arrays import transformed

_NODES = 40_000
"""Points at which the transform is evaluated: 0.3 s where it must be inverted. Between them it is interpolated."""

_COARSEST_MM, _FINEST_MM = 1.0, 0.5
"""Limits of the grid's voxels; a mesh is sampled at such distances, too."""

_EDGE_NODES = 12
"""Points along each edge of the box by which its place in the world is found."""


class BentGrid:
    """Takes the transform as it is now; `resampled` may be called by a worker thread.

    Args:
        matrix: (4, 4) from voxel indices (i, j, k) to RAS in mm, with the transform where it is linear.
        box: First voxel and the one after the last, along i, j, k, that the grid has to cover.
        transform: vtkMRMLTransformNode that bends; None where the matrix says everything.
    """

    def __init__(self, matrix: NDArray[np.float64], box: tuple[Sequence[int], Sequence[int]], transform: Any) -> None:
        bends = transform is not None and not transform.IsTransformToWorldLinear()
        to_world, from_world = vtk.vtkGeneralTransform(), vtk.vtkGeneralTransform()
        if bends:
            transform.GetTransformToWorld(to_world)
            transform.GetTransformFromWorld(from_world)
        edges = _lattice([np.linspace(first - 0.5, last - 0.5, _EDGE_NODES) for first, last in zip(*box, strict=True)])
        places = transformed(to_world, edges @ matrix[:3, :3].T + matrix[:3, 3])
        step = float(np.clip(abs(np.linalg.det(matrix[:3, :3])) ** (1 / 3), _FINEST_MM, _COARSEST_MM))
        # One voxel more on each side; its center is half a voxel from the edge, as those of the labels are from theirs.
        low, high = places.min(axis=0) - step / 2, places.max(axis=0) + step
        self._size = np.ceil((high - low) / step).astype(int)
        # The axes of the grid are those of LPS: from right to left and from front to back.
        self._matrix = np.diag([-step, -step, step, 1.0])
        self._matrix[:3, 3] = high[0], high[1], low[2]
        every = (np.prod(self._size) / _NODES) ** (1 / 3)
        self._axes = [np.linspace(0, count - 1, max(2, int(count / every) + 1)) for count in self._size]
        nodes = _lattice(self._axes) @ self._matrix[:3, :3].T + self._matrix[:3, 3]
        inverse = np.linalg.inv(matrix)
        found = transformed(from_world, nodes) @ inverse[:3, :3].T + inverse[:3, 3]
        self._indices = found.reshape(*(len(axis) for axis in self._axes[::-1]), 3).astype(np.float32)

    def resampled(self, start: Sequence[int], labels: NDArray[np.uint8],
                  cancelled: Callable[[], bool]) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Return the matrix from voxel indices to RAS in mm, and labels [z, y, x], each of the nearest voxel.

        Args:
            start: Voxel (i, j, k) at which the labels begin.
            labels: Array [k, j, i].
            cancelled: Asked between slices.

        Raises:
            CancelledError: `cancelled` returned True.
        """
        x, y, z = (np.arange(count, dtype=np.float32) for count in self._size)
        rows = _along(1, _along(2, self._indices, self._axes[0], x), self._axes[1], y)
        padded = np.pad(labels, 1)
        last = np.array(labels.shape[::-1], np.float32)
        result = np.empty((len(z), len(y), len(x)), np.uint8)
        for number, height in enumerate(z):
            if cancelled():
                raise CancelledError(_("Cancelled."), _("The scene is as it was."))
            plane = _along(0, rows, self._axes[2], np.array([height]))[0]
            nearest = np.floor(plane - np.asarray(start, np.float32) + 0.5)  # rint would skip voxels between halves
            i, j, k = np.moveaxis(np.clip(nearest, -1, last).astype(np.intp) + 1, -1, 0)
            result[number] = padded[k, j, i]
        return self._matrix, result


def _lattice(axes: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
    """Return the points (N, 3) x, y, z of a lattice, x fastest."""
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)


def _along(axis: int, values: NDArray[np.float32], nodes: NDArray[np.float64],
           places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Interpolate values at nodes along one axis of their array, linearly, to other places."""
    position = np.clip(places / (nodes[1] - nodes[0]), 0, len(nodes) - 1)
    lower = np.minimum(position.astype(np.intp), len(nodes) - 2)
    share = (position - lower).astype(np.float32).reshape([-1 if one == axis else 1 for one in range(values.ndim)])
    low, high = values.take(lower, axis), values.take(lower + 1, axis)
    return np.asarray(low + share * (high - low))
