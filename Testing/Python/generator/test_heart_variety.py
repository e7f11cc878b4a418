"""Hearts differ as their parameters say: small and dilated, thin and thick, lying and standing, in both phases."""

import functools
from dataclasses import fields

import numpy as np
import pytest
from scipy import ndimage

from HeartSegTrainingLib.generator.geometry import distance_within
from HeartSegTrainingLib.generator.parametric import GRID, HeartParameters, heart_frame, parametric_heart
from HeartSegTrainingLib.generator.scenes import vary_walls

LV, MYO, RV, LA, RA, AO, PA, RV_WALL = 1, 2, 3, 4, 5, 6, 7, 103
END_DIASTOLE, END_SYSTOLE = 0.3, 1.0
FIRST = {"lv_length": 1.0, "wall": 1.0, "rv_size": 1.0, "rv_wall": 0.0, "la_size": 0.0, "ra_size": 1.0, "aorta": 0.0,
         "pulmonary": 1.0}
"""Parameters whose effects can be told apart, and so share two opposite hearts: drawing one takes its time."""


def parameters(**changed):
    """The middle of every range at end diastole, but for what is changed."""
    middle = dict.fromkeys((field.name for field in fields(HeartParameters)), 0.5)
    return HeartParameters(**(middle | {"contraction": END_DIASTOLE} | changed))


@functools.cache
def heart(seed=1, **changed):
    return parametric_heart(parameters(**changed), np.random.default_rng(seed))


def extremes(name):
    """The hearts in which a parameter of FIRST is 0 and 1."""
    hearts = heart(**FIRST), heart(**{name: 1.0 - value for name, value in FIRST.items()})
    return hearts if FIRST[name] == 0 else hearts[::-1]


def volume(labels, value):
    """Volume in mL."""
    return (labels == value).sum() / 1000


def turned(value):
    """The frame and the labels of a heart that is turned to one end of all ranges, and small or large."""
    changed = dict.fromkeys(("azimuth", "elevation", "roll", "scale"), value)
    return heart_frame(parameters(**changed)), heart(**changed)


def thickness(labels):
    """Distances in mm from the outer border of the left ventricle's muscle to its cavity."""
    region, distance = distance_within(labels == LV, 26)
    near = labels[region]
    return distance[(near == MYO) & ndimage.binary_dilation(np.isin(near, (0, RV, RV_WALL)))]


def test_left_ventricles_are_small_and_dilated():
    small, dilated = heart(lv_width=0.0), heart(lv_width=1.0)
    assert volume(small, LV) < 80
    assert volume(dilated, LV) > 220


def test_left_ventricles_are_short_and_long():
    base = heart_frame(parameters())[0]
    short, long = (np.ptp(GRID.points(labels == LV) @ base) for labels in extremes("lv_length"))
    assert long / short == pytest.approx(1.22 / 0.8, rel=0.07)


def test_walls_are_thin_and_hypertrophic():
    thin, thick = (np.median(thickness(labels)) for labels in extremes("wall"))
    assert 3 < thin < 4.5
    assert 11.5 < thick < 14.5


@pytest.mark.parametrize(("name", "value"), [("rv_size", RV), ("la_size", LA), ("ra_size", RA), ("aorta", AO),
                                             ("pulmonary", PA)])
def test_each_chamber_and_vessel_has_a_size_of_its_own(name, value):
    small, large = extremes(name)
    assert volume(large, value) > 3 * volume(small, value)


def test_the_right_ventricle_has_a_thin_wall_and_a_thick_one():
    reach = []
    for labels in extremes("rv_wall"):
        region, distance = distance_within(labels == RV, 8)
        reach.append(distance[labels[region] == RV_WALL].max())
    assert reach == pytest.approx([1.2, 5.5], abs=0.5)


def test_whole_hearts_are_small_and_large():
    small, large = ((turned(value)[1] > 0).sum() for value in (0.0, 1.0))
    assert large / small == pytest.approx((1.14 / 0.87) ** 3, rel=0.1)


def test_in_systole_ventricles_empty_the_wall_thickens_and_the_atria_fill():
    diastole, systole = heart(), heart(contraction=END_SYSTOLE)
    assert volume(systole, LV) < 0.4 * volume(diastole, LV)
    assert volume(systole, RV) < 0.7 * volume(diastole, RV)
    assert np.median(thickness(systole)) > 1.5 * np.median(thickness(diastole))
    assert volume(systole, MYO) == pytest.approx(volume(diastole, MYO), rel=0.25)
    for atrium in (LA, RA):
        assert volume(systole, atrium) > 1.1 * volume(diastole, atrium)


def test_the_wall_of_some_hearts_is_uneven():
    uneven, even = thickness(heart(seed=0)), thickness(heart())
    assert even.std() / even.mean() < 0.15
    assert uneven.std() / uneven.mean() > 0.2
    assert uneven.min() > 0.3 * np.median(uneven)  # no place is without muscle


def degrees_between(first, second):
    return np.degrees(np.arccos(np.clip(first @ second, -1, 1)))


def test_the_azimuth_turns_the_heart_about_the_body_axis():
    first, last = (heart_frame(parameters(azimuth=value))[0] for value in (0.0, 1.0))
    turned = np.degrees(np.arctan2(last[1], last[0]) - np.arctan2(first[1], first[0]))
    assert abs(turned) == pytest.approx(60)
    assert first[2] == pytest.approx(last[2])


def test_the_elevation_makes_lying_and_standing_hearts():
    standing, lying = (heart_frame(parameters(elevation=value)) for value in (0.0, 1.0))
    assert standing[0, 2] > 0.6  # the base is high above the apex
    assert lying[0, 2] < 0
    assert degrees_between(lying[0], standing[0]) == pytest.approx(50)
    np.testing.assert_allclose(lying[1], standing[1], atol=1e-9)


def test_the_roll_turns_the_heart_about_its_long_axis():
    level = 24 / 50  # of the elevation: the mean heart's
    first, last = (heart_frame(parameters(roll=value, elevation=level)) for value in (0.0, 1.0))
    np.testing.assert_allclose(first[0], last[0], atol=1e-9)
    assert degrees_between(first[1], last[1]) == pytest.approx(40)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_heart_is_painted_in_its_frame(value):
    frame, labels = turned(value)
    centre = {part: GRID.points(labels == part).mean(0) for part in (LV, RV, LA)}
    for towards, axis in ((LA, 0), (RV, 1)):
        direction = centre[towards] - centre[LV]
        assert degrees_between(direction / np.linalg.norm(direction), frame[axis]) < 25


BALLS = ((LV, MYO, (32, 50, 30), 14), (RV, RV_WALL, (32, 20, 80), 9), (LA, 104, (32, 75, 80), 9))
"""Cavity, wall, centre and radius in mm; the wall is 10 mm thick at the left ventricle, 7 mm elsewhere."""


@pytest.fixture(scope="module")
def varied():
    """Radii of cavities and of cavities with their walls in 40 variations of a phantom of balls, mm."""
    phantom = np.zeros((64, 100, 112), np.uint8)
    index = np.indices(phantom.shape)
    for cavity, wall, centre, radius in BALLS:
        away = np.sqrt(((index - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(0))
        phantom[away < radius + (10 if wall == MYO else 7)] = wall
        phantom[away < radius] = cavity
    phantom[2:6, 2:6, 2:6] = RA

    def radius(*values):
        return (np.isin(labels, values).sum() * 3 / 4 / np.pi) ** (1 / 3)

    rows = []
    for seed in range(40):
        labels = vary_walls(phantom, np.random.default_rng(seed))
        rows.append([radius(*values) for cavity, wall, *_ in BALLS for values in ((cavity,), (cavity, wall))])
    return np.array(rows).reshape(40, 3, 2)


def test_walls_of_priors_vary_inwards_around_the_left_ventricle(varied):
    cavity, outer = varied[:, 0].T
    np.testing.assert_allclose(outer, outer[0])
    assert 1 < cavity.max() - 14 < 3
    systole = cavity < 14 - 4.5
    assert 4 <= systole.sum() <= 18  # every fourth of 40
    assert (cavity[~systole] < 14 - 2).any()


@pytest.mark.parametrize(("row", "thickest"), [(1, 5.0), (2, 3.0)])
def test_other_walls_of_priors_vary_outwards(varied, row, thickest):
    cavity, outer = varied[:, row].T
    np.testing.assert_allclose(cavity, cavity[0])
    wall = outer - cavity
    assert wall.min() < 1.6
    assert thickest - 1.2 < wall.max() < thickest + 0.5
