"""Random shape changes of a scene: affine, elastic at two scales, and growth of single chambers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

CONTROL = 24
"""Points along each side of the coarse grid on which the deformation is computed."""


@dataclass(frozen=True)
class Deformation:
    """Ranges of the random deformation.

    Attributes:
        rotation: Largest rotation about each axis, radians.
        log_scale: Largest log of anisotropic scale.
        log_size: Largest log of common scale.
        shear: Largest shear.
        shift: Largest shift of the window, mm, along (x, y, z).
        elastic: (grid points, amplitude in mm) of each elastic scale.
        chamber: Largest relative growth or shrinkage of one chamber.
        child: Probability of a child: heart and chest are smaller as one.
        child_size: Range of a child's size.
    """

    rotation: float = 0.32
    log_scale: float = 0.18
    log_size: float = 0.12
    shear: float = 0.1
    shift: tuple[float, float, float] = (24.0, 24.0, 24.0)
    elastic: tuple[tuple[int, float], ...] = ((5, 8.0), (9, 3.2))
    chamber: float = 0.35
    child: float = 0.1
    child_size: tuple[float, float] = (0.62, 0.9)


@dataclass(frozen=True)
class Placement:
    """The affine part of a deformation: scene = linear @ (window + shift), mm."""

    linear: np.ndarray
    shift: np.ndarray

    def to_window(self, points: np.ndarray) -> np.ndarray:
        """Map (..., 3) scene points (x, y, z) to the window, mm from its centre."""
        return points @ np.linalg.inv(self.linear).T - self.shift

    def direction_to_window(self, vector: np.ndarray) -> np.ndarray:
        """Map a direction of the scene to a unit direction of the window."""
        mapped = np.linalg.inv(self.linear) @ vector
        return mapped / np.linalg.norm(mapped)


def rotation_matrix(angles: np.ndarray) -> np.ndarray:
    """Return the (3, 3) rotation by ``angles`` (radians) about x, then y, then z."""
    (ca, cb, cc), (sa, sb, sc) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    about_y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    about_z = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def enlarge(field: torch.Tensor, size: int) -> torch.Tensor:
    """Interpolate a (C, k, k, k) field trilinearly to (C, size, size, size)."""
    return F.interpolate(field[None], size=(size,) * 3, mode="trilinear", align_corners=True)[0]


def deformed_positions(rng: np.random.Generator, size: int, spacing: float, centres: np.ndarray,
                       ranges: Deformation, device: torch.device) -> tuple[torch.Tensor, Placement]:
    """Draw where each voxel of a window looks into a scene.

    Args:
        rng: Random source.
        size: Voxels along a side of the window.
        spacing: Its voxel size in mm.
        centres: (k, 3) chamber centres (x, y, z) in mm.
        ranges: Ranges of the deformation.
        device: Where the result lives.

    Returns:
        Positions (3, size, size, size) in mm, channels (x, y, z), axes [z, y, x]; and the affine part.
    """
    axis = torch.linspace(-(size - 1) / 2, (size - 1) / 2, CONTROL, dtype=torch.float64) * spacing
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    scale = np.exp(-rng.uniform(-ranges.log_scale, ranges.log_scale, 3)
                   - rng.uniform(-ranges.log_size, ranges.log_size))
    if rng.random() < ranges.child:
        scale = scale / rng.uniform(*ranges.child_size)
    shear = np.eye(3) + rng.uniform(-ranges.shear, ranges.shear, (3, 3)) * (1 - np.eye(3))
    linear = rotation_matrix(rng.uniform(-ranges.rotation, ranges.rotation, 3)) @ np.diag(scale) @ shear
    shift = rng.uniform(-1, 1, 3) * np.asarray(ranges.shift)
    start = torch.stack([x, y, z]) + torch.from_numpy(shift).view(3, 1, 1, 1)
    point = torch.einsum("ij,jabc->iabc", torch.from_numpy(linear), start).float()
    for count, amplitude in ranges.elastic:
        strength = amplitude * rng.uniform(0.3, 1)
        noise = torch.from_numpy(rng.standard_normal((3, count, count, count)).astype(np.float32))
        point = point + strength * enlarge(noise, CONTROL)
    point = _grow_chambers(point, centres, rng, ranges.chamber)
    return enlarge(point.to(device), size), Placement(linear, shift)


def _grow_chambers(point: torch.Tensor, centres: np.ndarray, rng: np.random.Generator,
                   most: float) -> torch.Tensor:
    moved = point.clone()
    for centre in centres:
        factor, radius = rng.uniform(-most, most), rng.uniform(20, 32)
        offset = moved - torch.from_numpy(np.asarray(centre, np.float32)).view(3, 1, 1, 1)
        moved = moved + factor * offset * torch.exp(-(offset**2).sum(0, keepdim=True) / (2 * radius**2))
    return moved


def gaussian_blur(volume: torch.Tensor, sigma: float) -> torch.Tensor:
    """Blur a (d, h, w) volume with a Gaussian of ``sigma`` voxels; edges repeat."""
    if sigma < 0.15:
        return volume
    radius = max(math.ceil(2.5 * sigma), 1)
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, device=volume.device) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    out = volume[None, None]
    for dim in range(3):
        shape, pad = [1] * 5, [0] * 6
        shape[2 + dim] = -1
        pad[2 * (2 - dim)] = pad[2 * (2 - dim) + 1] = radius
        out = F.conv3d(F.pad(out, pad, mode="replicate"), kernel.view(shape))
    return out[0, 0]
