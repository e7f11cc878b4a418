"""What tissues look like in CT, MRI and random contrast, from scan to scan."""

import numpy as np

from HeartSegTrainingLib.generator.appearance import _LATE, draw_appearance
from HeartSegTrainingLib.generator.tissues import Tissue as T


def test_contrast_ct_keeps_the_order_of_hounsfield_units():
    for seed in range(20):
        look = draw_appearance("ct_contrast", np.random.default_rng(seed))
        assert look.mean[T.LUNG] < look.mean[T.SUBCUTANEOUS_FAT] < look.mean[T.MYO] < look.mean[T.LV]


def test_plain_ct_shows_blood_and_muscle_nearly_alike():
    looks = [draw_appearance("ct_plain", np.random.default_rng(seed)) for seed in range(20)]
    assert max(abs(look.mean[T.LV] - look.mean[T.MYO]) for look in looks) < 20


def test_black_blood_is_darker_than_muscle_and_bright_blood_brighter():
    for seed in range(20):
        dark = draw_appearance("mr_dark", np.random.default_rng(seed))
        bright = draw_appearance("mr_bright", np.random.default_rng(seed))
        assert dark.mean[T.LV] < dark.mean[T.MYO]
        assert bright.mean[T.LV] > bright.mean[T.MYO]


def test_late_enhancement_shows_scars_in_dark_muscle():
    looks = [draw_appearance("mr_bright", np.random.default_rng(seed)) for seed in range(60)]
    late = [look for look in looks if look.mean[T.SCAR] > 1.5 * look.mean[T.MYO]]
    assert 5 < len(late) < 30
    assert all(look.mean[T.MYO] < 260 for look in late)


def test_contrast_mixes_badly_in_the_right_heart_of_some_scans():
    looks = [draw_appearance("ct_contrast", np.random.default_rng(seed)) for seed in range(40)]
    uneven = [look for look in looks if look.mixing[T.RA] > 1.01 * look.mixing[T.LV]]
    assert 8 < len(uneven) < 36
    assert all(look.mixing[T.MYO] == 0 for look in looks)


def values(mode, count, *tissues):
    """(tissues, count) mean values in that many looks."""
    looks = [draw_appearance(mode, np.random.default_rng(seed)) for seed in range(count)]
    return np.array([look.mean[list(tissues)] for look in looks]).T


def test_the_right_heart_is_as_bright_as_the_left_brighter_or_darker():
    left, right = values("ct_contrast", 300, T.LV, T.RV)
    ratio = right[left > 170] / left[left > 170]
    assert np.mean(np.abs(ratio - 1) < 0.2) > 0.25
    assert np.mean(ratio < 0.6) > 0.1
    assert np.mean(ratio > 1.25) > 0.08


def test_in_late_phases_all_blood_is_a_little_brighter_than_muscle():
    left, right, muscle = values("ct_contrast", 400, T.LV, T.RV, T.MYO)
    late = (left < 155) & (np.abs(right / left - 1) < 0.25)
    assert 8 < late.sum() < 60
    assert (muscle < left)[late].all()
    assert (muscle > 0.4 * left)[late].all()


def test_in_the_pulmonary_phase_contrast_has_not_reached_the_left_heart():
    left, right, artery = values("ct_contrast", 400, T.LV, T.RV, T.PULMONARY_ARTERY)
    early = (left < 155) & (right > 1.5 * left)
    assert 6 < early.sum() < 50
    assert (right > 180)[early].all()
    assert (artery > left)[early].all()


def test_some_lungs_are_emphysematous():
    for mode in ("ct_contrast", "ct_plain"):
        (lung,) = values(mode, 200, T.LUNG)
        assert 10 < (lung < -900).sum() < 45
        assert lung.min() >= -960
        assert lung.max() > -760


def test_angiography_shows_bright_blood_in_dark_fat():
    rngs = [np.random.default_rng(seed) for seed in range(150)]
    angiography = [draw_appearance("mr_bright", np.random.default_rng(seed)).mean
                   for seed, rng in enumerate(rngs) if rng.random() >= _LATE]
    assert 10 < len(angiography) < 45
    fat, left, right = np.array(angiography)[:, [T.SUBCUTANEOUS_FAT, T.LV, T.RV]].T
    assert fat.max() < 310
    assert (left > 2 * fat).all()
    assert np.mean(right / left < 0.68) > 0.2  # contrast passes one half of the heart after the other
    assert (right / left).max() > 1.1
    (any_fat,) = values("mr_bright", 150, T.SUBCUTANEOUS_FAT)
    assert np.mean(any_fat > 500) > 0.4  # as in cine
