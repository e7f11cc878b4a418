"""The xLSTM-UNet: a residual U-Net whose coarse encoder stages carry ViL pairs.

Source of the idea: T. Chen et al., "xLSTM-UNet can be an Effective 2D & 3D Medical Image Segmentation Backbone
with Vision-LSTM (ViL) better than its Mamba Counterpart", arXiv 2407.01530. Different here: both traversal
directions, a three-dimensional convolution inside the ViL block, and no weights that depend on the image's size.
"""

from __future__ import annotations

from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from HeartSeg3DLib.errors import InputError, ModelError

from .config import CONFIGS, NetworkConfig
from .residual import ResidualBlock
from .vil import ViLPair

_DEEP_LEVELS = 3


def _apply(module: nn.Module, x: Tensor, recompute: bool) -> Tensor:
    """Run a module, keeping only its input for the backward pass if asked to."""
    if recompute and torch.is_grad_enabled():
        result: Tensor = checkpoint(module, x, use_reentrant=False)
        return result
    out: Tensor = module(x)
    return out


class EncoderStage(nn.Module):
    """Residual blocks, the first one strided, then ViL pairs."""

    def __init__(self, config: NetworkConfig, stage: int) -> None:
        super().__init__()
        width = config.features[stage]
        before = config.features[stage - 1] if stage else config.in_channels
        stride = 2 if stage else config.stem_stride
        self.blocks = nn.ModuleList([ResidualBlock(before, width, stride)])
        self.blocks.extend(ResidualBlock(width, width) for _ in range(config.blocks[stage] - 1))
        vil_blocks = 2 * sum(config.vil_pairs)
        self.vil = nn.ModuleList(ViLPair(width, config, vil_blocks) for _ in range(config.vil_pairs[stage]))
        self.recompute = config.checkpoint

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C_before, D, H, W) to (B, C, D / stride, H / stride, W / stride), rounded up."""
        for module in (*self.blocks, *self.vil):
            x = _apply(module, x, self.recompute)
        return x


class Encoder(nn.Module):
    """All encoder stages with their ViL pairs, bottleneck included: the part that pretraining learns."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.stages = nn.ModuleList(EncoderStage(config, stage) for stage in range(len(config.features)))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map an image (B, in_channels, D, H, W) to the maps of all stages, finest first.

        Raises:
            InputError: The image has other channels than the network, or is smaller than two total strides.
        """
        self._check(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps

    def _check(self, x: Tensor) -> None:
        config = self.config
        if x.ndim != 5 or x.shape[1] != config.in_channels:
            raise InputError(
                f"The network expects an array (batch, {config.in_channels}, depth, height, width) "
                f"and was given one of shape {tuple(x.shape)}.",
                "Add the missing axes or choose a model made for this number of channels.",
            )
        if min(x.shape[2:]) < config.smallest_input:
            raise InputError(
                f"A window of {' x '.join(map(str, x.shape[2:]))} voxels is too small for this network: "
                f"it needs at least {config.smallest_input} voxels along each axis.",
                "Pad the window or choose a larger one.",
            )


class DecoderStage(nn.Module):
    """Bring the coarser map up to the skip's grid and merge both."""

    def __init__(self, coarse: int, fine: int, blocks: int, recompute: bool) -> None:
        super().__init__()
        # 1x1x1 before the nearest upsampling: the same result for an eighth of the work.
        self.reduce = nn.Conv3d(coarse, fine, 1)
        self.blocks = nn.ModuleList(ResidualBlock(fine if j else 2 * fine, fine) for j in range(blocks))
        self.recompute = recompute

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Map (B, coarse, ...) and its skip (B, fine, D, H, W) to (B, fine, D, H, W)."""
        # Nearest to the skip's size is doubling and then cropping, also for odd sizes.
        x = F.interpolate(self.reduce(x), size=skip.shape[2:], mode="nearest")
        x = torch.cat([x, skip], 1)
        for block in self.blocks:
            x = _apply(block, x, self.recompute)
        return x


class XLSTMUNet(nn.Module):
    """U-Net with residual convolutions and ViL pairs; all sizes are one class with different configurations.

    Args:
        config: Shape of the network.

    Example:
        >>> import torch
        >>> network = build_network("nano").eval()
        >>> network(torch.zeros(1, 1, 32, 48, 33)).shape
        torch.Size([1, 8, 16, 24, 17])
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        levels = len(config.features) - 1
        blocks = config.decoder_blocks or (1,) * levels
        # Index = level: 0 is the finest.
        self.decoder = nn.ModuleList(
            DecoderStage(config.features[n + 1], config.features[n], blocks[n], config.checkpoint)
            for n in range(levels)
        )
        self.heads = nn.ModuleList(
            nn.Conv3d(config.features[n], config.classes, 1) for n in range(min(levels, _DEEP_LEVELS))
        )

    def _decode(self, image: Tensor) -> list[Tensor]:
        """Maps of all decoder levels, finest first."""
        maps = self.encoder(image)
        x = maps.pop()
        decoded = []
        for stage in reversed(self.decoder):
            x = stage(x, maps.pop())
            decoded.append(x)
        return decoded[::-1]

    def forward(self, image: Tensor) -> Tensor:
        """Map an image (B, in_channels, D, H, W) to logits (B, classes, D / s, H / s, W / s).

        s is the stem stride, and sizes are rounded up: logit i belongs to voxels s * i to s * i + s - 1.

        Raises:
            InputError: The image has other channels than the network, or is smaller than two total strides.
        """
        logits: Tensor = self.heads[0](self._decode(image)[0])
        return logits

    def forward_deep(self, image: Tensor) -> list[Tensor]:
        """Logits of the finest decoder levels (three at most), finest first; each level halves the size."""
        return [head(x) for head, x in zip(self.heads, self._decode(image), strict=False)]


def build_network(name_or_config: str | NetworkConfig, **overrides: Any) -> XLSTMUNet:
    """Build a network with fresh weights.

    Args:
        name_or_config: A name in :data:`CONFIGS` or a configuration.
        overrides: Fields of :class:`NetworkConfig` to change, such as ``classes=2``.

    Raises:
        ModelError: The name or a field is unknown, or the configuration is impossible.
    """
    if isinstance(name_or_config, str):
        if name_or_config not in CONFIGS:
            raise ModelError(
                f"There is no network size named '{name_or_config}'.", f"Choose one of {', '.join(CONFIGS)}."
            )
        config = CONFIGS[name_or_config]
    else:
        config = name_or_config
    known = [field.name for field in fields(NetworkConfig)]
    for name in overrides:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise ModelError(f"The network configuration has no such entry '{name}'.",
                             f"Did you mean '{near[0]}'?" if near else f"Known entries: {', '.join(known)}.")
    try:
        config = replace(config, **overrides)
    except (TypeError, ValueError) as error:
        raise ModelError(f"The network configuration cannot be read ({error}).",
                         "Correct the [network] table, or the model's architecture entry.") from error
    return XLSTMUNet(config)


def count_parameters(network: nn.Module) -> int:
    """Number of trainable and frozen parameters."""
    return sum(parameter.numel() for parameter in network.parameters())
