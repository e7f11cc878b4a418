"""From an image to feature maps, hidden tokens and one vector: equations (3) and (4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from HeartSeg3DLib.networks.unet import Encoder


def pooled(maps: Sequence[Tensor], *, multi_scale: bool) -> Tensor:
    """Global average pooling (equation 4): (n, C) of the bottleneck, or of all stages one after the other."""
    chosen = maps if multi_scale else maps[-1:]
    return torch.cat([values.float().mean((2, 3, 4)) for values in chosen], 1)


def masked_maps(encoder: Encoder, images: Tensor, masks: Tensor, token: Tensor) -> list[Tensor]:
    """The encoder's maps when the first stage's output is replaced by a learned vector where tokens are hidden.

    A token is a voxel of the bottleneck. The encoder is convolutional, so what is hidden leaks: the first stage sees
    two of its own voxels into a hidden block from outside and normalizes with statistics of the whole image, and
    later stages look from visible tokens at hidden ones, but never the other way round at true values.

    Args:
        encoder: Whose maps.
        images: (n, channels, D, H, W), sides multiples of the total stride.
        masks: (n, tokens) bool in the order of the flattened bottleneck.
        token: (C,) of the first stage.
    """
    x = encoder.stages[0](images)
    grid = [side // encoder.config.total_stride for side in images.shape[2:]]
    hidden = F.interpolate(masks.view(len(masks), 1, *grid).to(x.dtype), size=x.shape[2:], mode="nearest") > 0.5
    x = torch.where(hidden, token.to(x.dtype)[:, None, None, None], x)
    maps = [x]
    for stage in encoder.stages[1:]:
        x = stage(x)
        maps.append(x)
    return maps


def hidden_tokens(bottleneck: Tensor, masks: Tensor) -> Tensor:
    """Vectors of the hidden tokens, view after view: (n, C, d, h, w) and (n, tokens) bool to (M, C)."""
    return bottleneck.flatten(2).transpose(1, 2)[masks].float()


def embedding_width(features: Sequence[int], *, multi_scale: bool) -> int:
    """Length of what `pooled` gives."""
    return sum(features) if multi_scale else features[-1]
