"""Class probabilities along an image's own axes, on voxels as fine as those that the network saw.

Labels of thick slices are stairs; what the network said between the slices is smooth. The log-probabilities of its
cells are interpolated, as they are for labels, and only then made into probabilities: they cross at the same places.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from HeartSeg3DLib.imaging.probabilities import CERTAIN, ClassProbabilities, class_probabilities_on

from .export import Axis, at_nodes
from .seen import Seen

THICK = 3.0
"""Slices from this many times as thick as the voxels that the network saw: on slices of 5 mm and more, surfaces from
probabilities were nearer to the truth than those from labels; on thinner ones it was not measured."""

_MARGIN_CELLS = 2.0
"""Cells of the network that are kept around everything labeled: beyond, no structure has a share that counts."""


def has_thick_slices(seen: Seen) -> bool:
    """Whether an image's slices are so much thicker than the voxels that the network saw that labels lose by it."""
    return bool(seen.volume.spacing.max() > THICK * seen.prediction.sampled_at_mm)


def class_probabilities(seen: Seen, *, temperature: float = 1.0) -> ClassProbabilities:
    """Return how likely each voxel around the heart belongs to each structure.

    The voxels lie along the image's own axes and end where its field of view ends; each is about as long as those that
    the network saw (1.5 mm with the shipped model). Structures that win nowhere are left out.

    Args:
        seen: What the network said of an image in which a heart was found.
        temperature: What the log-probabilities are divided by; above one makes them less sure and moves no wall between
            two structures.

    Returns:
        Probabilities in the frame of the image's header.
    """
    volume, prediction = seen.volume, seen.prediction
    grid, where = prediction.grid, seen.winner.nonzero()
    lowest, highest = where.min(0).values.cpu().numpy(), where.max(0).values.cpu().numpy()
    start = np.array(grid.start)
    # Beyond the window, where there is background only: what the window cuts must not look cut by the image.
    first, last = volume.index_range(start + (lowest - _MARGIN_CELLS) * grid.spacing,
                                     start + (highest + _MARGIN_CELLS) * grid.spacing)
    lengths = (last - first) * volume.spacing
    counts = np.maximum(np.rint(lengths / prediction.sampled_at_mm), 1).astype(int)
    steps = lengths / counts
    starts = (first - 0.5) * volume.spacing + 0.5 * steps
    axes = [Axis(float(s), float(d), int(n)) for s, d, n in zip(starts, steps, counts, strict=True)]
    channels = [0, *sorted(torch.unique(seen.winner[seen.winner > 0]).tolist(), key=lambda c: seen.labels[c])]
    nodes = at_nodes(prediction.log_probabilities[channels], volume, grid, axes)
    # Views that were averaged, and islands that were taken out, leave sums that are not one.
    shares = _quantized(torch.softmax(nodes / temperature, 0)[1:])
    return _in_storage_order(shares, seen, first, last, counts, [seen.labels[c] for c in channels[1:]])


def _quantized(probabilities: Tensor) -> np.ndarray:
    """Return probabilities (C, Z, Y, X) as uint8, 255 for one."""
    return (probabilities * CERTAIN).round_().to(torch.uint8).cpu().numpy()


def _in_storage_order(
    shares: np.ndarray, seen: Seen, first: np.ndarray, last: np.ndarray, counts: np.ndarray, values: list[int]
) -> ClassProbabilities:
    """Turn shares (C, Z, Y, X) of the model frame into the order of the image's file, with its header's frame.

    Args:
        shares: Shares of the structures.
        seen: What they were made from.
        first: First voxel of the image's region along the axes of the model frame.
        last: Voxel behind its last.
        counts: Voxels of the shares along the same axes.
        values: Label value of each channel.
    """
    volume = seen.volume
    image = volume.owner
    assert image is not None
    size, begin, step = np.empty(3, int), np.empty(3), np.empty(3)
    for axis, behind in enumerate(volume.axes):
        low = volume.shape[axis] - last[axis] if volume.flipped[axis] else first[axis]
        size[behind] = counts[axis]
        step[behind] = (last[axis] - first[axis]) / counts[axis]
        begin[behind] = low - 0.5 + 0.5 * step[behind]
    grid = sitk.Image(size[::-1].tolist(), sitk.sitkUInt8)
    grid.SetSpacing((step[::-1] * image.GetSpacing()).tolist())
    grid.SetDirection(image.GetDirection())
    grid.SetOrigin(image.TransformContinuousIndexToPhysicalPoint(begin[::-1].tolist()))
    stored = np.empty((*size, len(shares)), np.uint8)
    for channel, share in enumerate(shares):
        volume.orient(stored[..., channel])[...] = share
    return class_probabilities_on(grid, values, stored)
