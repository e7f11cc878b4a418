"""Residual convolution block of the U-Net."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_SLOPE = 0.01
# PyTorch leaves oneDNN aside for one map of up to this many channels x depth x height (ATen, Convolution.cpp,
# use_mkldnn) and takes a slow generic kernel: 2 to 3 times the time on the coarse stages of one small window.
_SLOW_KERNEL_UP_TO = 20480


class Convolution(nn.Conv3d):
    """3x3x3 convolution without bias that asks for the fast CPU kernel also where PyTorch would not choose it."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, 3, stride, 1, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (B, C, D, H, W), D / stride rounded up."""
        if _would_be_slow(input) and input.dtype == self.weight.dtype:
            one = (1, 1, 1)
            return torch.mkldnn_convolution(input, self.weight, None, one, self.stride, one, 1)
        return super().forward(input)


def _would_be_slow(x: Tensor) -> bool:
    """Whether PyTorch would take its generic kernel for this map: one small float32 map on the CPU."""
    return bool(
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.shape[:4].numel() <= _SLOW_KERNEL_UP_TO
        and torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and not torch.is_autocast_enabled("cpu")
        and not torch.jit.is_tracing()
        and not torch.compiler.is_compiling()
    )


class ResidualBlock(nn.Module):
    """Two 3x3x3 convolutions with instance normalization and leaky ReLU around a shortcut.

    Maps (B, in_channels, D, H, W) to (B, out_channels, ceil(D / stride), ...). The convolutions have no bias,
    because the normalization would remove it.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = Convolution(in_channels, out_channels, stride)
        self.norm1 = nn.InstanceNorm3d(out_channels, affine=True)
        self.conv2 = Convolution(out_channels, out_channels)
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
