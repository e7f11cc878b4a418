"""All changes of the values, in the order in which they happen to a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .blur import blur
from .brightness import change_brightness
from .contrast import change_contrast
from .intensity import to_network_range
from .noise import add_noise
from .volume import Volume


@dataclass(frozen=True)
class AppearanceRanges:
    """How far values change, and how often.

    Attributes:
        blur_mm: Largest standard deviation of the blur.
        noise: Largest standard deviation of the noise, as a share of the intensity rule's range.
        brightness: Largest shift of normalized values.
        contrast: Largest factor of normalized values.
        probability: Of each of the four.
    """

    blur_mm: float = 1.0
    noise: float = 0.04
    brightness: float = 0.15
    contrast: float = 1.25
    probability: float = 0.3


def change_appearance(rng: np.random.Generator, volume: Volume, ranges: AppearanceRanges) -> Volume:
    """Blur, noise, the intensity rule, then brightness and contrast; the result lies in -1 to 1."""
    blurred, noisy, brighter, contrasted = rng.random(4) < ranges.probability
    if blurred:
        volume = blur(rng, volume, largest=ranges.blur_mm)
    if noisy:
        volume = add_noise(rng, volume, largest=ranges.noise)
    volume = to_network_range(volume)
    if brighter:
        volume = change_brightness(rng, volume, largest=ranges.brightness)
    if contrasted:
        volume = change_contrast(rng, volume, largest=ranges.contrast)
    return volume
