"""What can be measured of a label map to judge whether it can be a heart: volumes, contacts, places, wall."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.measurement.diameter import inscribed_sphere_diameter
from HeartSeg3DLib.segmentation.borders import cut_sides
from HeartSeg3DLib.segmentation.frame import Volume
from HeartSeg3DLib.trust.pieces import large_pieces

_GRID_MM = 2.5
"""Contacts and walls are looked at on voxels of about this size, which the structures of a heart are wider than."""

_LV, _MYO = BY_ID["LV"].value, BY_ID["MYO"].value


@dataclass(frozen=True)
class Wall:
    """Thickness of the left ventricle's myocardium, from its inner layer straight to what lies outside.

    Attributes:
        mean_mm: Mean over the inner layer.
        thin_mm: A tenth of the inner layer is thinner: the apex and the rim at the valves are always thin.
        enclosed_share: Share of the cavity's surface that lies on myocardium.
    """

    mean_mm: float
    thin_mm: float
    enclosed_share: float


@dataclass(frozen=True)
class Geometry:
    """Measurements of one label map, by structure id.

    Attributes:
        volumes_ml: Volume in mL of every structure that is there.
        pieces_ml: Volumes in mL of its pieces that count, the largest first.
        centers_mm: Center (x, y, z) in mm, LPS axes, relative to the image's first voxel.
        contacts_mm2: Area in mm2 in which two structures touch, by both ids in the order of the label values; pairs
            that do not touch are missing.
        cut: Sides at which the border of the image cuts a structure.
        wall: Of the myocardium, None where it or the cavity is missing.
        widths_mm: Diameter in mm of the largest ball inside aorta and pulmonary artery.
    """

    volumes_ml: dict[str, float]
    pieces_ml: dict[str, list[float]]
    centers_mm: dict[str, tuple[float, float, float]]
    contacts_mm2: dict[tuple[str, str], float]
    cut: dict[str, list[str]]
    wall: Wall | None
    widths_mm: dict[str, float] = field(default_factory=dict)

    def touch(self, one: str, other: str) -> float:
        """Area in mm2 in which two structures touch."""
        first, second = sorted((one, other), key=lambda id: BY_ID[id].value)
        return self.contacts_mm2.get((first, second), 0.0)


def geometry_of(volume: Volume) -> Geometry:
    """Measure a label map.

    Args:
        volume: Label values (Z, Y, X) of the project in the model frame; other values than the seven of the whole
            heart are left out.
    """
    sides = {STRUCTURES[value].id: names for value, names in cut_sides(volume.array, volume).items()
             if value in WHOLE_HEART}
    boxes = ndimage.find_objects(volume.array, max_label=max(WHOLE_HEART))
    milliliters = float(volume.spacing.prod()) / 1000.0
    volumes, pieces = {}, {}
    for value in WHOLE_HEART:
        box = boxes[value - 1]
        if box is not None:
            mask = volume.array[box] == value
            volumes[STRUCTURES[value].id] = float(np.count_nonzero(mask)) * milliliters
            pieces[STRUCTURES[value].id] = large_pieces(mask, milliliters)
    if not volumes:
        return Geometry({}, {}, {}, {}, {}, None)
    labels, spacing, start = _coarse(volume, [box for box in boxes[: max(WHOLE_HEART)] if box is not None])
    return Geometry(volumes, pieces, _centers(labels, spacing, start, volume), _contacts(labels, spacing), sides,
                    _wall(labels, spacing), _widths(labels, spacing))


def _coarse(volume: Volume, boxes: list[tuple[slice, ...]]) -> tuple[NDArray[np.uint8], NDArray[np.float64],
                                                                     NDArray[np.float64]]:
    """Return the heart's labels on voxels of about 2 mm with a rim of background, their spacing, and where they begin.

    Axes with larger voxels keep them.
    """
    picks, spacing, start = [], [], []
    for axis in range(3):
        first = min(box[axis].start for box in boxes)
        last = max(box[axis].stop for box in boxes)
        own = float(volume.spacing[axis])
        count = max(int(np.ceil((last - first) * own / max(_GRID_MM, own))), 1)
        step = (last - first) / count
        picks.append(np.minimum((first + step * (np.arange(count) + 0.5)).astype(int), last - 1))
        spacing.append(step * own)
        start.append((first + 0.5 * step - 0.5 - step) * own)
    labels = np.ascontiguousarray(volume.array[np.ix_(*picks)]).astype(np.uint8)
    labels[labels > max(WHOLE_HEART)] = 0
    return np.pad(labels, 1), np.array(spacing), np.array(start)


def _centers(labels: NDArray[np.uint8], spacing: NDArray[np.float64], start: NDArray[np.float64],
             volume: Volume) -> dict[str, tuple[float, float, float]]:
    places = np.nonzero(labels)
    values = labels[places]
    counts = np.bincount(values, minlength=max(WHOLE_HEART) + 1)
    sums = np.stack([np.bincount(values, weights=where, minlength=len(counts)) for where in places])
    centers = {}
    for value in WHOLE_HEART:
        if counts[value]:
            position = volume.rotation @ (start + spacing * sums[:, value] / counts[value])
            centers[STRUCTURES[value].id] = (float(position[2]), float(position[1]), float(position[0]))
    return centers


def _contacts(labels: NDArray[np.uint8], spacing: NDArray[np.float64]) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    side = max(WHOLE_HEART) + 1
    for axis in range(3):
        area = float(np.delete(spacing, axis).prod())
        low = np.take(labels, range(labels.shape[axis] - 1), axis)
        high = np.take(labels, range(1, labels.shape[axis]), axis)
        touching = (low != high) & (low > 0) & (high > 0)
        one, other = low[touching].astype(int), high[touching].astype(int)
        counts = np.bincount(np.minimum(one, other) * side + np.maximum(one, other), minlength=side * side)
        for code in np.flatnonzero(counts):
            pair = STRUCTURES[int(code) // side].id, STRUCTURES[int(code) % side].id
            found[pair] = found.get(pair, 0.0) + float(counts[code]) * area
    return found


def _widths(labels: NDArray[np.uint8], spacing: NDArray[np.float64]) -> dict[str, float]:
    z, y, x = spacing.tolist()
    found = {}
    for id in ("AO", "PA"):
        box = ndimage.find_objects((labels == BY_ID[id].value).view(np.uint8))
        if box:
            part = labels[tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box[0])]
            found[id] = inscribed_sphere_diameter(part == BY_ID[id].value, (z, y, x))
    return found


def _wall(labels: NDArray[np.uint8], spacing: NDArray[np.float64]) -> Wall | None:
    if not ((labels == _LV).any() and (labels == _MYO).any()):
        return None
    box = ndimage.find_objects(((labels == _LV) | (labels == _MYO)).astype(np.uint8))[0]
    part = labels[tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)]
    cavity, muscle = part == _LV, part == _MYO
    rim = ndimage.binary_dilation(cavity) & ~cavity
    inner = rim & muscle
    if not inner.any():
        return Wall(0.0, 0.0, 0.0)
    # From the middle of the innermost voxel to that of the first one outside; half a voxel is gained at either end.
    outward = ndimage.distance_transform_edt(cavity | muscle, sampling=spacing)[inner]
    return Wall(float(outward.mean()), float(np.percentile(outward, 10)), float(inner.sum() / rim.sum()))
