"""Gaussian blur in millimetres."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .volume import Volume

_NEGLIGIBLE = 0.15
"""A Gaussian of fewer voxels changes nothing that can be seen."""


def blur(rng: np.random.Generator, volume: Volume, *, largest: float = 1.5) -> Volume:
    """Blur with a standard deviation that is uniform from 0 to `largest` mm, the same along each axis."""
    sigma = rng.uniform(0, largest)
    image = volume.image[:, None]
    for axis, step in enumerate(volume.spacing):
        image = _along(image, axis, sigma / step)
    return volume.with_image(image[:, 0])


def _along(image: Tensor, axis: int, sigma: float) -> Tensor:
    """Blur (C, 1, z, y, x) along one axis by `sigma` voxels; edges repeat."""
    if sigma < _NEGLIGIBLE:
        return image
    radius = math.ceil(3 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    shape, pad = [1] * 5, [0] * 6
    shape[2 + axis] = -1
    pad[2 * (2 - axis)] = pad[2 * (2 - axis) + 1] = radius
    return F.conv3d(F.pad(image, pad, mode="replicate"), (kernel / kernel.sum()).view(shape))
