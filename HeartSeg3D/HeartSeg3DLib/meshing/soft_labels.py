"""Indicators of structures from class probabilities, where a label map's own would have the stairs of its voxels.

A label map that was cleaned, or in which walls have grown, still says what belongs to what: probabilities only say
where between two voxels a wall lies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from ..imaging.probabilities import CERTAIN, ClassProbabilities
from .indicators import SIGMA_VOXELS, Indicator, Indicators, index_to_point
from .mesh import OUTSIDE

_MARGIN = 3
"""Voxels around a structure's own in which its share counts."""

_REACH = 2.8
"""Widths of a Gaussian at which it is cut off."""

_LEAST = 1e-6
"""Stands for zero where something is divided by it."""

Share = NDArray[np.float32]


def soft_indicators(
    labels: sitk.Image, probabilities: ClassProbabilities, sigma_voxels: float | Sequence[float] = 0.0
) -> tuple[Indicators, Indicator]:
    """Return the indicators of every structure in a label map, and that of all together.

    Where a label is not the most probable one, somebody changed it, and it has the whole voxel. Labels that have no
    probability, such as walls that have grown, divide the background's with the outside as their voxels do.

    Args:
        labels: 3-D uint8 label map: the probabilities' own, cleaned or with walls.
        probabilities: On the same voxels.
        sigma_voxels: Width of a Gaussian that smooths the shares, one or along each axis z, y, x.

    Raises:
        ValueError: They are not on the same voxels.
    """
    if labels.GetSize() != probabilities.labels.GetSize():
        raise ValueError("labels and probabilities lie on different voxels")
    voxels = sitk.GetArrayViewFromImage(labels)
    boxes = {value: box for value, box in enumerate(ndimage.find_objects(voxels), 1) if box is not None}
    shares, outside = _shares(voxels, list(boxes), probabilities)
    voxel_mm3 = abs(np.linalg.det(index_to_point(labels)))
    volumes = [0.0, *(np.count_nonzero(voxels[box] == value) * voxel_mm3 for value, box in boxes.items())]
    structures = tuple(_indicator(shares[value], box, sigma_voxels) for value, box in boxes.items())
    (everything,) = ndimage.find_objects((voxels != OUTSIDE).astype(np.uint8)) or [(slice(0, 0),) * 3]
    heart = _indicator(1.0 - outside, everything, sigma_voxels)
    return Indicators((OUTSIDE, *boxes), structures, labels, np.array(volumes)), heart


def _shares(
    voxels: NDArray[np.uint8], values: list[int], probabilities: ClassProbabilities
) -> tuple[dict[int, Share], Share]:
    """Return the share of every label in a label map at each voxel, and that of the outside; they add up to one."""
    known = [value for value in values if value in probabilities.values]
    shares: dict[int, Share] = {
        value: np.divide(probabilities.shares[..., probabilities.values.index(value)], CERTAIN, dtype=np.float32)
        for value in known}
    outside: Share = np.ones(voxels.shape, np.float32)
    for share in shares.values():
        outside -= share
    np.maximum(outside, 0.0, out=outside)
    grown = [value for value in values if value not in known]
    plain = np.where(np.isin(voxels, grown), OUTSIDE, voxels)
    given = plain != sitk.GetArrayViewFromImage(probabilities.labels)
    outside[given] = plain[given] == OUTSIDE
    for value, share in shares.items():
        share[given] = plain[given] == value
    if grown:
        _divide(voxels, grown, shares, outside)
    return shares, outside


def _divide(voxels: NDArray[np.uint8], grown: list[int], shares: dict[int, Share], outside: Share) -> None:
    """Give walls their part of the background, in place."""
    free = _blurred(np.isin(voxels, [OUTSIDE, *grown]))
    background = outside.copy()
    for value in grown:
        part = np.divide(_blurred(voxels == value), np.maximum(free, _LEAST), dtype=np.float32)
        shares[value] = np.multiply(background, part, dtype=np.float32)
        outside -= shares[value]


def _blurred(mask: NDArray[np.bool_]) -> Share:
    return np.asarray(ndimage.gaussian_filter(mask.astype(np.float32), SIGMA_VOXELS, mode="nearest"))


def _indicator(share: Share, box: tuple[slice, ...], sigma_voxels: float | Sequence[float]) -> Indicator:
    """Cut a structure's share out around its voxels; beyond the image it is nothing."""
    margins = np.broadcast_to(np.maximum(_MARGIN, np.ceil(_REACH * np.asarray(sigma_voxels))).astype(int), 3)
    starts = np.array([part.start for part in box]) - margins
    stops = np.array([part.stop for part in box]) + margins
    inner = tuple(slice(max(low, 0), min(high, size))
                  for low, high, size in zip(starts, stops, share.shape, strict=True))
    around = [(part.start - low, high - part.stop)
              for part, low, high in zip(inner, starts, stops, strict=True)]
    cut = np.pad(share[inner], around)
    if np.any(np.asarray(sigma_voxels) > 0.0):
        cut = ndimage.gaussian_filter(cut, sigma_voxels, mode="nearest", radius=margins.tolist())
    return Indicator(starts, np.ascontiguousarray(cut, np.float32))
