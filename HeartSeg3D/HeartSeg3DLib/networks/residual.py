"""Residual convolution block of the U-Net."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

_SLOPE = 0.01


class ResidualBlock(nn.Module):
    """Two 3x3x3 convolutions with instance normalization and leaky ReLU around a shortcut.

    Maps (B, in_channels, D, H, W) to (B, out_channels, ceil(D / stride), ...). The convolutions have no bias,
    because the normalization would remove it.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.norm1 = nn.InstanceNorm3d(out_channels, affine=True)
        self.conv2 = nn.Conv3d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.norm2 = nn.InstanceNorm3d(out_channels, affine=True)
        changes_shape = in_channels != out_channels or stride != 1
        self.shortcut = nn.Conv3d(in_channels, out_channels, 1, stride) if changes_shape else nn.Identity()
        for conv in (self.conv1, self.conv2):
            nn.init.kaiming_normal_(conv.weight, a=_SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        y = F.leaky_relu(self.norm1(self.conv1(x)), _SLOPE, inplace=True)
        y = self.norm2(self.conv2(y)) + self.shortcut(x)
        return F.leaky_relu(y, _SLOPE, inplace=True)
