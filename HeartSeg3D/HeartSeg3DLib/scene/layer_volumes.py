"""Volumes of the structures that share a labelmap; a labelmap that has not changed is not counted again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from HeartSeg3DLib.scene.segment_voxels import image_to_world, layers_in, voxels_of
from HeartSeg3DLib.scene.vtk_arrays import transformed

_CORNERS = 40_000
"""Points at which a transform that is not linear is evaluated: 0.3 s where it must be inverted."""

_SMALLEST_BLOCK = 2

Stamp = tuple[Any, ...]

_MOST = 2000
_known: dict[Stamp, dict[str, float]] = {}
"""Volumes by what they depend on; VTK gives every change in the whole program a number of its own."""


def volumes_in_layer(labelmap: Any, segments: Mapping[str, int], transform: Any) -> dict[str, float]:
    """Return the volume in mL of each segment of a labelmap by its id, as it lies in the world.

    Args:
        labelmap: vtkOrientedImageData that the segments share.
        segments: Label value of each segment by its id.
        transform: vtkMRMLTransformNode that they are under, None without one.
    """
    stamp = _stamp(labelmap, segments, transform)
    if stamp not in _known:
        _note(stamp, _counted(labelmap, segments, transform))
    return dict(_known[stamp])


def stamp_of(contents: Any, transform: Any) -> Stamp:
    """Return what changes whenever the volumes of a vtkSegmentation may have changed; takes no time."""
    return tuple(_stamp(labelmap, segments, transform) for labelmap, segments in layers_in(contents).items())


def take_over(contents: Any, transform: Any, volumes_ml: Mapping[str, float]) -> None:
    """Use volumes that the child process has counted, so that Slicer need not count them while its window waits.

    Args:
        contents: vtkSegmentation that was filled a moment ago.
        transform: vtkMRMLTransformNode that it is under, None without one; of one that is not linear nothing is taken.
        volumes_ml: By id, on the scan's own grid.
    """
    factor = _stretch(transform)
    if factor is None:
        return
    for labelmap, segments in layers_in(contents).items():
        if set(segments) <= set(volumes_ml):
            _note(_stamp(labelmap, segments, transform), {id: factor * volumes_ml[id] for id in segments})


def _stamp(labelmap: Any, segments: Mapping[str, int], transform: Any) -> Stamp:
    return (labelmap.GetMTime(), transform.GetTransformToWorldMTime() if transform is not None else 0,
            *segments.items())


def _note(stamp: Stamp, volumes: dict[str, float]) -> None:
    if len(_known) >= _MOST:
        _known.clear()
    _known[stamp] = volumes


def _stretch(transform: Any) -> float | None:
    """Return by how much a transform to the world enlarges volumes; None where that differs from place to place."""
    if transform is None:
        return 1.0
    if not transform.IsTransformToWorldLinear():
        return None
    to_world = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(to_world)
    return abs(float(np.linalg.det(slicer.util.arrayFromVTKMatrix(to_world)[:3, :3])))


def _counted(labelmap: Any, segments: Mapping[str, int], transform: Any) -> dict[str, float]:
    labels, axes, factor = voxels_of(labelmap), image_to_world(labelmap), _stretch(transform)
    if factor is None:
        found = _stretched(labels, labelmap.GetExtent(), axes, transform, sorted(set(segments.values())))
    else:
        voxel = factor * abs(np.linalg.det(axes[:3, :3]))
        found = {value: number * voxel for value, number in _counts(labels, set(segments.values())).items()}
    return {id: float(found[value]) / 1000.0 for id, value in segments.items()}


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
    to_world = vtk.vtkGeneralTransform()
    transform.GetTransformToWorld(to_world)
    return transformed(to_world, local.reshape(-1, 3)).reshape(local.shape)


def _averaged(vectors: NDArray[np.float64], axes: list[int]) -> NDArray[np.float64]:
    for axis in axes:
        low = [slice(None)] * 4
        high = [slice(None)] * 4
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        vectors = (vectors[tuple(low)] + vectors[tuple(high)]) / 2
    return vectors
