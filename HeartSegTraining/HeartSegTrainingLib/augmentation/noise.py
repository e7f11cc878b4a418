"""Gaussian noise in scanner units."""

from __future__ import annotations

import numpy as np
import torch

from .intensity import network_range
from .volume import Volume


def add_noise(rng: np.random.Generator, volume: Volume, *, largest: float = 0.05) -> Volume:
    """Add white noise before the intensity rule, as the scanner adds it: CT noise is in HU, and is windowed with it.

    Args:
        rng: Source of all choices.
        volume: In scanner units.
        largest: Largest standard deviation as a share of the range that the intensity rule maps to -1 to 1 (CT: 900
            HU, so 0.05 is 45 HU); uniform from 0.
    """
    level = rng.uniform(0, largest)
    noise = torch.from_numpy(rng.standard_normal(tuple(volume.image.shape), dtype=np.float32))
    image = volume.image.clone()
    for channel, values in enumerate(volume.image):
        low, high = network_range(volume, channel)
        image[channel] = values + level * (high - low) * noise[channel]
    return volume.with_image(image)
