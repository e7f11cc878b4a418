"""Generated held-out hearts seen as stacks of thick slices, with the true labels on fine voxels beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from generated_hearts import SEED, held_out_scenes

from HeartSegTrainingLib.generator import Sampler, SamplerConfig
from HeartSegTrainingLib.generator.deformation import Deformation

SUBSLICE_MM = 1.0
"""Distance of the planes that are averaged into one slice."""

_MARGIN_MM = 12.0
"""What a short-axis stack covers beyond the ventricles along their axis: about one slice more."""

_LARGEST_TILT = 0.15
"""Radians by which a short-axis stack is turned at random, as technicians do."""

VENTRICLES = (1, 2, 3)
CHAMBER_ABOVE = 4


@dataclass(frozen=True)
class Stack:
    """How a heart is seen.

    Attributes:
        mode: Contrast of the generator.
        slice_mm: Distance and thickness of the slices.
        short_axis: Across the long axis of the left ventricle, covering the ventricles; else axial, covering all.
    """

    mode: str
    slice_mm: float
    short_axis: bool


STACKS = {
    "MR, short axis, 8 mm": Stack("mr_bright", 8.0, True),
    "MR, short axis, 10 mm": Stack("mr_bright", 10.0, True),
    "MR, axial, 6 mm": Stack("mr_bright", 6.0, False),
    "CT, axial, 5 mm": Stack("ct_contrast", 5.0, False),
    "CT, axial, 3 mm": Stack("ct_contrast", 3.0, False),
    "CT, axial, 1.5 mm": Stack("ct_contrast", 1.5, False),
}


def stacks_of(folder: Path, kind: Stack, cases: int) -> Iterator[tuple[sitk.Image, sitk.Image]]:
    """Yield scan and true labels of each case; the labels have voxels of 1.5 mm and go on beyond the scan's border."""
    scenes = held_out_scenes(folder, cases)
    config = SamplerConfig(window=176, spacing=1.5, cut=0.0, thick_mr=0.0, thick_ct=0.0,
                           deformation=Deformation(shift=(8, 8, 8)))
    sampler = Sampler(scenes, config)
    for index in range(cases):
        rng = np.random.default_rng((SEED, 7, index))
        drawn = sampler.scan(rng, mode=kind.mode, scene=index)
        fine, truth = (sitk.GetImageFromArray(part.numpy()) for part in (drawn.image, drawn.labels))
        for image in (fine, truth):
            image.SetSpacing((config.spacing,) * 3)
        yield thick(fine, truth, kind, rng), truth


def thick(fine: sitk.Image, truth: sitk.Image, kind: Stack, rng: np.random.Generator) -> sitk.Image:
    """Return a scan of thick slices: the mean of the planes within each slice."""
    if kind.short_axis:
        axes = _short_axis(truth, rng)
        inside = np.isin(sitk.GetArrayViewFromImage(truth), VENTRICLES)
        along = _places(truth, inside) @ axes[:, 2]
        low, high = along.min() - _MARGIN_MM, along.max() + _MARGIN_MM
    else:
        axes = np.eye(3)
        low, high = -truth.GetSpacing()[2] / 2, (truth.GetSize()[2] - 0.5) * truth.GetSpacing()[2]
    middle = np.array(truth.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in truth.GetSize()]))
    across = 0.5 * truth.GetSize()[0] * truth.GetSpacing()[0]
    count = max(int((high - low) // kind.slice_mm), 4)
    planes = max(round(kind.slice_mm / SUBSLICE_MM), 1)
    pitch = truth.GetSpacing()[0]
    size = int(2 * across / pitch)
    grid = sitk.Image([size, size, count * planes], sitk.sitkFloat32)
    grid.SetSpacing((pitch, pitch, kind.slice_mm / planes))
    grid.SetDirection(axes.ravel().tolist())
    corner = axes.T @ middle - [0.5 * (size - 1) * pitch] * 3
    corner[2] = low + kind.slice_mm / planes / 2
    grid.SetOrigin((axes @ corner).tolist())
    outside = -1024.0 if kind.mode.startswith("ct") else 0.0
    seen = sitk.GetArrayFromImage(sitk.Resample(fine, grid, sitk.Transform(), sitk.sitkLinear, outside))
    slices = seen.reshape(count, planes, size, size).mean(axis=1)
    image = sitk.GetImageFromArray(np.clip(np.rint(slices), -1024, 3000).astype(np.int16))
    image.SetSpacing((pitch, pitch, kind.slice_mm))
    image.SetDirection(axes.ravel().tolist())
    corner[2] = low + kind.slice_mm / 2
    image.SetOrigin((axes @ corner).tolist())
    return image


def _short_axis(truth: sitk.Image, rng: np.random.Generator) -> np.ndarray:
    """Return (3, 3), columns are the axes of a stack across the left ventricle's long axis, slightly turned."""
    voxels = sitk.GetArrayViewFromImage(truth)
    base = _places(truth, voxels == CHAMBER_ABOVE).mean(axis=0) - _places(truth, voxels == VENTRICLES[0]).mean(axis=0)
    base /= np.linalg.norm(base)
    right = _places(truth, voxels == VENTRICLES[2]).mean(axis=0) - _places(truth, voxels == VENTRICLES[0]).mean(axis=0)
    first = np.cross(base, right)
    first /= np.linalg.norm(first)
    axes = np.stack([first, np.cross(base, first), base], axis=1)
    tilt = sitk.Euler3DTransform((0.0, 0.0, 0.0), *rng.uniform(-_LARGEST_TILT, _LARGEST_TILT, 3).tolist())
    return np.reshape(tilt.GetMatrix(), (3, 3)) @ axes


def _places(image: sitk.Image, mask: np.ndarray) -> np.ndarray:
    """Return the middles (N, 3) in mm of the voxels of a mask in an upright image."""
    return np.argwhere(mask)[:, ::-1] * np.array(image.GetSpacing()) + image.GetOrigin()
