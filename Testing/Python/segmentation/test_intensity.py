from __future__ import annotations

import numpy as np
import pytest
import torch

from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.segmentation.intensity import (
    DEFAULT_RULES,
    intensity_range,
    normalize,
    rule_for,
    scale,
)


def test_ct_window_is_linear_and_clipped() -> None:
    values = normalize(np.array([-3000, -250, 200, 650, 3000], np.int16), DEFAULT_RULES["ct"])
    assert values.dtype == torch.float32
    assert values.tolist() == [-1.0, -1.0, 0.0, 1.0, 1.0]


def test_mr_percentiles_ignore_empty_background_and_what_is_outside() -> None:
    body = torch.linspace(100.0, 1100.0, 2001)
    image = torch.cat([torch.zeros(5000), body, torch.full((3000,), 90000.0)])
    inside = torch.ones(len(image), dtype=torch.bool)
    inside[-3000:] = False
    low, high = intensity_range(image, DEFAULT_RULES["mr"], inside)
    assert low == pytest.approx(105.0, abs=0.5)
    assert high == pytest.approx(1095.0, abs=0.5)
    scaled = normalize(image, DEFAULT_RULES["mr"], inside)
    assert scaled[-3000:].eq(-1.0).all()
    assert scaled[:5000].eq(-1.0).all()


def test_percentiles_of_a_large_image_agree_with_all_of_its_voxels() -> None:
    image = torch.rand(90, 90, 90, generator=torch.Generator().manual_seed(1)) ** 3 * 1000.0
    low, high = intensity_range(image, DEFAULT_RULES["mr"])
    bright = image[image > 1.0].numpy()
    assert low == pytest.approx(np.percentile(bright, 0.5), abs=0.5)
    assert high == pytest.approx(np.percentile(bright, 99.5), rel=0.005)


def test_a_constant_image_becomes_outside_instead_of_a_division_by_zero() -> None:
    assert normalize(torch.full((4, 4, 4), 7.0), DEFAULT_RULES["mr"]).eq(-1.0).all()


def test_an_image_wholly_outside_is_all_minus_one() -> None:
    outside = torch.zeros(3, 3, dtype=torch.bool)
    assert normalize(torch.rand(3, 3), DEFAULT_RULES["mr"], outside).eq(-1.0).all()


def test_the_input_is_left_alone() -> None:
    values = torch.tensor([0.0, 5.0, 10.0])
    scale(values, 0.0, 10.0, torch.tensor([True, True, False]))
    assert values.tolist() == [0.0, 5.0, 10.0]


def test_a_missing_or_unknown_rule_is_a_model_error() -> None:
    with pytest.raises(ModelError, match="not made for MR"):
        rule_for({"ct": DEFAULT_RULES["ct"]}, "mr")
    with pytest.raises(ModelError, match="unknown intensity rule"):
        intensity_range(torch.rand(4), {"kind": "histogram"})
