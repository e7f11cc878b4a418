"""Procedural hearts are anatomically sane and depend on nothing but their seed."""

import numpy as np
import pytest
from scipy import ndimage

from HeartSegTrainingLib.generator.geometry import heart_axes
from HeartSegTrainingLib.generator.parametric import GRID, HELD_OUT, draw_parameters, parametric_heart


@pytest.fixture(scope="module")
def heart():
    rng = np.random.default_rng(4)
    return parametric_heart(draw_parameters(rng), rng)


def centre(labels, value):
    """Mean position (x, y, z) in mm, LPS."""
    return GRID.points(labels == value).mean(0)


def test_a_heart_has_seven_structures_and_five_walls(heart):
    assert set(np.unique(heart)) == {0, 1, 2, 3, 4, 5, 6, 7, 103, 104, 105, 106, 107}


def test_volumes_lie_in_the_range_of_human_hearts(heart):
    volume = {value: (heart == value).sum() / 1000 for value in range(1, 8)}
    assert 40 < volume[1] < 260
    assert 40 < volume[2] < 400  # thickened, uneven and dilated hearts are among them
    assert 50 < volume[3] < 320
    assert 20 < volume[4] < 330
    assert 20 < volume[5] < 330


def test_left_is_left_and_the_apex_points_left_forward_and_down(heart):
    left_ventricle, right_ventricle = centre(heart, 1), centre(heart, 3)
    left_atrium, right_atrium = centre(heart, 4), centre(heart, 5)
    assert right_atrium[0] < left_ventricle[0]  # x grows towards the patient's left
    assert right_ventricle[1] < left_ventricle[1]  # y grows towards the back
    assert left_atrium[1] > right_ventricle[1]
    to_apex = left_ventricle - left_atrium
    assert to_apex[0] > 0
    assert to_apex[1] < 0
    assert centre(heart, 7)[2] > left_ventricle[2]


def test_heart_axes_are_orthonormal_and_up_points_up():
    axes = heart_axes()
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert axes[2, 2] > 0.8


@pytest.mark.parametrize("value", [1, 2, 3, 4, 5, 6, 7])
def test_each_structure_is_one_piece(heart, value):
    assert ndimage.label(heart == value)[1] == 1


def test_left_ventricle_touches_its_muscle_and_atrium_but_not_the_right_ventricle(heart):
    grown = ndimage.binary_dilation(heart == 1)
    neighbours = set(np.unique(heart[grown & (heart != 1)]))
    assert {2, 4} <= neighbours
    assert 3 not in neighbours


def test_the_same_seed_gives_the_same_heart(heart):
    rng = np.random.default_rng(4)
    np.testing.assert_array_equal(parametric_heart(draw_parameters(rng), rng), heart)


def test_training_hearts_never_come_from_the_held_out_region():
    rng = np.random.default_rng(0)
    inside = [draw_parameters(rng, held_out=True) for _ in range(200)]
    outside = [draw_parameters(rng) for _ in range(400)]
    for name, (low, high) in HELD_OUT.items():
        assert all(low < getattr(p, name) <= high for p in inside)
    assert not any(all(getattr(p, name) > low for name, (low, _) in HELD_OUT.items()) for p in outside)


def test_large_atria_come_together():
    rng = np.random.default_rng(5)
    left, right = np.array([(p.la_size, p.ra_size) for p in (draw_parameters(rng) for _ in range(400))]).T
    assert 0.5 < np.corrcoef(left, right)[0, 1] < 0.9
    assert right.min() >= 0
    assert right.max() <= 1
