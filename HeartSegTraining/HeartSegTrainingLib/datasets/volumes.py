"""A case as training sees it: axes along the world's, on its own grid or an even one, as at inference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import SimpleITK as sitk
import torch

from HeartSeg3DLib.segmentation.frame import view_in_model_frame
from HeartSeg3DLib.segmentation.resample import Grid, sample

from .label_maps import IGNORED_VOXEL


def own_grid(image: sitk.Image) -> tuple[np.ndarray, tuple[float, float, float]]:
    """Voxels (z, y, x) on the image's own grid, axes permuted and flipped towards superior, posterior and left.

    Returns:
        The voxels, and mm along z, y, x.
    """
    volume = view_in_model_frame(image)
    z, y, x = volume.spacing.tolist()
    return np.array(volume.array), (z, y, x)


def even_grid(image: sitk.Image, spacing: float) -> Grid:
    """The isotropic grid around an image's whole field of view, along the world's axes.

    Args:
        image: The image.
        spacing: Distance of voxels, mm.
    """
    lower, upper = view_in_model_frame(image).extent()
    shape = np.maximum(np.ceil((upper - lower) / spacing - 1e-3).astype(int), 1)
    return Grid.centered(0.5 * (lower + upper), spacing, (int(shape[0]), int(shape[1]), int(shape[2])))


def sampled(image: sitk.Image, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (z, y, x) float32 on a grid, averaged when coarser and linear when finer, and which lie in view.

    Out of view is the lowest value in view.
    """
    values, inside = (one.numpy() for one in sample(view_in_model_frame(image), grid, torch.device("cpu")))
    values[~inside] = values[inside].min()
    return values, inside


def sampled_labels(labels: sitk.Image, grid: Grid) -> np.ndarray:
    """The label (z, y, x) uint8 that fills most of each voxel of a grid, IGNORED_VOXEL out of view.

    The nearest label would be drawn to one side where a grid point lies between two voxels.
    """
    volume = view_in_model_frame(labels)
    result = np.full(grid.shape, IGNORED_VOXEL, np.uint8)
    largest = np.zeros(grid.shape, np.float32)
    for value in np.flatnonzero(np.bincount(volume.array.ravel(), minlength=256)).tolist():
        share, inside = sample(replace(volume, array=volume.array == value), grid, torch.device("cpu"))
        more = (share.numpy() > largest) & inside.numpy()
        result[more] = value
        np.maximum(largest, share.numpy(), out=largest)
    return result
