"""One network on one device: precision, log-probabilities, and the way down when memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from HeartSeg3DLib.errors import DeviceError

from .device import autocast_dtype, is_out_of_memory, release_memory
from .intensity import OUTSIDE

_OVERLAP = 0.5
"""Part of a tile that its neighbor covers again: nnU-Net's value (Isensee 2021, doi 10.1038/s41592-020-01008-z)."""

_STEP_DOWN, _LEAST = 0.75, 0.5
"""Side of the tiles that are tried next when memory runs out, in parts of that which did not fit; and the smallest in
parts of the wanted window."""

Step = Callable[[float], None]


class Runner:
    """Runs a network over a whole region of the model frame, in one window or in blended tiles.

    Args:
        network: Maps (1, 1, D, H, W) to logits (1, C, D/s, H/s, W/s), rounded up; s is its stem stride.
        device: Where it shall run.

    Attributes:
        warnings: What had to be given up for lack of memory, one sentence each.
    """

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self._network = network.eval()
        self._device = device
        self._largest: int | None = None  # side in voxels that fits, once a larger one did not; kept for later images
        self.warnings: list[str] = []
        config = getattr(network, "config", None)
        self.stride = int(getattr(config, "stem_stride", 1))
        self.smallest = int(getattr(config, "smallest_input", 1))
        self._move(device)

    @property
    def device(self) -> torch.device:
        """Where the network lies now."""
        return self._device

    @torch.inference_mode()
    def predict(self, values: Tensor, side: int, step: Step | None = None) -> Tensor:
        """Log-probabilities of a region.

        Args:
            values: Normalized image (Z, Y, X).
            side: Largest side of one window in voxels; a longer region is covered by tiles that overlap by half.
            step: Called with the fraction done.

        Returns:
            (C, ceil(Z/s), ceil(Y/s), ceil(X/s)) float32 on the device that computed it.

        Raises:
            DeviceError: Memory ran out and neither smaller windows nor the CPU helped.
        """
        while True:
            tile = side if self._largest is None else min(side, self._largest)
            try:
                return self._tiles(values.to(self._device), tile, step or (lambda done: None))
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = error
            # Outside the except block: the traceback would keep the failed tensors alive.
            self._step_down(reason, min(tile, max(values.shape)), side)

    def move_to_cpu(self) -> None:
        """Leave a device whose memory ran out."""
        self._warn(f"Memory of the {self._device.type} device ran out: the segmentation ran on the CPU.")
        self._largest = None
        self._move(torch.device("cpu"))

    def _step_down(self, error: BaseException, tried: int, wanted: int) -> None:
        """Take smaller windows from now on than the one that was tried, or the CPU."""
        error.__traceback__ = None
        release_memory(self._device)
        smaller, least = (int(share * side) // 16 * 16 for share, side in ((_STEP_DOWN, tried), (_LEAST, wanted)))
        if smaller >= max(least, self.smallest):
            self._largest = smaller
            self._warn("Memory ran out: the image was segmented in smaller windows, which can be less accurate.")
        elif self._device.type != "cpu":
            self.move_to_cpu()
        else:
            raise DeviceError("There is not enough memory to segment this image.",
                              "Close other programs, choose the quality 'fast', or use a computer with more memory.")

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _move(self, device: torch.device) -> None:
        self._network.to(device)
        self._device = device
        self._dtype = autocast_dtype(device)

    def _window(self, values: Tensor) -> Tensor:
        reduced = self._dtype is not None
        with torch.autocast(self._device.type, self._dtype) if reduced else nullcontext():
            logits = self._network(values[None, None])[0]
        return torch.log_softmax(logits.float(), 0)

    def _tiles(self, values: Tensor, side: int, step: Step) -> Tensor:
        stride = self.stride
        cells = [-(-length // stride) for length in values.shape]
        values = self._pad(values)
        spans = [tile_spans(length, -(-side // stride) * stride, stride) for length in values.shape]
        tiles = list(product(*spans))
        total: Tensor | None = None
        weight_sum: Tensor | None = None
        for number, tile in enumerate(tiles):
            step(number / len(tiles))
            result = self._window(values[tuple(slice(*span) for span in tile)].contiguous())
            if len(tiles) == 1:
                total = result
                break
            if total is None or weight_sum is None:
                padded = [length // stride for length in values.shape]
                total = result.new_zeros(len(result), *padded)
                weight_sum = result.new_zeros(padded)
            target = tuple(slice(first // stride, last // stride) for first, last in tile)
            weight = _taper(result.shape[1:], result.device)
            total[(slice(None), *target)] += result * weight
            weight_sum[target] += weight
        assert total is not None
        if weight_sum is not None:
            total /= weight_sum
        return total[:, : cells[0], : cells[1], : cells[2]]

    def _pad(self, values: Tensor) -> Tensor:
        """Fill up with the value of the outside to whole cells and to the network's smallest input."""
        wanted = [max(-(-length // self.stride) * self.stride, self.smallest) for length in values.shape]
        missing = [n for length, size in zip(values.shape, wanted, strict=True) for n in (size - length, 0)]
        return F.pad(values, missing[::-1], value=OUTSIDE) if any(missing) else values


def tile_spans(length: int, side: int, stride: int = 1) -> list[tuple[int, int]]:
    """Evenly spread [first, last) spans of ``side`` voxels that cover an axis and overlap by at least half.

    A shorter axis gets one span of its own length. Spans start on multiples of ``stride``, so that the cells of all
    tiles lie on one grid.

    Example:
        >>> tile_spans(100, 64)
        [(0, 64), (18, 82), (36, 100)]
        >>> tile_spans(50, 64)
        [(0, 50)]
    """
    if length <= side:
        return [(0, length)]
    count = int(np.ceil((length - side) / (side * (1.0 - _OVERLAP)))) + 1
    starts = np.round(np.linspace(0.0, length - side, count) / stride).astype(int) * stride
    return [(int(first), int(first) + side) for first in starts]


def _taper(shape: torch.Size, device: torch.device) -> Tensor:
    """Weights of a tile's cells, falling smoothly from its middle to its border."""
    axes = []
    for n in shape:
        place = (torch.arange(n, device=device) + 0.5) / n
        axes.append(torch.sin(torch.pi * place) ** 2 + 1e-3)
    return axes[0][:, None, None] * axes[1][:, None] * axes[2]
