"""Chests of young and old bodies, and the fluid that some of them hold."""

import numpy as np
import pytest

from HeartSegTrainingLib.generator import make_scene, scenes
from HeartSegTrainingLib.generator.chest import Body, _lung_detail, bend, draw_body, wrap_heart
from HeartSegTrainingLib.generator.geometry import Grid
from HeartSegTrainingLib.generator.tissues import Tissue as T

COARSE = Grid(size=40, spacing=6.0)
YOUNG, OLD = (Body(-20.0, 15.0, 126.0, depth, age) for depth, age in ((85.0, 0.0), (106.0, 1.0)))


def lung():
    return np.full((COARSE.size,) * 3, T.LUNG, np.uint8)


def test_bodies_are_young_and_old_and_the_old_ones_have_barrel_chests():
    bodies = [draw_body(np.random.default_rng(seed)) for seed in range(400)]
    young, old = ([b for b in bodies if low <= b.age < low + 0.25] for low in (0.0, 0.75))
    assert min(len(young), len(old)) > 60
    depth_of_width = [np.mean([b.half_depth / b.half_width for b in some]) for some in (young, old)]
    assert depth_of_width[1] > 1.12 * depth_of_width[0]


def front_of_column(body):
    """How far forward, in mm, a straight column at y = 0 comes at each height of a body."""
    column = np.zeros((COARSE.size,) * 3, np.uint8)
    column[:, COARSE.size // 2] = T.SPONGY_BONE
    return (COARSE.size // 2 - bend(column, COARSE, body).argmax(1)[:, 0].astype(int)) * COARSE.spacing


def test_the_spine_of_an_old_body_is_bent_about_the_heart():
    forward = front_of_column(OLD)
    assert forward[15:25].max() <= 6  # within 30 mm of the heart's centre
    assert 24 <= forward[0] <= 36
    assert 24 <= forward[-1] <= 36
    assert (np.diff(forward[20:]) >= 0).all()
    assert not front_of_column(YOUNG).any()


def test_an_old_body_in_a_scene_is_bent_with_its_vessels(small_grid, monkeypatch):
    monkeypatch.setattr(scenes, "draw_body", lambda _rng: OLD)
    scene = make_scene(0, 7, {}, small_grid)
    spine = small_grid.points(scene.tissue == T.SPONGY_BONE)
    spine = spine[(np.abs(spine[:, 0] - OLD.midline) < 12) & (spine[:, 1] > 40)]
    neck, heart = (np.median(spine[near, 1]) for near in (spine[:, 2] > 115, np.abs(spine[:, 2]) < 20))
    assert neck < heart - 15
    for centre, chamber in zip(scene.centres, scenes.CHAMBERS, strict=True):
        np.testing.assert_allclose(small_grid.points(scene.tissue == chamber).mean(0), centre, atol=1e-4)


def test_some_pericardia_hold_fluid_around_the_heart():
    from_middle = np.sqrt(sum(axis**2 for axis in COARSE.coordinates()))
    distance = np.maximum(from_middle - 50, 0)
    reached = []
    for seed in range(80):
        tissue = lung()
        wrap_heart(tissue, COARSE, distance, np.random.default_rng(seed))
        fluid = tissue == T.FLUID
        if fluid.any():
            reached.append(distance[fluid].max())
            assert fluid[(distance > 0) & (distance < 3)].all()
    assert 3 <= len(reached) <= 20
    assert max(reached) > 8  # a large one
    assert max(reached) <= 14


@pytest.mark.parametrize("side", [-1, 1])
def test_some_pleurae_hold_fluid_at_the_back_of_one_side(side):
    x, y, _ = COARSE.coordinates()
    for seed in range(60):
        tissue = lung()
        _lung_detail(tissue, COARSE, YOUNG, np.random.default_rng(seed))
        fluid = tissue == T.FLUID
        if fluid.any() and np.sign(COARSE.points(fluid)[0, 0] - YOUNG.midline) == side:
            assert not fluid[np.broadcast_to((x < YOUNG.midline) == (side > 0), fluid.shape)].any()
            assert not fluid[np.broadcast_to(y < YOUNG.centre + 25, fluid.shape)].any()
            return
    pytest.fail("no effusion on this side")


def test_most_pleurae_are_dry():
    wet = 0
    for seed in range(60):
        tissue = lung()
        _lung_detail(tissue, COARSE, YOUNG, np.random.default_rng(seed))
        wet += (tissue == T.FLUID).any()
    assert 4 < wet < 24  # every fifth
