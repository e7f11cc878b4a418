"""The surface maker finds every cut and fold that the independent check finds, and no others far from one."""

from __future__ import annotations

import numpy as np
import pytest

from HeartSeg3DLib.meshing import self_cuts
from HeartSeg3DLib.meshing.quality.intersections import intersecting_triangles
from HeartSeg3DLib.meshing.self_cuts import cutting_triangles


def sheet(side: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(side, dtype=float), np.arange(side, dtype=float), indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), np.sin(x.ravel())], axis=1)
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    squares = np.stack([[corner, corner + side, corner + 1], [corner + side, corner + side + 1, corner + 1]])
    return points, squares.transpose(2, 0, 1).reshape(-1, 3)


def test_a_smooth_sheet_does_not_cut_itself() -> None:
    assert not cutting_triangles(*sheet(12)).any()


def test_nothing_is_marked_where_there_are_no_triangles() -> None:
    assert cutting_triangles(np.zeros((0, 3)), np.zeros((0, 3), np.int64)).shape == (0,)


@pytest.mark.parametrize("slab", [37, 50_000])
def test_a_crowd_of_triangles_of_all_sizes_cuts_where_the_check_says_so(
    slab: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_cuts, "_SLAB", slab)
    chance = np.random.default_rng(5)
    middles = np.repeat(chance.uniform(0.0, 12.0, (300, 3)), 3, axis=0)
    sizes = np.repeat(chance.choice([0.3, 1.0, 6.0], 300, p=[0.5, 0.45, 0.05]), 3)[:, None]
    points = middles + sizes * chance.uniform(-1.0, 1.0, middles.shape)
    alone = np.arange(len(points)).reshape(-1, 3)
    joined = np.stack([alone[:, 0], alone[:, 1], chance.integers(0, len(points), len(alone))], axis=1)
    triangles = np.concatenate([alone, joined[(joined[:, 2:] != joined[:, :2]).all(axis=1)]])
    expected, found = intersecting_triangles(points, triangles), cutting_triangles(points, triangles)
    assert 0 < expected.sum() < len(triangles)
    assert not (expected & ~found).any()
    assert (found & ~expected).sum() <= 0.02 * len(triangles)


@pytest.mark.parametrize("seed", range(3))
def test_a_crumpled_sheet_cuts_itself_where_the_check_says_so(seed: int) -> None:
    points, triangles = sheet(40)
    points = points + np.random.default_rng(seed).normal(0.0, 0.35, points.shape)
    expected, found = intersecting_triangles(points, triangles), cutting_triangles(points, triangles)
    assert expected.any()
    assert not (expected & ~found).any()


def test_a_triangle_that_folds_back_onto_its_neighbor_is_found() -> None:
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0.5, 1, 0], [0.5, 0.9, 0.01], [0.5, -1, 0]])
    assert cutting_triangles(points, np.array([[0, 1, 2], [1, 0, 3]])).all()
    assert not cutting_triangles(points, np.array([[0, 1, 2], [1, 0, 4]])).any()


def test_three_walls_on_one_edge_may_meet_at_any_but_the_smallest_angle() -> None:
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0.5, 1, 0], [0.5, 0.97, 0.2], [0.5, -1, 0]])
    assert not cutting_triangles(points, np.array([[0, 1, 2], [1, 0, 3], [0, 1, 4]])).any()
    points[3] = [0.5, 1.0, 0.02]
    np.testing.assert_array_equal(
        cutting_triangles(points, np.array([[0, 1, 2], [1, 0, 3], [0, 1, 4]])), [True, True, False])
