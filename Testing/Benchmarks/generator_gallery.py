"""Slices through the left ventricle of generated and real scans, cut in the same way."""

from __future__ import annotations

import numpy as np
from generator_looks import Picture
from scipy import ndimage

_SIDE_MM = 150.0
_STEP_MM = 1.0
_LV, _RV = 1, 3


def slice_of(picture: Picture, mode: str, above_mm: float = 0.0) -> np.ndarray:
    """Return the short-axis slice of MR, the right ventricle on the left, or the axial slice of CT, 150 mm wide.

    Args:
        picture: The scan.
        mode: Mode of the generator that it belongs to.
        above_mm: How far above the middle of the left ventricle a CT is cut.
    """
    scale = np.asarray(picture.spacing)
    middle = np.argwhere(picture.labels == _LV).mean(0) * scale
    if mode.startswith("ct"):
        down, across = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])
        middle = middle + [above_mm, 0.0, 0.0]
    else:
        down, across = _short_axis(picture, middle)
        middle = _on_a_slice(picture, middle)
    steps = np.arange(-_SIDE_MM / 2, _SIDE_MM / 2, _STEP_MM)
    places = middle[:, None, None] + down[:, None, None] * steps[None, :, None] + across[:, None, None] * steps
    return ndimage.map_coordinates(picture.image, places / scale[:, None, None], order=1, cval=-1.0)


def _short_axis(picture: Picture, middle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions down and across, mm along z, y and x."""
    base = picture.axis / np.linalg.norm(picture.axis)
    right = np.argwhere(picture.labels == _RV).mean(0) * np.asarray(picture.spacing) - middle
    right -= (right @ base) * base
    across = -right / np.linalg.norm(right)
    return np.cross(base, across), across


def _on_a_slice(picture: Picture, middle: np.ndarray) -> np.ndarray:
    """Return the point moved to the nearest slice where slices are thick, so that two are not mixed."""
    return np.array([np.rint(middle[0] / picture.spacing[0]) * picture.spacing[0], *middle[1:]])
