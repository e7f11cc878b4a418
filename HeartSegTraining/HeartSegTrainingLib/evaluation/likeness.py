"""What generated and real hearts are compared by: shares of a distribution, noise, edges, thickness of the wall."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import erf

_REACH_MM = 5.0
"""How far from the endocardium its edge is looked at."""
_STEP_MM = 0.5
_LEAST_VOXELS = 12
_SIGMAS_MM = np.geomspace(0.2, 5.0, 40)
_SHIFTS_MM = np.linspace(-2.5, 2.5, 21)
_WIDTH_OF_SIGMA = 2.563
"""From 10 to 90 % of a step that is blurred by a Gaussian, in its standard deviations."""


def percentile_of(values: Sequence[float], value: float) -> float:
    """Return the percentage of values below one, those equal to it counted half.

    Example:
        >>> percentile_of([1.0, 2.0, 3.0, 4.0], 3.0)
        62.5
    """
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return 100.0 * float(((known < value) + 0.5 * (known == value)).mean()) if len(known) else float("nan")


def shares_of_range(values: Sequence[float], low: float, high: float) -> tuple[float, float, float]:
    """Return the percentages of values below, in and above a range.

    Example:
        >>> shares_of_range([1.0, 2.0, 3.0, 9.0], 2.0, 4.0)
        (25.0, 50.0, 25.0)
    """
    known = np.asarray(values, float)
    below, above = 100.0 * float((known < low).mean()), 100.0 * float((known > high).mean())
    return below, 100.0 - below - above, above


def noise_level(image: NDArray[np.floating], mask: NDArray[np.bool_]) -> float:
    """Return the standard deviation of noise from voxel to voxel of the last axis, free of slopes; robust."""
    inside = mask[..., :-2] & mask[..., 1:-1] & mask[..., 2:]
    bend = (image[..., :-2] - 2.0 * image[..., 1:-1] + image[..., 2:])[inside]
    if len(bend) < _LEAST_VOXELS:
        return float("nan")
    return float(1.4826 * np.median(np.abs(bend - np.median(bend))) / np.sqrt(6.0))


def dark_share(blood: NDArray[np.floating], muscle: NDArray[np.floating]) -> tuple[float, float]:
    """Return the share of a cavity's values nearer to muscle than to blood, by medians, and the others' deviation.

    Example:
        >>> dark_share(np.array([9.0, 10.0, 10.0, 11.0, 2.0]), np.array([1.0, 2.0, 3.0]))[0]
        0.2
    """
    middle = (np.median(blood) + np.median(muscle)) / 2
    dark = blood < middle if np.median(blood) >= middle else blood > middle
    return float(dark.mean()), float(blood[~dark].std())


def middle_third(cavity: NDArray[np.bool_], spacing: Sequence[float], axis: Sequence[float]) -> NDArray[np.bool_]:
    """Return the voxels that lie in the middle third of a cavity along an axis, of any structure.

    Args:
        cavity: True inside the cavity.
        spacing: Voxel size in mm, along the array's axes.
        axis: Direction in mm, along the array's axes.
    """
    direction = np.asarray(axis, float) / np.linalg.norm(axis)
    along = sum(np.reshape(np.arange(count) * step * part, [-1 if k == place else 1 for k in range(3)])
                for place, (count, step, part) in enumerate(zip(cavity.shape, spacing, direction, strict=True)))
    low, high = np.percentile(along[cavity], (1, 99))
    return (along >= low + (high - low) / 3) & (along <= high - (high - low) / 3)


def wall_thickness(cavity: NDArray[np.bool_], muscle: NDArray[np.bool_], spacing: Sequence[float],
                   axis: Sequence[float]) -> float:
    """Return the mean thickness in mm of the muscle around the middle third of a cavity."""
    middle = middle_third(cavity, spacing, axis)
    inner = ndimage.binary_dilation(cavity) & muscle & middle
    if not inner.any():
        return float("nan")
    # From the middle of the innermost voxel to that of the first one outside: half a voxel is gained at either end.
    return float(ndimage.distance_transform_edt(cavity | muscle, sampling=spacing)[inner].mean())


def edge_width(image: NDArray[np.floating], cavity: NDArray[np.bool_], muscle: NDArray[np.bool_],
               spacing: Sequence[float], axis: Sequence[float]) -> float:
    """Return the width in mm, from 10 to 90 %, of the edge from a cavity to the muscle around its middle third.

    A blurred step is fitted to the medians of the image at each distance from the border of the labels, so papillary
    muscles do not count, and neither does a border that was drawn aside by up to 2.5 mm all around.
    """
    region = ndimage.find_objects((cavity | muscle).astype(np.uint8))
    if not region:
        return float("nan")
    image, cavity, muscle = (part[region[0]] for part in (image, cavity, muscle))
    padded = ndimage.distance_transform_edt(np.pad(cavity | muscle, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    near = middle_third(cavity, spacing, axis) & (padded > 2.0)
    half = min(spacing) / 2
    inwards = ndimage.distance_transform_edt(cavity, sampling=spacing) - half
    outwards = ndimage.distance_transform_edt(~cavity, sampling=spacing) - half
    distance = np.where(cavity, -inwards, outwards)[near]
    return _blur_of_step(distance, image[near])


def _blur_of_step(distance: NDArray[np.floating], values: NDArray[np.floating]) -> float:
    """Return the width of the blurred step that fits best to values at signed distances from an edge."""
    places = np.arange(-_REACH_MM, _REACH_MM + _STEP_MM / 2, _STEP_MM)
    found = [(place, np.median(values[pick])) for place in places
             if (pick := np.abs(distance - place) <= _STEP_MM / 2).sum() >= _LEAST_VOXELS]
    if len(found) < 8:
        return float("nan")
    where, medians = np.array(found).T
    best = (np.inf, float("nan"))
    for sigma in _SIGMAS_MM:
        for shift in _SHIFTS_MM:
            step = 0.5 * (1.0 + erf((where - shift) / (sigma * np.sqrt(2.0))))
            base = np.stack([np.ones_like(step), step], axis=1)
            weights, *_ = np.linalg.lstsq(base, medians, rcond=None)
            best = min(best, (float(((base @ weights - medians) ** 2).sum()), float(sigma)))
    return _WIDTH_OF_SIGMA * best[1]
