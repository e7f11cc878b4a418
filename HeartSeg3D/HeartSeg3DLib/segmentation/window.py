"""Which part of the model frame the fine network sees, and at which spacing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from .frame import Volume
from .intensity import Rule, intensity_range, scale
from .resample import Grid, Step, overlap_weights, sample
from .runner import Runner

if TYPE_CHECKING:
    from HeartSeg3DLib.models import ModelCard

QUALITIES: dict[str, float] = {"fast": 1.5, "standard": 1.0, "best": 1.0}
"""Spacing of each quality in multiples of the model's own."""

_LARGEST_STRETCH = 1.25
"""How much coarser than the model's own spacing one window may become before tiles are used."""


@dataclass(frozen=True)
class Box:
    """A box along the axes of the model frame: corners (z, y, x) in mm."""

    lower: np.ndarray
    upper: np.ndarray

    @property
    def center(self) -> np.ndarray:
        """Middle of the box."""
        return 0.5 * (self.lower + self.upper)

    @property
    def size(self) -> np.ndarray:
        """Sides of the box."""
        return self.upper - self.lower

    def grown(self, margin: float) -> Box:
        """Return the box with a margin in mm on all sides."""
        return Box(self.lower - margin, self.upper + margin)

    def joined(self, other: Box) -> Box:
        """Return the smallest box around both."""
        return Box(np.minimum(self.lower, other.lower), np.maximum(self.upper, other.upper))

    def contains(self, other: Box) -> bool:
        """Whether another box lies inside, borders included."""
        return bool((self.lower <= other.lower).all() and (self.upper >= other.upper).all())


def world_box(
    image: sitk.Image, volume: Volume, box: Box
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Box around the voxels of a box of the model frame, in the header's world frame (x, y, z), mm LPS."""
    first, last = volume.index_range(box.lower, box.upper)
    stored = [(0.0, 0.0)] * 3
    for axis, behind in enumerate(volume.axes):
        low, high = float(first[axis]), float(last[axis] - 1)
        top = volume.shape[axis] - 1
        stored[behind] = (top - high, top - low) if volume.flipped[axis] else (low, high)
    (k0, k1), (j0, j1), (i0, i1) = stored
    corners = np.array([
        image.TransformContinuousIndexToPhysicalPoint((i, j, k))
        for i in (i0, i1) for j in (j0, j1) for k in (k0, k1)
    ])
    low, high = corners.min(0).tolist(), corners.max(0).tolist()
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


@dataclass(frozen=True)
class ReadyModel:
    """A model on its device, with the intensity rule of the image at hand.

    Attributes:
        runner: Its network.
        card: Its model card (``spacing_mm``, ``window_voxels``, ``labels``).
        rule: Its intensity rule for the image's modality.
        offset: Value that is added to the image's values before the rule (a missing CT intercept).
    """

    runner: Runner
    card: ModelCard
    rule: Rule
    offset: float


@dataclass(frozen=True)
class Prediction:
    """What a network says about a region.

    Attributes:
        log_probabilities: (C, Z, Y, X) float32.
        grid: Where its cells lie.
        inside: (Z, Y, X) bool: the cell's center lies in the field of view.
        sampled_at_mm: Spacing of the image that the network saw.
    """

    log_probabilities: Tensor
    grid: Grid
    inside: Tensor
    sampled_at_mm: float


def plan_window(box: Box, spacing: float, side: int, quality: str) -> Grid:
    """Choose the grid on which the fine network sees a box.

    The window has the size it had in training and sits around the box. A larger box stretches the spacing by up to
    a quarter; a still larger one gets a grid that needs tiles.

    Args:
        box: The heart with its margin.
        spacing: The model's own spacing, mm.
        side: Side of the training window in voxels.
        quality: A name in :data:`QUALITIES`.
    """
    factor = QUALITIES[quality]
    base = spacing * factor
    side = training_side(side, quality)
    stretch = float(box.size.max()) / (side * base)
    if stretch <= _LARGEST_STRETCH:
        return Grid.centered(box.center, base * max(stretch, 1.0), (side, side, side))
    base *= _LARGEST_STRETCH
    z, y, x = (max(side, int(np.ceil(length / base / 16)) * 16) for length in box.size)
    return Grid.centered(box.center, base, (z, y, x))


def training_side(side: int, quality: str) -> int:
    """Side in voxels of one window at a quality: the same millimeters as in training, in multiples of 16 voxels."""
    return side if QUALITIES[quality] == 1.0 else int(np.ceil(side / QUALITIES[quality] / 16)) * 16


def predict(model: ReadyModel, volume: Volume, grid: Grid, side: int, step: Step) -> Prediction:
    """Show a network one grid of an image.

    Args:
        model: The network and its rule.
        volume: The image in the model frame.
        grid: What the network sees.
        side: Largest side of one window; a longer grid is tiled.
        step: Called with the fraction done.
    """
    runner = model.runner
    values, inside = sample(volume, grid, runner.device, lambda done: step(0.3 * done))
    low, high = intensity_range(values, model.rule, inside)
    shift = model.offset if model.rule["kind"] == "window" else 0.0
    seen = scale(values, low - shift, high - shift, inside)
    result = runner.predict(seen, side, lambda done: step(0.3 + 0.7 * done))
    cells = grid.coarser(runner.stride)
    return Prediction(result, cells, _inside_cells(inside, runner.stride).to(result.device), grid.spacing)


def regrid(values: Tensor, source: Grid, target: Grid) -> Tensor:
    """Bring (C, Z, Y, X) from one grid to another by linear interpolation, border values beyond the border."""
    for axis in range(3):
        positions = target.start[axis] - source.start[axis] + target.spacing * np.arange(target.shape[axis])
        first, last, weights = overlap_weights(source.shape[axis], source.spacing, positions, 0.0)
        matrix = torch.from_numpy(weights).to(values.device, torch.float32)
        part = values.narrow(1 + axis, first, last - first)
        values = torch.tensordot(part, matrix, dims=([1 + axis], [1])).movedim(-1, 1 + axis)
    return values.contiguous()


def _inside_cells(inside: Tensor, stride: int) -> Tensor:
    """Cells of the network's output with at least one voxel in the field of view."""
    if stride == 1:
        return inside
    pooled = torch.nn.functional.max_pool3d(inside[None, None].float(), stride, ceil_mode=True)
    return pooled[0, 0] > 0.5
