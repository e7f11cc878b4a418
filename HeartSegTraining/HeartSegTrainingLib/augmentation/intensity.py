"""The step from scanner units to what a network sees: the very rule that inference applies."""

from __future__ import annotations

import torch

from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES, OUTSIDE, intensity_range, normalize

from .volume import Volume


def network_range(volume: Volume, channel: int = 0) -> tuple[float, float]:
    """Scanner values of one channel that the intensity rule of its modality maps to -1 and 1."""
    return intensity_range(volume.image[channel], DEFAULT_RULES[volume.modality], volume.inside)


def to_network_range(volume: Volume) -> Volume:
    """Apply the intensity rule to each channel: -1 to 1, and -1 outside the field of view."""
    rule = DEFAULT_RULES[volume.modality]
    return volume.with_image(torch.stack([normalize(values, rule, volume.inside) for values in volume.image]))


def keep_in_range(volume: Volume) -> Volume:
    """Clip to -1 to 1 and restore -1 outside the field of view, after a change of normalized values."""
    return volume.with_image(volume.image.clamp(-1.0, 1.0).masked_fill(~volume.inside, OUTSIDE))
