"""What the transforms work on: an image in scanner units, its label map and its field of view on one grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from HeartSeg3DLib.errors import UsageError

UNKNOWN = 255
"""Label of voxels of which nothing is known: what a rotation or a zoom brings in from beyond the border."""


@dataclass(frozen=True)
class Volume:
    """One image on its way through the transforms, which return a new one and leave this as it is.

    Attributes:
        image: (C, z, y, x) float32: HU or MR units until `to_network_range`, then -1 to 1.
        labels: (z, y, x) uint8, UNKNOWN where nothing is known.
        inside: (z, y, x) bool, the field of view.
        spacing: Distance of voxels in mm along z, y, x.
        modality: "ct" or "mr".
    """

    image: Tensor
    labels: Tensor
    inside: Tensor
    spacing: tuple[float, float, float]
    modality: str

    @property
    def size(self) -> tuple[int, int, int]:
        """Voxels along z, y, x."""
        z, y, x = self.labels.shape
        return z, y, x

    def with_image(self, image: Tensor) -> Volume:
        """The same with other voxel values."""
        return replace(self, image=image)


def volume(image: Tensor | np.ndarray, labels: Tensor | np.ndarray | None, spacing: tuple[float, float, float],
           modality: str, inside: Tensor | np.ndarray | None = None) -> Volume:
    """Check arrays and put them together.

    Args:
        image: (C, z, y, x) in scanner units, axes in LPS: z runs from feet to head, y to the back, x to the left.
        labels: (z, y, x) uint8; None for UNKNOWN everywhere.
        spacing: Distance of voxels in mm along z, y, x.
        modality: "ct" or "mr".
        inside: (z, y, x) bool, the field of view; None for everywhere.

    Raises:
        UsageError: Shapes do not fit each other, a spacing is not positive, or the modality is unknown.
    """
    pixels = torch.as_tensor(image)
    if pixels.ndim != 4 or min(pixels.shape) < 1:
        raise UsageError(f"An image of shape {tuple(pixels.shape)} cannot be augmented.", "Give (channels, z, y, x).")
    grid = pixels.shape[1:]
    values = torch.full(grid, UNKNOWN, dtype=torch.uint8) if labels is None else torch.as_tensor(labels)
    view = torch.ones(grid, dtype=torch.bool) if inside is None else torch.as_tensor(inside)
    if values.shape != grid or view.shape != grid:
        raise UsageError(f"The image has {tuple(grid)} voxels, its labels {tuple(values.shape)} and its field of view "
                         f"{tuple(view.shape)}.", "Give all on one grid.")
    if modality not in ("ct", "mr") or len(spacing) != 3 or min(spacing) <= 0:
        raise UsageError(f"A '{modality}' image with voxels of {tuple(spacing)} mm cannot be augmented.",
                         "The modality is ct or mr, and the spacing three positive numbers.")
    z, y, x = (float(side) for side in spacing)
    return Volume(pixels.float(), values.to(torch.uint8), view.bool(), (z, y, x), modality)
