"""What a scanner does to the picture: blur, noise, shading, streaks, thick slices, partial cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from .deformation import Placement, enlarge, gaussian_blur, rotation_matrix


@dataclass
class Picture:
    """A volume on its way through the scanner.

    Attributes:
        image: (d, h, w) float values, HU or MR signal.
        labels: (d, h, w) uint8.
        inside: (d, h, w) bool, the field of view.
    """

    image: torch.Tensor
    labels: torch.Tensor
    inside: torch.Tensor

    def cut(self, inside: torch.Tensor) -> None:
        """Shrink the field of view; labels outside become background."""
        self.inside = self.inside & inside
        self.labels = self.labels * inside


_SLICE_SHARE = (0.4, 1.0)
"""Thickness of a slice as a share of the distance to the next: 6 mm in 10 mm, 8 mm in 8 mm."""


class Noise:
    """Seeded noise fields on a device."""

    def __init__(self, seed: int, size: int, device: torch.device) -> None:
        self._generator = torch.Generator(device).manual_seed(seed)
        self._size, self._device = size, device

    def white(self, size: int | None = None) -> torch.Tensor:
        """Return standard normal noise (n, n, n), n voxels a side."""
        return torch.randn((size or self._size,) * 3, generator=self._generator, device=self._device)

    def smooth(self, points: int) -> torch.Tensor:
        """Return smooth noise from ``points`` control points a side, at full size."""
        return enlarge(self.white(points)[None], self._size)[0]


def add_noise(picture: Picture, noise: Noise, rng: np.random.Generator, level: float) -> None:
    """Add white or correlated noise of standard deviation ``level``."""
    field = noise.white()
    if rng.random() < 0.6:
        field = gaussian_blur(field, float(rng.uniform(0.4, 1.0)))
        field = field / field.std()
    picture.image = picture.image + level * field


def add_shading(picture: Picture, noise: Noise, rng: np.random.Generator) -> None:
    """Multiply by a smooth receive-coil field (MR), often brightest at the front of the chest, where the coil lies."""
    depth = torch.linspace(-1, 1, picture.image.shape[1], device=picture.image.device)[None, :, None]
    field = noise.smooth(4) * float(rng.uniform(0, 0.35)) - depth * float(rng.uniform(-0.1, 0.6))
    picture.image = picture.image * torch.exp(field)


def darken_borders_of_fat(picture: Picture, fat: torch.Tensor, strength: float) -> None:
    """Draw the dark line between fat and water, whose signals cancel where a voxel holds both (bSSFP).

    Args:
        picture: Volume with the tissues' signals, changed in place.
        fat: (d, h, w) bool.
        strength: 0 for none, 1 for no signal left where both are equal.
    """
    share = gaussian_blur(fat.float(), 0.6)
    picture.image = picture.image * (1 - strength * 4 * share * (1 - share))


def add_ghosts(picture: Picture, rng: np.random.Generator) -> None:
    """Add a faint copy displaced along one axis, as pulsation leaves in MR."""
    size = picture.image.shape[0]
    copy = torch.roll(picture.image, int(rng.integers(size // 6, size // 2)), int(rng.integers(3)))
    picture.image = picture.image + float(rng.uniform(0.03, 0.14)) * copy


def blur_by_motion(picture: Picture, rng: np.random.Generator) -> None:
    """Average the picture with itself one or two voxels aside: the double contours of a heart that moved."""
    moved, share = picture.image, float(rng.uniform(0.25, 0.5))
    for axis in rng.choice(3, 2, replace=False):
        moved = torch.roll(moved, int(rng.integers(1, 3)), int(axis))
    picture.image = (1 - share) * picture.image + share * moved


def stair_steps(position: torch.Tensor, rng: np.random.Generator, spacing: float) -> None:
    """Displace slabs of slices against each other, as in a CT put together from several heartbeats; in place.

    Args:
        position: (3, d, h, w) where each voxel looks, mm, (x, y, z).
        rng: Random source.
        spacing: Voxel size, mm.
    """
    depth = max(round(float(rng.uniform(20, 45)) / spacing), 1)
    slab = torch.arange(position.shape[1], device=position.device) // depth
    shifts = rng.normal(0, rng.uniform(0.5, 2.5), (3, int(slab[-1]) + 1)).astype(np.float32)
    position += torch.from_numpy(shifts).to(position.device)[:, slab, None, None]


def add_streaks(picture: Picture, rng: np.random.Generator, source: np.ndarray, spacing: float) -> None:
    """Add streaks that radiate from dense contrast in the superior caval vein, or from metal, in axial planes (CT).

    Args:
        picture: Volume, changed in place.
        rng: Random source.
        source: (x, y, z) of what is dense in mm from the window's centre.
        spacing: Voxel size, mm.
    """
    size, device = picture.image.shape[0], picture.image.device
    axis = (torch.arange(size, device=device) - (size - 1) / 2) * spacing
    dy, dx = axis[:, None] - float(source[1]), axis[None, :] - float(source[0])
    angle = torch.atan2(dy, dx)
    profile = torch.from_numpy(np.convolve(rng.standard_normal(180), np.ones(3) / 3, mode="same").astype(np.float32))
    index = ((angle / (2 * torch.pi) + 0.5) * 179).long()
    reach = torch.exp(-torch.sqrt(dx**2 + dy**2) / float(rng.uniform(25, 70)))
    plane = profile.to(device)[index] * reach * float(rng.uniform(30, 180))
    height = torch.exp(-(((axis - float(source[2])) / float(rng.uniform(15, 50))) ** 2))
    picture.image = picture.image + height[:, None, None] * plane


def thick_slices(picture: Picture, rng: np.random.Generator, axes: np.ndarray, spacing: float,
                 distances: tuple[float, float, float], centre: np.ndarray, gain: float = 0.0) -> None:
    """Acquire the volume as a stack of thick slices, often with gaps between them, and interpolate it back.

    Some stacks are taken in several breath-holds that differ, so that their slices lie aside of each other; the labels
    move with what is seen, as a reader draws it.

    Args:
        axes: (3, 3) rows: two in-plane directions and the stack direction, in the window's frame (x, y, z).
        spacing: Voxel size of the window in mm.
        distances: Smallest, most frequent and largest distance of slices in mm.
        centre: (x, y, z) mm of the stack's centre from the window's centre.
        gain: Standard deviation of the log brightness of one slice against the next.
    """
    size, device = picture.image.shape[0], picture.image.device
    half = (size - 1) / 2 * spacing
    low, mode, high = distances
    step = float(rng.triangular(low, mode, high)) if high > low else low
    count = max(int(2 * half / step), 6)
    frame = torch.from_numpy(np.ascontiguousarray(axes)).float().to(device)
    middle = torch.from_numpy(np.asarray(centre, np.float32)).to(device)
    breath = rng.uniform(0, 2.5) if rng.random() < 0.3 else 0.0
    aside = torch.from_numpy(rng.normal(0, breath, (count, 2)).astype(np.float32)).to(device)
    slices = _sample_slices(picture.image, aside, frame, middle, half, step, float(rng.uniform(*_SLICE_SHARE)))
    slices *= torch.from_numpy(np.exp(rng.normal(0, gain, (count, 1, 1))).astype(np.float32)).to(device)
    axis = torch.linspace(-half, half, size, device=device)
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    offset = torch.stack([x - middle[0], y - middle[1], z - middle[2]])
    a, b, s = (sum(row[k] * offset[k] for k in range(3)) for row in frame)
    stack_half = (count - 1) / 2 * step
    where = torch.stack([a / half, b / half, s / stack_half], -1)
    image = F.grid_sample(slices[None, None], where[None], mode="bilinear", padding_mode="border",
                          align_corners=True)[0, 0]
    first, last = _cover(rng, stack_half, step)
    inside = (s > first) & (s < last)
    wide, high = rng.uniform(0.5, 1.3, 2)
    inside &= (a.abs() < wide * half) & (b.abs() < high * half)
    picture.image = image
    if breath:
        slice_index = (s / step + (count - 1) / 2).round_().clamp_(0, count - 1).long()
        _move_labels(picture, aside[slice_index], frame, torch.stack([x, y, z]), half)
    picture.cut(inside)


def _move_labels(picture: Picture, aside: torch.Tensor, frame: torch.Tensor, position: torch.Tensor,
                 half: float) -> None:
    """Move the labels by (..., 2) mm along a slice's two directions, as its picture was."""
    where = position + torch.einsum("kc,...k->c...", frame[:2], aside)
    grid = (where / half).permute(1, 2, 3, 0)[None]
    picture.labels = F.grid_sample(picture.labels[None, None].float(), grid, mode="nearest", padding_mode="border",
                                   align_corners=True)[0, 0].to(torch.uint8)


def _sample_slices(image: torch.Tensor, aside: torch.Tensor, frame: torch.Tensor, middle: torch.Tensor, half: float,
                   step: float, share: float) -> torch.Tensor:
    """Sample (count, n, n) slices, each shifted by (count, 2) mm in its plane: the mean of four planes across each.

    A slice is as thick as a share of the distance to the next.
    """
    size, device, count = image.shape[0], image.device, len(aside)
    plane = torch.linspace(-half, half, size, device=device)
    depth = (torch.arange(count, device=device) - (count - 1) / 2) * step
    s, b, a = torch.meshgrid(depth, plane, plane, indexing="ij")
    a, b = a + aside[:, 0, None, None], b + aside[:, 1, None, None]
    slices = torch.zeros((count, size, size), device=device)
    for part in (-0.375, -0.125, 0.125, 0.375):
        depth_here = s + part * share * step
        where = [middle[k] + frame[0, k] * a + frame[1, k] * b + frame[2, k] * depth_here for k in range(3)]
        slices += F.grid_sample(image[None, None], torch.stack(where, -1)[None] / half, mode="bilinear",
                                padding_mode="border", align_corners=True)[0, 0]
    return slices / 4


def _cover(rng: np.random.Generator, stack_half: float, step: float) -> tuple[float, float]:
    """Range of the stack direction (mm) that was acquired: often only the ventricles."""
    if rng.random() < 0.25:
        return -stack_half - step / 2, stack_half + step / 2
    length = rng.uniform(70, 130)
    middle = rng.uniform(-25, 15)
    return middle - length / 2, middle + length / 2


def cut_field_of_view(picture: Picture, rng: np.random.Generator, depth: float) -> None:
    """Keep a random box, as scans cropped to the heart or cut through it."""
    size = picture.image.shape[0]
    inside = torch.zeros_like(picture.inside)
    low, high = rng.integers(0, int(size * depth), 3), size - rng.integers(0, int(size * depth), 3)
    inside[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))] = True
    picture.cut(inside)


def short_axis_frame(centres: np.ndarray, placement: Placement, rng: np.random.Generator) -> np.ndarray:
    """Axes of a short-axis stack in the window's frame.

    Args:
        centres: (5, 3) centres of LV, LA, RV, RA and aorta in the scene, mm.
        placement: Where the window lies in the scene.
        rng: Random source of the planning error.

    Returns:
        (3, 3) rows: left to right ventricle, its normal, apex to base.
    """
    base = placement.direction_to_window(centres[1] - centres[0])
    right = placement.direction_to_window(centres[2] - centres[0])
    right -= (right @ base) * base
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(base, right), base]) @ rotation_matrix(rng.uniform(-0.2, 0.2, 3))
