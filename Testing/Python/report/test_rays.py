"""Rays meet a smooth ball where geometry says."""

from __future__ import annotations

import numpy as np
import pytest

from HeartSeg3DLib.report.heart_field import StructureField
from HeartSeg3DLib.report.rays import Hits, cast_rays

RADIUS, CENTER, SCALE = 9.0, 12.0, 4.0
START = (5, 3, 2)


@pytest.fixture(scope="module")
def ball_hits() -> Hits:
    distance = np.linalg.norm(np.indices((25, 25, 25)) - CENTER, axis=0)
    field = np.clip(0.5 + (RADIUS - distance) / 4, 0, 1).astype(np.float32)
    return cast_rays(StructureField((1.0, 0.0, 0.0), False, START, field), (120, 120), SCALE)


def offsets_from_center(hits: Hits) -> tuple[np.ndarray, np.ndarray]:
    down, right = (hits.pixels + 0.5) / SCALE - 0.5 - np.array([[START[1]], [START[2]]]) - CENTER
    return down, right


def test_rays_hit_the_ball_and_nothing_beside_it(ball_hits: Hits) -> None:
    expected = np.pi * (RADIUS * SCALE) ** 2
    assert ball_hits.depth.size == pytest.approx(expected, rel=0.02)


def test_depth_is_that_of_the_near_surface(ball_hits: Hits) -> None:
    down, right = offsets_from_center(ball_hits)
    inner = np.hypot(down, right) < 0.8 * RADIUS
    exact = START[0] + CENTER - np.sqrt(RADIUS**2 - down[inner] ** 2 - right[inner] ** 2)
    assert np.abs(ball_hits.depth[inner] - exact).max() < 0.15


def test_normals_point_out_of_the_ball(ball_hits: Hits) -> None:
    down, right = offsets_from_center(ball_hits)
    exact = np.stack([right, down, ball_hits.depth - START[0] - CENTER], axis=1) / RADIUS
    inner = np.hypot(down, right) < 0.8 * RADIUS
    assert (ball_hits.normal[inner] * exact[inner]).sum(axis=1).min() > 0.99
