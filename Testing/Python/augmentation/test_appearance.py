"""How images look after an augmentation."""

import numpy as np
import pytest
import torch

from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES, normalize
from HeartSegTrainingLib.augmentation import (
    AppearanceRanges,
    StrongRanges,
    change_appearance,
    global_views,
    local_view,
    supervised,
    volume,
)
from HeartSegTrainingLib.augmentation.blur import blur
from HeartSegTrainingLib.augmentation.brightness import change_brightness
from HeartSegTrainingLib.augmentation.contrast import change_contrast
from HeartSegTrainingLib.augmentation.noise import add_noise

NEVER = AppearanceRanges(probability=0.0)


@pytest.fixture
def a_ct():
    values = np.random.default_rng(0).uniform(-1000, 1500, (1, 20, 20, 20)).astype(np.float32)
    inside = np.ones((20, 20, 20), bool)
    inside[:3] = False
    return volume(values, None, (1.5, 1.5, 1.5), "ct", inside)


def test_without_changes_only_the_rule_of_inference_is_applied(a_ct):
    done = change_appearance(np.random.default_rng(0), a_ct, NEVER)
    assert torch.equal(done.image[0], normalize(a_ct.image[0], DEFAULT_RULES["ct"], a_ct.inside))


def test_ct_noise_is_in_hu_before_the_window_so_what_is_clipped_shows_none(a_ct):
    air = volume(torch.full((1, 20, 20, 20), -1000.0), None, (1.5,) * 3, "ct")
    noisy = add_noise(np.random.default_rng(1), air, largest=0.05)
    assert 1.0 < float(noisy.image.std()) < 0.05 * 900 * 1.05
    done = change_appearance(np.random.default_rng(0), air, AppearanceRanges(0.0, 0.05, 0.0, 1.0, 1.0))
    assert (done.image == -1).all()


def test_all_stays_in_range_and_minus_one_outside_the_field_of_view(a_ct):
    for seed in range(10):
        done = change_appearance(np.random.default_rng(seed), a_ct, StrongRanges().appearance)
        assert done.image.abs().max() <= 1
        assert (done.image[0, :3] == -1).all()


def test_blur_is_in_mm_so_an_impulse_spreads_over_fewer_thick_slices():
    impulse = torch.zeros(1, 31, 31, 31)
    impulse[0, 15, 15, 15] = 1000.0
    rng = np.random.default_rng(4)
    sigma = np.random.default_rng(4).uniform(0, 4.0)
    done = blur(rng, volume(impulse, None, (3.0, 1.5, 1.5), "mr"), largest=4.0).image[0] / 1000
    assert float(done.sum()) == pytest.approx(1.0, abs=1e-4)
    at = torch.arange(31.0) - 15
    for profile, step in ((done.sum((1, 2)), 3.0), (done.sum((0, 2)), 1.5)):
        assert float((profile * at**2).sum().sqrt()) * step == pytest.approx(sigma, rel=0.05)


def test_brightness_shifts_and_contrast_spreads_about_the_mean():
    image = torch.linspace(-0.2, 0.2, 8 * 8 * 8).view(1, 8, 8, 8)
    flat = volume(image, None, (1.5,) * 3, "mr")
    shifted = change_brightness(np.random.default_rng(0), flat).image - image
    assert torch.allclose(shifted, shifted.mean().expand_as(shifted), atol=1e-6)
    assert shifted.abs().max() > 0.01
    spread = change_contrast(np.random.default_rng(0), flat).image
    assert float(spread.mean()) == pytest.approx(0.0, abs=1e-6)
    assert torch.allclose(spread, image * (spread.std() / image.std()), atol=1e-6)


def test_an_augmentation_is_a_pure_function_of_its_generator(a_ct):
    labels = np.random.default_rng(1).integers(0, 8, (20, 20, 20)).astype(np.uint8)
    before = a_ct.image.clone()
    drawn = [supervised(np.random.default_rng(seed), a_ct.image, labels, a_ct.spacing, "ct") for seed in (5, 5, 6)]
    assert torch.equal(drawn[0][0], drawn[1][0])
    assert torch.equal(drawn[0][1], drawn[1][1])
    assert not torch.equal(drawn[0][0], drawn[2][0])
    assert torch.equal(before, a_ct.image)


def test_two_phases_of_a_beat_give_one_view_each(a_ct):
    other = volume(torch.full_like(a_ct.image, 1500.0), None, a_ct.spacing, "ct")
    ranges = StrongRanges(zoom=(1.0, 1.0), flip=0.0, appearance=NEVER)
    first, second = global_views(np.random.default_rng(0), (a_ct, other), 16, 1.5, ranges)
    assert first.image.shape == second.image.shape == (1, 16, 16, 16)
    assert (second.image == 1).all()
    assert float(first.image.std()) > 0.1


def test_a_local_view_has_its_own_size(a_ct):
    done = local_view(np.random.default_rng(0), a_ct, 8, 1.5, StrongRanges())
    assert done.image.shape == (1, 8, 8, 8)
    assert done.spacing[0] == pytest.approx(1.5, rel=0.15)
