"""How sure the model is of each voxel's label, on the input's own grid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.segmentation.resample import interpolate, overlap_weights, turned_positions

if TYPE_CHECKING:
    from torch import Tensor

    from HeartSeg3DLib.segmentation.seen import Seen

_SLAB_VOXELS = 1 << 20


def confidence_map(image: sitk.Image, seen: Seen, temperature: float) -> sitk.Image:
    """Return the calibrated probability of each voxel's most likely label in %, background included.

    Log-probabilities are interpolated class by class, as for the labels, and calibrated then.

    Args:
        image: Input or label map, whose grid the result takes.
        seen: What the network said of it.
        temperature: Of the model's trust file.

    Returns:
        uint8 image: 1 to 100 where the segmenter looked, 0 elsewhere.
    """
    stored = np.zeros(image.GetSize()[::-1], np.uint8)
    target = seen.volume.orient(stored)
    grid = seen.prediction.grid
    first, last = seen.volume.index_range(grid.lower, grid.upper)
    if (last > first).all():
        box = target[tuple(slice(int(low), int(high)) for low, high in zip(first, last, strict=True))]
        thickness = max(_SLAB_VOXELS // max(box[0].size, 1), 1)
        for z in range(0, len(box), thickness):
            part = slice(z, min(z + thickness, len(box)))
            box[part] = _percent(seen, first, last, part, temperature)
    result = sitk.GetImageFromArray(stored)
    result.CopyInformation(image)
    return result


def _percent(seen: Seen, first: NDArray[np.int_], last: NDArray[np.int_], part: slice,
             temperature: float) -> NDArray[np.uint8]:
    """Return one slab of the region [first, last)."""
    best = total = None
    values, beyond = _slab(seen, first, last, part)
    for value in values:
        value = value / temperature
        if best is None or total is None:
            best, total = value, value.new_ones(value.shape)
            continue
        higher = value.maximum(best)
        total = total * (best - higher).exp() + (value - higher).exp()
        best = higher
    assert total is not None
    percent = (100.0 / total).round().clamp(1, 100)
    if beyond is not None:
        percent[beyond] = 0
    return np.asarray(percent.cpu().numpy(), np.uint8)


def _slab(seen: Seen, first: NDArray[np.int_], last: NDArray[np.int_],
          part: slice) -> tuple[Iterator[Tensor], Tensor | None]:
    """Return the log-probabilities of one class after the other, and where a slab leaves the network's window."""
    import torch

    volume, grid, classes = seen.volume, seen.prediction.grid, seen.prediction.log_probabilities
    ranges = [np.arange(low, high) for low, high in zip(first, last, strict=True)]
    ranges[0] = ranges[0][part]
    if volume.aligned:
        weights = []
        for axis, indices in enumerate(ranges):
            positions = volume.spacing[axis] * indices - grid.start[axis]
            low, high, matrix = overlap_weights(grid.shape[axis], grid.spacing, positions, 0.0)
            weights.append(torch.from_numpy(matrix).to(classes.device, torch.float32))
            classes = classes.narrow(1 + axis, low, high - low)
        along_z, along_y, along_x = weights
        return (along_y @ (along_z @ one.flatten(1)).unflatten(1, one.shape[1:]) @ along_x.T for one in classes), None
    own = [torch.tensor(volume.spacing[axis] * indices, dtype=torch.float32, device=classes.device)
           for axis, indices in enumerate(ranges)]
    positions = turned_positions((own[0], own[1], own[2]), volume.rotation)
    index = [(position - grid.start[axis]) / grid.spacing for axis, position in enumerate(positions)]
    outside = [(one < -0.5) | (one > count - 0.5) for one, count in zip(index, grid.shape, strict=True)]
    beyond = outside[0] | outside[1] | outside[2]
    return (interpolate(one[None], index)[0] for one in classes), beyond
