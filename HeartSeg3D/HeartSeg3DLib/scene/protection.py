"""Gives back what an effect of the Segment Editor took from structures that do not touch the edited chamber.

Slicer's masking cannot name a list of segments, so in the mode "neighbors" effects may overwrite everything and this
watch repairs it after each stroke. An undo restores the voxels that it restores: Slicer reports a stroke as a changed
source representation and an undo or redo as changed segments alone, so the watch never repairs an undo.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from HeartSeg3DLib.scene.contacts import may_take
from HeartSeg3DLib.scene.segment_voxels import (
    BINARY,
    Extent,
    SegmentBox,
    add_voxels,
    bounding_extent,
    crop,
    layers_of,
    mask_of,
    voxels_of,
    world_spacing,
)


@dataclass(frozen=True)
class _Layer:
    """The voxels of one labelmap as they were, with the label values of the segments to protect."""

    labelmap: slicer.vtkOrientedImageData
    changed: int
    extent: Extent
    voxels: NDArray[np.integer]
    protected: dict[str, int]


class ContactProtection:
    """Watches one chamber of a segmentation and gives back what it may not take.

    Args:
        segmentation: The segmentation that is edited.
        later: Calls a function once the running effect is done, such as `lambda work: qt.QTimer.singleShot(0, work)`;
            without it voxels are given back inside of the effect's own event.
    """

    def __init__(self, segmentation: slicer.vtkMRMLSegmentationNode,
                 later: Callable[[Callable[[], None]], Any] | None = None) -> None:
        self._segmentation = segmentation
        self._later = later
        self._chamber = ""
        self._mode = "anything"
        self._before: list[_Layer] = []
        self._tags: list[int] = []
        self._repairing = False
        self._pending = False

    def watch(self, segment_id: str, mode: str) -> None:
        """Protects from now on against edits of this chamber; only the mode "neighbors" needs it.

        Raises:
            ValueError: The mode is unknown.
        """
        may_take(segment_id, segment_id, mode)  # an unknown mode fails before anything is observed
        self.stop()
        self._chamber, self._mode = segment_id, mode
        if mode != "neighbors":
            return
        # The node and not its vtkSegmentation is observed: a sequence gives the node another one for each phase.
        events = slicer.vtkSegmentation
        self._tags = [self._segmentation.AddObserver(events.SourceRepresentationModified, self._on_edit)]
        self._tags += [self._segmentation.AddObserver(event, self._on_other_change) for event in (
            events.SegmentModified, events.SegmentAdded, events.SegmentRemoved,
            slicer.vtkMRMLSegmentationNode.SegmentationChangedEvent)]
        self._remember()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Lets the block change what it likes: presets see to the masking mode themselves, and going back to the
        model's result may take voxels from any structure."""
        self._repairing, before = True, self._repairing
        try:
            yield
        finally:
            self._repairing = before
            if self._tags:
                self._remember()

    def stop(self) -> None:
        """Ends the watch; the voxels stay as they are."""
        for tag in self._tags:
            self._segmentation.RemoveObserver(tag)
        self._tags, self._before, self._pending = [], [], False

    def _on_edit(self, *_event: Any) -> None:
        if self._repairing or self._pending:
            return
        if self._later is None:
            self._repair()
            return
        self._pending = True
        self._later(self._repair_pending)

    def _on_other_change(self, *_event: Any) -> None:
        if not (self._repairing or self._pending):
            self._remember()

    def _repair_pending(self) -> None:
        if self._pending:  # the watch may have ended meanwhile
            self._pending = False
            self._repair()

    def _repair(self) -> None:
        self._repairing = True
        try:
            for layer in self._before:
                self._give_back(layer)
        finally:
            self._repairing = False
        self._remember()

    def _give_back(self, before: _Layer) -> None:
        contents = self._segmentation.GetSegmentation()
        chamber = contents.GetSegment(self._chamber)
        labelmap = chamber.GetRepresentation(BINARY) if chamber is not None else None
        if labelmap is None or labelmap.IsEmpty() or not before.protected:
            return
        now = crop(labelmap, before.extent) == chamber.GetLabelValue()
        taken = now & np.isin(before.voxels, list(before.protected.values()))
        place = bounding_extent(taken, before.extent)
        if place is None:
            return
        spacing = world_spacing(self._segmentation, labelmap)
        was = _part(before.voxels, before.extent, place)
        for owner, value in before.protected.items():
            if contents.GetSegment(owner) is None:
                continue
            box = SegmentBox(place, np.zeros(was.shape, np.uint8), spacing, labelmap)
            theirs = mask_of(self._segmentation, owner, box)
            lost = _part(taken, before.extent, place) & (was == value) & ~theirs
            if lost.any():
                add_voxels(self._segmentation, owner, lost, box)

    def _remember(self) -> None:
        """Keeps a copy of every labelmap that changed since the last one."""
        known = {layer.labelmap: layer for layer in self._before}
        self._before = []
        for labelmap, segments in layers_of(self._segmentation).items():
            protected = {owner: value for owner, value in segments.items()
                         if owner != self._chamber and not may_take(self._chamber, owner, self._mode)}
            changed = max(labelmap.GetMTime(), labelmap.GetPointData().GetScalars().GetMTime())
            older = known.get(labelmap)
            voxels = older.voxels if older is not None and older.changed == changed else voxels_of(labelmap).copy()
            self._before.append(_Layer(labelmap, changed, labelmap.GetExtent(), voxels, protected))


def _part(values: NDArray[Any], extent: Extent, place: Extent) -> NDArray[Any]:
    """The part of an array at `extent` that lies in the box `place`."""
    return values[tuple(slice(place[2 * axis] - extent[2 * axis], place[2 * axis + 1] + 1 - extent[2 * axis])
                        for axis in (2, 1, 0))]
