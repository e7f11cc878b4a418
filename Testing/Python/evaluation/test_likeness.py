"""What generated hearts are compared with real ones by, on shapes and pictures whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from HeartSegTrainingLib.evaluation.likeness import (
    dark_share,
    edge_width,
    noise_level,
    percentile_of,
    shares_of_range,
    wall_thickness,
)

ALONG = (1.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def tube():
    """Cavity and muscle of a tube along the first axis, radius 20 and wall 8 mm, on voxels of 1 mm."""
    offsets = np.mgrid[:24, -32:33, -32:33]
    radius = np.hypot(offsets[1], offsets[2])
    return radius < 20, (radius >= 20) & (radius < 28)


def test_shares_and_percentiles_count_what_lies_where():
    assert shares_of_range([1, 2, 3, 9], 2, 4) == (25, 50, 25)
    assert percentile_of([1, 2, 3, 4, float("nan")], 3) == 62.5
    assert np.isnan(percentile_of([], 1))


def test_noise_is_measured_beside_a_slope(tube):
    rng = np.random.default_rng(1)
    image = rng.normal(0, 0.1, tube[0].shape) + np.linspace(0, 3, tube[0].shape[2])
    assert noise_level(image, tube[0]) == pytest.approx(0.1, rel=0.05)


def test_wall_of_a_tube_has_its_thickness(tube):
    assert wall_thickness(*tube, (1, 1, 1), ALONG) == pytest.approx(8, abs=0.5)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
@pytest.mark.parametrize("shift", [0, 1])
def test_edge_is_as_wide_as_the_blur(tube, sigma, shift):
    image = ndimage.gaussian_filter(np.roll(tube[0], shift, 2).astype(float), sigma, mode="nearest")
    assert edge_width(image, *tube, (1, 1, 1), ALONG) == pytest.approx(2.563 * sigma, rel=0.25)


def test_papillary_muscles_are_the_dark_share_of_a_cavity():
    blood = np.r_[np.full(80, 0.8), np.full(20, -0.4)]
    share, spread = dark_share(blood, np.full(50, -0.5))
    assert (share, spread) == (pytest.approx(0.2), pytest.approx(0))
