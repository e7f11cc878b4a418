"""Networks whose answer is known, and phantoms for them: geometry can then be tested exactly."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from HeartSeg3DLib.models import LoadedModel, ModelCard

INTENSITY = {
    "ct": {"kind": "window", "low": -250.0, "high": 650.0},
    "mr": {"kind": "percentile", "low": 0.5, "high": 99.5},
}
LABELS = (0, 2, 1, 3)
"""Channels of the double: background, myocardium, left ventricle, right ventricle, by rising intensity."""

HU = {0: -200.0, 2: 50.0, 1: 250.0, 3: 450.0}
"""Value of each label in the phantom; levels are evenly spaced in the window, so the double tells them apart."""


class ByIntensity(nn.Module):
    """Logits from the intensity of each cell alone: the class whose level is nearest wins.

    Args:
        levels: Level of each channel in [-1, 1].
        stride: Stem stride; cells average their voxels.
    """

    def __init__(self, levels: list[float], stride: int = 2, sharpness: float = 40.0) -> None:
        super().__init__()
        self.config = SimpleNamespace(stem_stride=stride, smallest_input=2 * stride, total_stride=stride)
        self.register_buffer("levels", torch.tensor(levels))
        self.sharpness = sharpness
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.clone())
        x = x.float()
        stride = self.config.stem_stride
        if stride > 1:
            x = F.avg_pool3d(x, stride, ceil_mode=True)
        return -self.sharpness * (x - self.levels.view(1, -1, 1, 1, 1)) ** 2


def level(hu: float) -> float:
    low, high = INTENSITY["ct"]["low"], INTENSITY["ct"]["high"]
    return 2.0 * (hu - low) / (high - low) - 1.0


def card(role: str, labels: tuple[int, ...], spacing: float, window: int, **changes: Any) -> ModelCard:
    values: dict[str, Any] = {
        "id": f"double-{role}", "version": "1", "title": "Double", "role": role, "architecture": {},
        "labels": labels, "spacing_mm": spacing, "window_voxels": window, "modalities": ("ct", "mr"),
        "intensity": INTENSITY, "conventions": {}, "training": {}, "held_out": {}, "figures": {},
        "licence": "Apache-2.0",
    }
    return ModelCard(**{**values, **changes})


def fine_model(spacing: float = 2.0, window: int = 48, network: nn.Module | None = None) -> LoadedModel:
    network = network or ByIntensity([level(HU[label]) for label in LABELS])
    return LoadedModel(card("segmenter", LABELS, spacing, window), network)  # type: ignore[arg-type]


def locator_model(spacing: float = 4.0, window: int = 24, **conventions: Any) -> LoadedModel:
    network = ByIntensity([level(HU[0]), level(HU[1])])
    values = card("locator", (0, 1), spacing, window, conventions=conventions)
    return LoadedModel(values, network)  # type: ignore[arg-type]


def phantom_at(points: np.ndarray) -> np.ndarray:
    """Labels of an asymmetric heart around the world's origin.

    Args:
        points: (..., 3) world positions x, y, z in mm, LPS.
    """
    def ellipsoid(center: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
        return (((points - np.array(center)) / np.array(radii)) ** 2).sum(-1) < 1.0

    labels = np.zeros(points.shape[:-1], np.uint8)
    labels[ellipsoid((6, 2, 0), (24, 21, 29))] = 2
    labels[ellipsoid((6, 2, 3), (15, 12, 19))] = 1
    labels[ellipsoid((-27, -9, 5), (13, 16, 20))] = 3
    return labels


def phantom(
    size: tuple[int, int, int] = (60, 56, 50),
    spacing: tuple[float, float, float] = (1.7, 1.9, 2.1),
    direction: np.ndarray | None = None,
    center: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> tuple[sitk.Image, np.ndarray]:
    """A CT-like image of the phantom on any grid, and its true labels (k, j, i).

    Args:
        size: Voxels along i, j, k.
        spacing: Along i, j, k, mm.
        direction: 3x3, columns = index axes; identity by default.
        center: World position of the middle of the grid.
    """
    direction = np.eye(3) if direction is None else direction
    step = direction * np.array(spacing)
    origin = np.array(center) - step @ ((np.array(size) - 1) / 2)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in size], indexing="ij"), -1)
    labels = phantom_at(index @ step.T + origin).transpose(2, 1, 0)
    values = np.full(labels.shape, HU[0])
    for label, hu in HU.items():
        values[labels == label] = hu
    noise = np.random.default_rng(0).normal(0.0, 12.0, labels.shape)
    image = sitk.GetImageFromArray(np.round(values + noise).astype(np.int16))
    image.SetSpacing(spacing)
    image.SetOrigin(origin.tolist())
    image.SetDirection(direction.ravel().tolist())
    return image, labels


def dice(one: np.ndarray, two: np.ndarray, label: int) -> float:
    a, b = one == label, two == label
    return float(2.0 * (a & b).sum() / max(a.sum() + b.sum(), 1))
