"""Class fractions at the resolution of the logits: what a coarse voxel truly contains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from HeartSeg3DLib.errors import UsageError

IGNORE = 255
"""Label value of voxels that say nothing: they count neither for nor against any class."""


@dataclass(frozen=True)
class SoftTargets:
    """Targets of one logit level.

    Attributes:
        fractions: (B, C, d, h, w) float32, share of each class among the labelled input voxels of a logit
            voxel; they sum to 1, or to 0 where nothing is labelled.
        weight: (B, d, h, w) float32, labelled share of the logit voxel, 1 where nothing is ignored.
    """

    fractions: Tensor
    weight: Tensor


def soft_targets(labels: Tensor, classes: int, shapes: Sequence[Sequence[int]]) -> list[SoftTargets]:
    """Average-pool the one-hot labels to each logit grid without ever holding them at full resolution.

    Logit voxel i along an axis stands for the input voxels s*i to s*i+s-1 (center s*i + (s-1)/2), s being
    the stride of its level; the last one may hang over the edge, and then only what lies inside counts.

    Args:
        labels: (B, D, H, W) uint8, channel indices 0 to classes-1, or IGNORE.
        classes: Number of classes C, background included.
        shapes: (d, h, w) of each level, finest first; each is ceil(size / stride) for a power-of-two stride.

    Raises:
        UsageError: A level's shape is not that of a power-of-two stride.
    """
    strides = [_stride(labels.shape[1:], shape) for shape in shapes]
    pooled = _fractions_of_cell(_pad_to_multiple(labels, max(strides)), classes, strides[0])
    targets, stride = [], strides[0]
    for shape, level_stride in zip(shapes, strides, strict=True):
        if level_stride != stride:
            pooled = F.avg_pool3d(pooled, level_stride // stride)
            stride = level_stride
        targets.append(_normalized(pooled[..., : shape[0], : shape[1], : shape[2]], labels.shape[1:], stride))
    return targets


def _stride(size: Sequence[int], shape: Sequence[int]) -> int:
    stride = 1
    while stride <= max(size):
        if all(-(-side // stride) == cells for side, cells in zip(size, shape, strict=True)):
            return stride
        stride *= 2
    raise UsageError(f"Logits of shape {tuple(shape)} are no power-of-two grid of the image {tuple(size)}.",
                     "Use a network whose strides are powers of two.")


def _pad_to_multiple(labels: Tensor, stride: int) -> Tensor:
    missing = [-side % stride for side in labels.shape[1:]]
    if not any(missing):
        return labels
    return F.pad(labels, (0, missing[2], 0, missing[1], 0, missing[0]), value=IGNORE)


def _fractions_of_cell(labels: Tensor, classes: int, stride: int) -> Tensor:
    """Share of each class in whole cells, ignored and padded voxels counting for none: (B, C, d, h, w)."""
    cells = [side // stride for side in labels.shape[1:]]
    pooled = torch.empty((labels.shape[0], classes, *cells), device=labels.device)
    for value in range(classes):
        pooled[:, value] = F.avg_pool3d((labels == value).float(), stride)
    return pooled


def _normalized(pooled: Tensor, size: Sequence[int], stride: int) -> SoftTargets:
    labelled = pooled.sum(1)
    fractions = pooled / labelled.clamp(min=0.5 / stride**3)[:, None]
    return SoftTargets(fractions, labelled / _inside(size, labelled.shape[1:], stride, labelled.device))


def _inside(size: Sequence[int], cells: Sequence[int], stride: int, device: torch.device) -> Tensor:
    """Share of each cell that lies inside the image, (d, h, w)."""
    shares = []
    for side, count in zip(size, cells, strict=True):
        share = torch.ones(count, device=device)
        share[-1] = 1 - (count * stride - side) / stride
        shares.append(share)
    return shares[0][:, None, None] * shares[1][None, :, None] * shares[2][None, None, :]
