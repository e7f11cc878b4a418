"""See a volume through one geometric transform: a single interpolation, however many changes it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .volume import UNKNOWN, Volume


def resample(volume: Volume, size: Sequence[int], spacing: Sequence[float], *,
             center: Sequence[float] = (0.0, 0.0, 0.0), matrix: np.ndarray | None = None,
             displacement: Tensor | None = None) -> Volume:
    """Sample a box: its point p looks at center + matrix @ p + displacement(p) of the volume, all in mm (z, y, x).

    p is measured from the middle of the box, what it looks at from the middle of the volume. Values are interpolated
    linearly, labels and field of view taken from the nearest voxel. Beyond the volume lies its lowest value, outside
    the field of view, with UNKNOWN labels.

    Args:
        volume: What is looked at.
        size: Voxels of the box along z, y, x.
        spacing: Distance of the box's voxels in mm.
        center: Where the box's middle looks at.
        matrix: (3, 3); the identity by default.
        displacement: (3, z, y, x) mm on the box's grid.
    """
    where = _positions(size, spacing, center, np.eye(3) if matrix is None else matrix)
    if displacement is not None:
        where = where + displacement.movedim(0, -1)
    sides = torch.tensor(volume.size, dtype=torch.float32)
    # grid_sample's coordinates without align_corners: -1 and 1 are the outer faces of the border voxels.
    seen = 2 * where / (sides * torch.tensor(volume.spacing))
    within = (seen.abs() <= 1).all(-1)
    grid = seen.flip(-1)[None]
    image = F.grid_sample(volume.image[None], grid, mode="bilinear", padding_mode="border", align_corners=False)[0]
    lowest = volume.image.flatten(1).amin(1)
    image = torch.where(within, image, lowest[:, None, None, None])
    both = torch.stack([volume.labels.float(), volume.inside.float()])[None]
    labels, inside = F.grid_sample(both, grid, mode="nearest", padding_mode="border", align_corners=False)[0]
    z, y, x = (float(step) for step in spacing)
    return replace(volume, image=image, spacing=(z, y, x), inside=inside.bool() & within,
                   labels=torch.where(within, labels, torch.tensor(float(UNKNOWN))).to(torch.uint8))


def _positions(size: Sequence[int], spacing: Sequence[float], center: Sequence[float], matrix: np.ndarray) -> Tensor:
    """What each voxel of the box looks at before any displacement, (z, y, x, 3) mm."""
    axes = [(torch.arange(count) - (count - 1) / 2) * step for count, step in zip(size, spacing, strict=True)]
    offset = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    turned = offset @ torch.from_numpy(np.asarray(matrix)).float().T
    return turned + torch.tensor([float(value) for value in center])
