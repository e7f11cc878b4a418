"""Sample an image of the model frame on an isotropic grid: averaging when coarser, linear when finer.

The whole volume is never copied: voxels are converted to float32 slab by slab and reduced at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .frame import Volume

_SLAB_VOXELS = 4_000_000
"""Voxels converted at a time: 16 MB of float32."""

_OBLIQUE_REDUCTION = 0.75
"""An oblique image is first averaged along its own axes to this part of the grid's spacing, then interpolated: that
removes the noise that plain interpolation would pick up, and blurs little."""

Step = Callable[[float], None]


@dataclass(frozen=True)
class Grid:
    """An isotropic grid along the axes of the model frame.

    Attributes:
        start: Position (z, y, x) of the first voxel's center, mm.
        spacing: Distance of voxels, mm.
        shape: Voxels along z, y, x.
    """

    start: tuple[float, float, float]
    spacing: float
    shape: tuple[int, int, int]

    @property
    def lower(self) -> np.ndarray:
        """Lower corner, voxel borders included, mm."""
        return np.array(self.start) - 0.5 * self.spacing

    @property
    def upper(self) -> np.ndarray:
        """Upper corner, voxel borders included, mm."""
        return self.lower + self.spacing * np.array(self.shape)

    @classmethod
    def centered(cls, center: np.ndarray, spacing: float, shape: tuple[int, int, int]) -> Grid:
        """Return the grid of this shape around a position (z, y, x) in mm."""
        start = np.asarray(center) - 0.5 * spacing * (np.array(shape) - 1)
        return cls((float(start[0]), float(start[1]), float(start[2])), spacing, shape)

    def coarser(self, stride: int) -> Grid:
        """Return the grid of the cells of ``stride`` voxels a side: where a network of that stem puts its output.

        Output voxel i stands for the input voxels s * i ... s * i + s - 1, as the training targets do.
        """
        start = np.array(self.start) + 0.5 * (stride - 1) * self.spacing
        shape = tuple(-(-side // stride) for side in self.shape)
        return Grid(
            (float(start[0]), float(start[1]), float(start[2])),
            self.spacing * stride,
            (shape[0], shape[1], shape[2]),
        )


def overlap_weights(
    count: int, spacing: float, positions: np.ndarray, out_spacing: float
) -> tuple[int, int, np.ndarray]:
    """Weights that bring one axis to other positions.

    Each output voxel averages the input voxels that it overlaps; where the output is finer than the input, this is
    linear interpolation between voxel centers. Positions beyond the outermost centers take the outermost value.

    Args:
        count: Input voxels; the first lies at 0.
        spacing: Distance of input voxels.
        positions: Centers of the output voxels in mm, ascending.
        out_spacing: Width of an output voxel.

    Returns:
        (first, last, weights): input voxels [first, last) are used; weights are (len(positions), last - first) and
        each row sums to one.
    """
    center = np.clip(np.asarray(positions, dtype=np.float64) / spacing, 0.0, count - 1.0)
    half = 0.5 * max(out_spacing / spacing, 1.0)
    first = max(int(np.floor(center.min() - half)), 0)
    last = min(int(np.ceil(center.max() + half)) + 1, count)
    voxel = np.arange(first, last)[None, :]
    low = np.maximum(center[:, None] - half, voxel - 0.5)
    high = np.minimum(center[:, None] + half, voxel + 0.5)
    weights = np.clip(high - low, 0.0, None)
    return first, last, weights / weights.sum(1, keepdims=True)


def sample(volume: Volume, grid: Grid, device: torch.device, step: Step | None = None) -> tuple[Tensor, Tensor]:
    """Sample an image on a grid.

    Args:
        volume: The image in the model frame.
        grid: Where to sample.
        device: Where the result lies.
        step: Called with the fraction done.

    Returns:
        values (Z, Y, X) float32, and inside (Z, Y, X) bool: the voxel's center lies in the field of view.
    """
    step = step or (lambda done: None)
    if volume.aligned:
        axes = [start + grid.spacing * np.arange(n) for start, n in zip(grid.start, grid.shape, strict=True)]
        values = _separable(volume, axes, np.full(3, grid.spacing), device, step)
        return values, _inside_aligned(volume, axes, device)
    return _sample_oblique(volume, grid, device, step)


def _separable(
    volume: Volume, positions: list[np.ndarray], out_spacing: np.ndarray, device: torch.device, step: Step
) -> Tensor:
    """Reduce the volume along its own three axes, x and y within slabs, z at the end."""
    plans = [
        overlap_weights(n, s, p, o)
        for n, s, p, o in zip(volume.shape, volume.spacing, positions, out_spacing, strict=True)
    ]
    (z0, z1, along_z), (y0, y1, along_y), (x0, x1, along_x) = plans
    weights_z, weights_y, weights_x = (
        torch.from_numpy(w).to(device, torch.float32) for w in (along_z, along_y, along_x)
    )
    region = volume.array[z0:z1, y0:y1, x0:x1]
    reduced = torch.empty((z1 - z0, len(weights_y), len(weights_x)), device=device)
    thickness = max(_SLAB_VOXELS // max(region[0].size, 1), 1)
    for start in range(0, len(region), thickness):
        step(start / len(region))
        slab = np.array(region[start : start + thickness], dtype=np.float32, order="C")
        reduced[start : start + thickness] = weights_y @ (torch.from_numpy(slab).to(device) @ weights_x.T)
    return (weights_z @ reduced.flatten(1)).unflatten(1, reduced.shape[1:])


def _inside_aligned(volume: Volume, axes: list[np.ndarray], device: torch.device) -> Tensor:
    along = [
        torch.from_numpy((p >= -0.5 * s) & (p <= (n - 0.5) * s)).to(device)
        for p, s, n in zip(axes, volume.spacing, volume.shape, strict=True)
    ]
    return along[0][:, None, None] & along[1][:, None] & along[2]


def _sample_oblique(volume: Volume, grid: Grid, device: torch.device, step: Step) -> tuple[Tensor, Tensor]:
    spacing = np.maximum(volume.spacing, _OBLIQUE_REDUCTION * grid.spacing)
    first, last = volume.index_range(grid.lower - grid.spacing, grid.upper + grid.spacing)
    first = np.minimum(first, np.array(volume.shape) - 1)
    last = np.maximum(last, first + 1)
    low, high = (first - 0.5) * volume.spacing, (last - 0.5) * volume.spacing
    counts = np.maximum(np.ceil((high - low) / spacing - 1e-6).astype(int), 1)
    starts = 0.5 * (low + high) - 0.5 * spacing * (counts - 1)
    axes = [s + d * np.arange(n) for s, d, n in zip(starts, spacing, counts, strict=True)]
    reduced = _separable(volume, axes, spacing, device, step)
    values = torch.empty(grid.shape, device=device)
    inside = torch.empty(grid.shape, dtype=torch.bool, device=device)
    extent = torch.tensor(np.array(volume.shape), dtype=torch.float32, device=device)
    thickness = max(_SLAB_VOXELS // (8 * grid.shape[1] * grid.shape[2]), 1)
    z_axis, y_axis, x_axis = (
        torch.tensor(start + grid.spacing * np.arange(n), dtype=torch.float32, device=device)
        for start, n in zip(grid.start, grid.shape, strict=True)
    )
    for z in range(0, grid.shape[0], thickness):
        own = turned_positions((z_axis[z : z + thickness], y_axis, x_axis), volume.rotation.T)
        index = [own[a] / float(volume.spacing[a]) for a in range(3)]
        slab = [(index[a] >= -0.5) & (index[a] <= extent[a] - 0.5) for a in range(3)]
        inside[z : z + thickness] = slab[0] & slab[1] & slab[2]
        at = [(own[a] - float(starts[a])) / float(spacing[a]) for a in range(3)]
        values[z : z + thickness] = interpolate(reduced[None], at)[0]
    return values, inside


def turned_positions(axes: Sequence[Tensor], rotation: np.ndarray) -> list[Tensor]:
    """Turn the points of a grid that is given by its three axes.

    Args:
        axes: Positions along z, y and x in mm: 1-D tensors of lengths A, B and D.
        rotation: 3x3; position = rotation @ (z, y, x).

    Returns:
        Three tensors (A, B, D): z, y and x of each point.
    """
    z, y, x = axes
    return [
        float(row[0]) * z[:, None, None] + float(row[1]) * y[:, None] + float(row[2]) * x for row in rotation
    ]


def interpolate(values: Tensor, index: list[Tensor]) -> Tensor:
    """Linear interpolation at fractional indices; beyond the border the border's value.

    Args:
        values: (C, Z, Y, X).
        index: Indices along z, y and x, each (A, B, D).

    Returns:
        (C, A, B, D).
    """
    # With align_corners=False index i of n lies at (2 i + 1) / n - 1, which also holds for a single voxel.
    where = [(2.0 * index[a] + 1.0) / values.shape[1 + a] - 1.0 for a in (2, 1, 0)]
    return F.grid_sample(
        values[None], torch.stack(where, -1)[None], mode="bilinear", padding_mode="border", align_corners=False
    )[0]


def shrink(stored: np.ndarray, spacing: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Average an array along its own axes so that no spacing is below ``least``.

    Args:
        stored: (A, B, D), any number type.
        spacing: Distance of voxels along its axes, mm.
        least: Smallest spacing of the result, mm; coarser axes keep theirs.

    Returns:
        The averaged array (float32) around the same center, and its spacing.
    """
    volume = Volume(stored, spacing, np.eye(3), np.zeros(3), (0, 1, 2), (False, False, False))
    wanted = np.maximum(spacing, least)
    counts = np.maximum(np.floor(np.array(stored.shape) * spacing / wanted + 1e-6).astype(int), 1)
    starts = 0.5 * (np.array(stored.shape) - 1) * spacing - 0.5 * (counts - 1) * wanted
    axes = [start + width * np.arange(n) for start, width, n in zip(starts, wanted, counts, strict=True)]
    values = _separable(volume, axes, wanted, torch.device("cpu"), lambda done: None)
    return values.numpy(), wanted
