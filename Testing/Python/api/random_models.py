"""Tiny models with random weights, and small images: the real path in a second, with labels that mean nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from HeartSeg3DLib.models import ModelCard, save_package
from HeartSeg3DLib.networks import NetworkConfig, build_network

ALWAYS_A_HEART = {"probability": 0.0, "min_volume_ml": 0.0, "min_mean_probability": 0.0, "min_peak_probability": 0.0,
                  "min_labeled_ml": 0.0, "min_agreement": 0.0}
NEVER_A_HEART = {"min_volume_ml": 1e9}
SMALLEST = NetworkConfig(features=(4, 8), blocks=(1, 1), vil_pairs=(0, 1), stem_stride=2)


def write_package(folder: Path, role: str, decision: dict[str, float] | None = None) -> Path:
    """Writes `random-<role>` into a folder of packages."""
    labels = tuple(range(8)) if role == "segmenter" else (0, 1)
    torch.manual_seed(1)
    network = build_network(SMALLEST, classes=len(labels))
    card = ModelCard(
        id=f"random-{role}", version="1.2.3", title=f"Random {role}", role=role, architecture={}, labels=labels,
        spacing_mm=6.0, window_voxels=16, modalities=("ct", "mr"),
        intensity={"ct": {"kind": "window", "low": -250.0, "high": 650.0},
                   "mr": {"kind": "percentile", "low": 0.5, "high": 99.5}},
        conventions={} if decision is None else {"decision": decision}, training={"hours": 0}, held_out={},
        figures={}, licence="Apache-2.0")
    return save_package(folder / card.id, card, network)


def ct_like(size: tuple[int, int, int] = (20, 18, 14), spacing: float = 4.0) -> sitk.Image:
    """An oblique image with air, fat and blood in it; size along x, y, z."""
    voxels = np.random.default_rng(3).normal(40.0, 30.0, size[::-1])
    voxels[:, :4] -= 1000.0
    voxels[5:9, 6:14, 6:14] += 300.0
    image = sitk.GetImageFromArray(voxels.astype(np.int16))
    image.SetSpacing((spacing, spacing, spacing + 1.0))
    image.SetOrigin((-31.0, 12.5, 100.0))
    turned = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.3, -0.2, 0.1)
    image.SetDirection(turned.GetMatrix())
    return image


def write_ct(path: Path) -> Path:
    """Writes `ct_like` to a file."""
    sitk.WriteImage(ct_like(), str(path))
    return path


def write_cine(path: Path, frames: int = 3) -> Path:
    """Writes a 4-D NIfTI with 40 ms between frames."""
    joined = sitk.JoinSeries([ct_like() + 5 * number for number in range(frames)], 0.0, 0.04)
    sitk.WriteImage(joined, str(path))
    return path


def same_grid(one: sitk.Image, other: sitk.Image) -> bool:
    """Whether two images have the same voxels in space, up to the 32-bit numbers of NIfTI."""
    return one.GetSize() == other.GetSize() and all(
        np.allclose(a, b, atol=1e-4) for a, b in ((one.GetSpacing(), other.GetSpacing()),
                                                  (one.GetOrigin(), other.GetOrigin()),
                                                  (one.GetDirection(), other.GetDirection())))
