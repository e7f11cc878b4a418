"""A common factor of the differences."""

from __future__ import annotations

import math

import numpy as np
import torch

from .intensity import keep_in_range
from .volume import Volume


def change_contrast(rng: np.random.Generator, volume: Volume, *, largest: float = 1.4) -> Volume:
    """Move values away from or towards each channel's mean in the field of view, after the intensity rule.

    Args:
        rng: Source of all choices.
        volume: Normalized, -1 to 1.
        largest: Largest factor; the smallest is 1 / largest, and the logarithm is uniform.
    """
    factor = math.exp(rng.uniform(-1, 1) * math.log(largest))
    means = torch.stack([_mean(values[volume.inside]) for values in volume.image])[:, None, None, None]
    return keep_in_range(volume.with_image((volume.image - means) * factor + means))


def _mean(values: torch.Tensor) -> torch.Tensor:
    return values.mean() if values.numel() else values.new_zeros(())
