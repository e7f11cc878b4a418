"""The segments of each phase as label maps with the project's values, for the child process."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from HeartSeg3DLib.anatomy import BY_ID
from HeartSeg3DLib.scene.segment_voxels import Extent, crop, image_to_world, layers_of
from HeartSeg3DLib.scene.volumes import ScanSource
from HeartSeg3DLib.scene.vtk_arrays import matrix_of

_SAME_GRID = 1e-3  # of a voxel


@dataclass(frozen=True, eq=False)
class LabelLayers:
    """Copies of a segmentation's labelmaps, which may go on changing in the scene.

    Attributes:
        layers: For each labelmap the first voxel (x, y, z) on the scan's grid, its voxels [z, y, x], and the project's
            label value of each of its own.
    """

    layers: Sequence[tuple[tuple[int, int, int], NDArray[Any], Mapping[int, int]]]

    def merged(self) -> tuple[tuple[int, int, int], NDArray[np.uint8]]:
        """Return first voxel (x, y, z) and label map [z, y, x] of the box around all layers; it may be empty."""
        if not self.layers:
            return (0, 0, 0), np.zeros((0, 0, 0), np.uint8)
        starts = np.array([start for start, _voxels, _values in self.layers])
        ends = starts + [voxels.shape[::-1] for _start, voxels, _values in self.layers]
        low, high = starts.min(axis=0), ends.max(axis=0)
        labels = np.zeros(tuple(high - low)[::-1], np.uint8)
        for start, voxels, values in self.layers:
            table = np.zeros(max(int(voxels.max(initial=0)), *values) + 1, np.uint8)
            for own, structure in values.items():
                table[own] = structure
            x, y, z = np.array(start) - low
            place = labels[z:z + voxels.shape[0], y:y + voxels.shape[1], x:x + voxels.shape[2]]
            found = table[voxels]
            np.copyto(place, found, where=found > 0)
        return (int(low[0]), int(low[1]), int(low[2])), labels


def layers_on_grid(segmentation: Any, scan: ScanSource, known: Mapping[str, int] | None = None) -> LabelLayers:
    """Copy the labelmaps of a segmentation within the scan; structures that anatomy does not know are left out.

    Args:
        segmentation: vtkMRMLSegmentationNode, also one outside the scene such as a stored phase.
        scan: Its scan; label maps that do not lie on its grid are resampled to it.
        known: Label value of each segment that is a structure, by its id; where None, ids are those of anatomy.
    """
    known = {id: structure.value for id, structure in BY_ID.items()} if known is None else known
    layers = []
    for labelmap, segments in layers_of(segmentation).items():
        values = {value: known[id] for id, value in segments.items() if id in known}
        box, shift = _box_on_grid(labelmap, scan)
        if shift is None:
            labelmap, shift = _resampled(labelmap, scan), (0, 0, 0)
            box = labelmap.GetExtent()
        if values and all(box[2 * axis + 1] >= box[2 * axis] for axis in range(3)):
            start = (box[0] + shift[0], box[2] + shift[1], box[4] + shift[2])
            layers.append((start, crop(labelmap, box), values))
    return LabelLayers(layers)


def write_label_frames(frames: Sequence[LabelLayers], folder: Path) -> None:
    """Write label maps and labels.json as `worker.report_action` reads them; runs in a worker thread."""
    said = []
    for number, frame in enumerate(frames):
        start, labels = frame.merged()
        file = f"labels_{number:03d}.raw"
        (folder / file).write_bytes(labels.data if labels.size else b"")
        said.append({"file": file, "start": start, "size": labels.shape[::-1]})
    (folder / "labels.json").write_text(json.dumps({"frames": said}), encoding="utf-8")


def _box_on_grid(labelmap: Any, scan: ScanSource) -> tuple[Extent, tuple[int, int, int] | None]:
    """Part of a labelmap's extent that lies in the scan, and the shift in voxels to the scan's grid if it is whole."""
    between = np.linalg.inv(scan.ijk_to_ras()) @ image_to_world(labelmap)
    shift = np.rint(between[:3, 3]).astype(int)
    expected = np.eye(4)
    expected[:3, 3] = shift
    stored = labelmap.GetExtent()
    if np.abs(between - expected).max() > _SAME_GRID:
        return stored, None
    low = [max(stored[2 * axis], -int(shift[axis])) for axis in range(3)]
    high = [min(stored[2 * axis + 1], scan.size[axis] - 1 - int(shift[axis])) for axis in range(3)]
    return (low[0], high[0], low[1], high[1], low[2], high[2]), (int(shift[0]), int(shift[1]), int(shift[2]))


def _resampled(labelmap: Any, scan: ScanSource) -> Any:
    """The labelmap on the grid of the scan, nearest voxel."""
    grid = slicer.vtkOrientedImageData()
    x, y, z = scan.size
    grid.SetExtent(0, x - 1, 0, y - 1, 0, z - 1)
    grid.SetGeometryFromImageToWorldMatrix(matrix_of(scan.ijk_to_ras()))
    result = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(labelmap, grid, result)
    return result
