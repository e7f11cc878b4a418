"""Great vessels and veins run where they run in people, also where people differ."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from HeartSegTrainingLib.generator.chest import Body
from HeartSegTrainingLib.generator.parametric import draw_parameters, parametric_heart
from HeartSegTrainingLib.generator.scenes import place
from HeartSegTrainingLib.generator.tissues import Tissue as T
from HeartSegTrainingLib.generator.vessels import (
    _plan_arch,
    _plan_neck,
    _plan_veins,
    paint_arteries,
    paint_veins,
    plan_vessels,
)

ADULT = Body(-20.0, 15.0, 126.0, 90.0, 0.0)
TOP = np.array([-20.0, -10.0, 80.0])


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def heart(small_grid):
    """Tissues of a heart without a body."""
    source = rng(4)
    return place(parametric_heart(draw_parameters(source), source), small_grid, 1.0)


@pytest.fixture(scope="module")
def left_atrium(heart, small_grid):
    return small_grid.points(heart == T.LA)


def plan(heart, grid, seed=0, body=ADULT):
    return plan_vessels(heart, grid, body, rng(seed))


def tissue_at(tissue, grid, point):
    return tissue[tuple(np.rint(grid.index(point[None])[0]).astype(int))]


def test_three_to_five_pulmonary_veins_reach_the_left_atrium(left_atrium):
    plans = [_plan_veins(left_atrium, rng(seed)) for seed in range(200)]
    counts = np.bincount([len(veins) for veins in plans])
    assert set(np.flatnonzero(counts)) == {3, 4, 5}
    assert counts[4] > 100
    sides = [{np.sign(path[2, 0] - path[0, 0]) for path, _ in veins} for veins in plans]
    assert all(found == {-1, 1} for found in sides)


def test_every_planned_vein_is_painted_from_the_left_atrium_on(heart, small_grid):
    for seed in range(6):
        paths, tissue = plan(heart, small_grid, seed), heart.copy()
        paint_veins(tissue, small_grid, paths, rng(seed))
        for path, _ in paths.veins:
            assert tissue_at(tissue, small_grid, path[2]) == T.PULMONARY_VEIN
        together = np.isin(tissue, (T.PULMONARY_VEIN, T.LA, T.LA_WALL))
        assert ndimage.label(together, np.ones((3, 3, 3)))[1] == 1, "a vein starts in the air"


def test_caval_veins_enter_the_right_atrium_from_above_and_below(heart, small_grid):
    tissue = heart.copy()
    paint_veins(tissue, small_grid, plan(heart, small_grid), rng())
    atrium = ndimage.binary_dilation(np.isin(tissue, (T.RA, T.RA_WALL)))
    middle = small_grid.points(heart == T.RA).mean(0)
    for vein, above in ((T.SVC, True), (T.IVC, False)):
        assert (atrium & (tissue == vein)).any(), vein.name
        assert (small_grid.points(tissue == vein).mean(0)[2] > middle[2]) == above


def test_most_right_atria_have_an_appendage_in_front(heart, small_grid):
    middle = small_grid.points(heart == T.RA).mean(0)
    grown = []
    for seed in range(12):
        tissue = heart.copy()
        paint_veins(tissue, small_grid, plan(heart, small_grid, seed), rng(seed))
        more = small_grid.points((tissue == T.RA) & (heart != T.RA))
        grown.append(len(more) > 0)
        if len(more):
            assert more.mean(0)[0] > middle[0], "the appendage points to the left, towards the aorta"
            assert more.mean(0)[1] < middle[1], "it lies in front"
            assert more.mean(0)[2] > middle[2], "it lies high"
    assert 6 <= sum(grown) < 12


def test_the_first_arteries_of_the_neck_share_a_trunk_in_every_fifth_body():
    arch = _plan_arch(TOP, -20.0, 60.0, 0.0, rng())
    necks = [_plan_neck(arch, rng(seed)) for seed in range(200)]
    shared = [neck for neck in necks if len(neck) == 2]
    assert 20 < len(shared) < 60
    assert {len(neck) for neck in necks} == {2, 3}
    assert all(path[-1, 2] > path[0, 2] + 100 for neck in necks for path in neck)


@pytest.mark.parametrize("count", [2, 3])
def test_two_or_three_arteries_leave_the_arch(heart, small_grid, count):
    plans = (plan(heart, small_grid, seed) for seed in range(60))
    paths = next(paths for paths in plans if len(paths.neck) == count and paths.neck[-1][1, 2] < 125)
    tissue = heart.copy()
    paint_arteries(tissue, small_grid, paths, rng())
    above = small_grid.index(paths.neck[-1][1:2])[0, 0]
    assert ndimage.label(tissue[round(above)] == T.ARCH)[1] == count


def test_the_arch_of_few_bodies_turns_to_the_right():
    midline = -20.0
    arches = [_plan_arch(TOP, midline, 60.0, 0.0, rng(seed)) for seed in range(300)]
    right = [arch for arch in arches if arch[4, 0] < midline]
    assert 3 <= len(right) <= 20
    assert all(arch[1, 0] < TOP[0] for arch in right)


def length(path):
    return np.linalg.norm(np.diff(path, axis=0), axis=1).sum()


def test_an_unfolded_arch_is_higher_wider_and_longer():
    for seed in range(5):
        young, old = (_plan_arch(TOP, -20.0, 60.0, unfolding, rng(seed)) for unfolding in (0.0, 1.0))
        assert old[:, 2].max() > young[:, 2].max() + 3
        assert abs(old[5, 0] + 20) > abs(young[5, 0] + 20) + 15
        assert length(old[:5]) > length(young[:5]) + 5


def test_with_age_the_aorta_grows_longer_and_descends_farther_back_and_out(heart, small_grid):
    young, old = ([plan(heart, small_grid, seed, body) for seed in range(12)]
                  for body in (ADULT, dataclasses.replace(ADULT, age=1.0)))
    longer = [length(b.ascending) + length(b.arch[:6]) - length(a.ascending) - length(a.arch[:6])
              for a, b in zip(young, old, strict=True)]
    moved = np.array([b.arch[5] - a.arch[5] for a, b in zip(young, old, strict=True)])
    assert np.mean(longer) > 15
    assert np.abs(moved[:, 0]).mean() > 5
    assert moved[:, 1].mean() > 8


def test_the_left_pulmonary_branch_turns_down_behind_the_trunk(heart, small_grid):
    tissue, paths = heart.copy(), plan(heart, small_grid)
    paint_arteries(tissue, small_grid, paths, rng())
    fork, near, end = paths.left_branch[0], paths.left_branch[2], paths.left_branch[3]
    assert tissue_at(tissue, small_grid, near) == T.PULMONARY_ARTERY
    assert tissue_at(tissue, small_grid, end) == T.PULMONARY_BRANCH
    assert near[0] > fork[0] + 25
    assert near[1] > fork[1] + 25
    assert end[2] < near[2] - 15
