"""Triangles become rounder, never worse, and smoothing is undone where it did harm."""

from __future__ import annotations

import numpy as np
import pytest

from HeartSeg3DLib.meshing.neighbors import mean_of_neighbors
from HeartSeg3DLib.meshing.quality.intersections import intersecting_triangles
from HeartSeg3DLib.meshing.quality.shape import triangle_scaled_jacobians
from HeartSeg3DLib.meshing.triangle_quality import FLOOR, choose_diagonals, slide_points, undo_harm


def flat_net(side: int, height: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(side, dtype=float), np.arange(side, dtype=float), indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), np.full(side * side, height)], axis=1)
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    squares = np.stack([[corner, corner + side, corner + 1], [corner + side, corner + side + 1, corner + 1]])
    return points, squares.transpose(2, 0, 1).reshape(-1, 3)


def areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return np.cross(b - a, c - a)[:, 2] / 2


def test_a_skewed_square_is_cut_along_its_short_diagonal_and_faces_the_same_way() -> None:
    points = np.array([[0.0, 0.0, 0.0], [1.0, 0.6, 0.0], [0.0, 1.0, 0.0], [1.0, 1.6, 0.0]])
    long_way = np.array([[0, 1, 3], [0, 3, 2]])
    turned = choose_diagonals(points, long_way)
    assert sorted(map(sorted, turned.tolist())) == [[0, 1, 2], [1, 2, 3]]
    assert (areas(points, turned) > 0).all()


def test_no_diagonal_is_made_twice() -> None:
    # two squares over the same corners, as around a thin sheet: both would like the diagonal 1-2
    points = np.array([[0.0, 0.0, 0.0], [1.0, 0.6, 0.0], [0.0, 1.0, 0.0], [1.0, 1.6, 0.0]])
    triangles = np.array([[0, 1, 3], [0, 3, 2], [0, 3, 1], [0, 2, 3]])
    np.testing.assert_array_equal(choose_diagonals(points, triangles), triangles)


def test_triangles_that_are_no_squares_are_refused() -> None:
    with pytest.raises(ValueError, match="squares"):
        choose_diagonals(np.zeros((6, 3)), np.array([[0, 1, 2], [3, 4, 5]]))


def test_narrow_triangles_open_within_the_surface() -> None:
    points, triangles = flat_net(8)
    points[27, :2] += (0.78, -0.05)
    before = triangle_scaled_jacobians(points[triangles]).min()
    slid = slide_points(points, triangles, mean_of_neighbors(triangles, len(points)))
    assert before < 0.2
    assert triangle_scaled_jacobians(slid[triangles]).min() > 0.3
    np.testing.assert_allclose(slid[:, 2], 0.0, atol=1e-12)


def test_sheets_that_smoothing_pushed_through_each_other_come_apart_again() -> None:
    lower, triangles = flat_net(9)
    upper, _ = flat_net(9, 1.0)
    rough = np.concatenate([lower, upper])
    both = np.concatenate([triangles, triangles + len(lower)])
    smooth = rough.copy()
    smooth[40, 2], smooth[40 + 81, 2] = 0.7, 0.3
    assert intersecting_triangles(smooth, both).any()
    repaired = undo_harm(smooth, rough, both, mean_of_neighbors(both, len(rough)), 1.0)
    assert not intersecting_triangles(repaired, both).any()
    far = np.linalg.norm(rough[:, :2] - rough[40, :2], axis=1) > 3
    np.testing.assert_array_equal(repaired[far], smooth[far])


def test_triangles_that_smoothing_made_narrow_open_again() -> None:
    rough, triangles = flat_net(7)
    smooth = rough.copy()
    smooth[24] = smooth[25] - (0.02, 0.0, 0.0)
    repaired = undo_harm(smooth, rough, triangles, mean_of_neighbors(triangles, len(rough)), 1.0)
    assert triangle_scaled_jacobians(repaired[triangles]).min() >= FLOOR
