"""The structures of any segmentation as one label map in the world, as a mesh is made from: segments matched, overlaps
decided, parent transforms hardened. Voxels are copied at once; everything else is done by a worker thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import slicer
from numpy.typing import NDArray

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.scene.bent_grid import BentGrid
from HeartSeg3DLib.scene.segment_matching import SegmentMatches, match_segments
from HeartSeg3DLib.scene.segment_voxels import (
    BINARY,
    Extent,
    bounding_extent,
    crop,
    image_to_world,
    layers_in,
    on_lattice_of,
    scan_extent_of,
)
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.volumes import grid_of_matrix, linear_to_world
from HeartSeg3DLib.scene.workspace import Workspace
from HeartSeg3DLib.worker.scan_folder import RawFrame, ScanDescription

FILE = "labels.raw"

_ROOM_MM = 4.0
"""Background that is kept around the structures, and walls that may grow there, as far as the scan reaches."""

_TOLD_ML = 0.05
"""Overlaps below this volume are rounding of somebody else's masks."""

Voxels = NDArray[np.integer]
Box = tuple[tuple[int, ...], tuple[int, ...]]
"""First voxel and the one after the last, along x, y, z."""


@dataclass(frozen=True, eq=False)
class Layer:
    """Segments that share voxels.

    Attributes:
        start: First voxel (x, y, z) on the common lattice.
        voxels: Their values [z, y, x].
        ranks: Place of each segment in the segmentation's list, from 1, by its value.
    """

    start: tuple[int, int, int]
    voxels: Voxels
    ranks: Mapping[int, int]


class MeshLabels:
    """Takes the structures of a segmentation as they are now.

    Args:
        segmentation: vtkMRMLSegmentationNode.
        walls_mm: Thickness of the thickest wall that is going to grow.

    Raises:
        InputError: None of its segments is a structure of the heart, or none of these has voxels.

    Attributes:
        sentences: What the user should know about segments that were left out, joined or overlap, once `write` is done.
    """

    def __init__(self, segmentation: slicer.vtkMRMLSegmentationNode, walls_mm: float = 0.0) -> None:
        contents = _with_labelmaps(segmentation.GetSegmentation())
        self._matches = match_segments(contents)
        self._names = [contents.GetSegment(id).GetName() for id in self._matches.values]
        self._values = list(self._matches.values.values())
        layers = _layers(contents, self._matches)
        if not layers:
            raise nothing_known(() if self._matches.values else self._matches.unknown)
        finest = min(layers, key=lambda labelmap: abs(np.linalg.det(image_to_world(labelmap)[:3, :3])))
        copies = [_copied(on_lattice_of(labelmap, finest), ranks) for labelmap, ranks in layers.items()]
        self._layers = [layer for layer in copies if layer.voxels.size]
        if not self._layers:
            raise nothing_known(())
        self._scan = scan_extent_of(segmentation, finest)
        self._room_mm = walls_mm + _ROOM_MM
        self._matrix = image_to_world(finest)
        transform, linear = segmentation.GetParentTransformNode(), True
        if transform is not None:
            linear = transform.IsTransformToWorldLinear()
            self._matrix = linear_to_world(transform) @ self._matrix if linear else self._matrix
        self._bent: BentGrid | None = None
        if not linear or grid_of_matrix(self._matrix) is None:
            self._bent = BentGrid(self._matrix, self._room(_around(self._layers)), transform)
        self.sentences: list[str] = left_out(self._matches.unknown)

    def write(self, workspace: Workspace, cancelled: Callable[[], bool]) -> None:
        """Write the label map as a scan of one frame; runs in a worker thread.

        Raises:
            DiskError: It does not fit.
            InputError: No voxel is left in the scan.
            CancelledError: `cancelled` returned True.
        """
        start, ranks = self._joined()
        labels = np.array([0, *self._values], np.uint8)[ranks]
        matrix = self._matrix.copy()
        if self._bent is not None:
            matrix, labels = self._bent.resampled(start, labels, cancelled)
        else:
            matrix[:3, 3] = (matrix @ (*start, 1.0))[:3]
        grid = grid_of_matrix(matrix)
        assert grid is not None  # it was straight, or was made so
        workspace.require(labels.nbytes)
        workspace.write_voxels(FILE, labels, cancelled)
        spacing, origin, direction = grid
        z, y, x = labels.shape
        ScanDescription("the segmentation", (x, y, z), spacing, origin, direction, labels.dtype.name, "auto", True,
                        (RawFrame(FILE),)).write(workspace.folder)

    def _joined(self) -> tuple[tuple[int, ...], NDArray[np.uint8]]:
        """Return first voxel and array [z, y, x] of the places of segments: where two overlap, the later one stays.

        Raises:
            InputError: There is no voxel.
        """
        low, high = _around(self._layers)
        joined = np.zeros(tuple(np.subtract(high, low))[::-1], np.uint8)
        overlaps: Counter[tuple[int, int]] = Counter()
        for layer in self._layers:
            part = joined[tuple(slice(first - edge, first - edge + count) for first, edge, count in zip(
                layer.start[::-1], low[::-1], layer.voxels.shape, strict=True))]
            ranks = _exchanged(layer)
            both = (part > 0) & (ranks > 0)
            pairs, counts = np.unique(np.stack([part[both], ranks[both]]), axis=1, return_counts=True)
            for (one, other), count in zip(pairs.T.tolist(), counts.tolist(), strict=True):
                overlaps[min(one, other), max(one, other)] += count
            np.maximum(part, ranks, out=part)
        self.sentences += self._told(overlaps)
        return self._with_room(low, joined)

    def _with_room(self, low: tuple[int, ...], joined: NDArray[np.uint8]) -> tuple[tuple[int, ...], NDArray[np.uint8]]:
        """Return the part of an array that holds something, with room around it."""
        box = bounding_extent(joined > 0, _extent_of(low, joined))
        if box is None:
            raise nothing_known(())
        first, last = tuple(box[::2]), tuple(edge + 1 for edge in box[1::2])
        start, end = self._room((first, last))
        result = np.zeros(tuple(np.subtract(end, start))[::-1], np.uint8)
        result[_between(start, first, last)] = joined[_between(low, first, last)]
        return start, result

    def _room(self, box: Box) -> Box:
        """Return a box with room around it, within the scan where its border is known."""
        steps = np.ceil(self._room_mm / np.linalg.norm(self._matrix[:3, :3], axis=0)).astype(int) + 1
        low, high = np.subtract(box[0], steps), np.add(box[1], steps)
        if self._scan is not None:
            low = np.minimum(box[0], np.maximum(low, self._scan[::2]))
            high = np.maximum(box[1], np.minimum(high, np.add(self._scan[1::2], 1)))
        return tuple(low.tolist()), tuple(high.tolist())

    def _told(self, overlaps: Mapping[tuple[int, int], int]) -> list[str]:
        voxel_ml = abs(np.linalg.det(self._matrix[:3, :3])) / 1000.0
        sentences = []
        for value in sorted(set(self._values)):
            names = [name for name, own in zip(self._names, self._values, strict=True) if own == value]
            if len(names) > 1:
                sentences.append(_("{names} are joined: each is taken for {structure}.").format(
                    names=_enumeration(names), structure=STRUCTURES[value].name))
        for (one, other), count in sorted(overlaps.items()):
            volume = count * voxel_ml
            if volume >= _TOLD_ML and self._values[one - 1] != self._values[other - 1]:
                sentences.append(_("{one} and {other} overlap by {volume:.1f} mL, which {other} keeps: it is the later "
                                   "one in the list.").format(one=self._names[one - 1], other=self._names[other - 1],
                                                              volume=volume))
        return sentences


def left_out(unknown: Sequence[str]) -> list[str]:
    """Return the sentence about segments that are no structure of the heart, or nothing."""
    if not unknown:
        return []
    return [_("Left out, because neither terminology nor name is that of a structure: {names}.").format(
        names=", ".join(unknown))]


def nothing_known(unknown: Sequence[str]) -> InputError:
    """Return the failure of a segmentation without a structure."""
    if unknown:
        return InputError(
            _("None of these segments is known as a structure of the heart: {names}.").format(names=", ".join(unknown)),
            _("Name them as structures, such as 'Left ventricle', or choose their terminology."))
    return InputError(_("The segmentation is empty."), _("Segment a heart first, or choose another result."))


def _with_labelmaps(contents: slicer.vtkSegmentation) -> slicer.vtkSegmentation:
    """Return the segmentation itself, or a copy with labelmaps of one that was made of surfaces."""
    if contents.ContainsRepresentation(BINARY) or not contents.GetNumberOfSegments():
        return contents
    copy = slicer.vtkSegmentation()
    copy.DeepCopy(contents)
    copy.CreateRepresentation(BINARY)
    return copy


def _layers(contents: slicer.vtkSegmentation,
            matches: SegmentMatches) -> dict[slicer.vtkOrientedImageData, dict[int, int]]:
    """Return the places in the list of the segments in each labelmap, by their values in it."""
    places = {id: place for place, id in enumerate(matches.values, 1)}
    found = {}
    for labelmap, segments in layers_in(contents).items():
        ranks = {value: places[id] for id, value in segments.items() if id in places}
        if ranks:
            found[labelmap] = ranks
    return found


def _copied(labelmap: slicer.vtkOrientedImageData, ranks: Mapping[int, int]) -> Layer:
    extent = [0, -1, 0, -1, 0, -1]
    slicer.vtkOrientedImageDataResample.CalculateEffectiveExtent(labelmap, extent)
    i0, i1, j0, j1, k0, k1 = extent
    return Layer((i0, j0, k0), crop(labelmap, (i0, i1, j0, j1, k0, k1)), ranks)


def _exchanged(layer: Layer) -> NDArray[np.uint8]:
    table = np.zeros(max(int(layer.voxels.max(initial=0)), *layer.ranks) + 1, np.uint8)
    for value, rank in layer.ranks.items():
        table[value] = rank
    return table[layer.voxels]


def _around(layers: Sequence[Layer]) -> Box:
    """Return the box around all layers."""
    starts = np.array([layer.start for layer in layers])
    ends = starts + [layer.voxels.shape[::-1] for layer in layers]
    return tuple(starts.min(axis=0).tolist()), tuple(ends.max(axis=0).tolist())


def _extent_of(low: Sequence[int], voxels: Voxels) -> Extent:
    (i, j, k), (x, y, z) = low, voxels.shape[::-1]
    return i, i + x - 1, j, j + y - 1, k, k + z - 1


def _between(start: Sequence[int], first: Sequence[int], last: Sequence[int]) -> tuple[slice, ...]:
    """Return the part [z, y, x], between two voxels, of an array that begins at another one."""
    return tuple(slice(low - origin, high - origin) for origin, low, high in zip(
        start[::-1], first[::-1], last[::-1], strict=True))


def _enumeration(names: Sequence[str]) -> str:
    return _("{names} and {last}").format(names=", ".join(names[:-1]), last=names[-1])
