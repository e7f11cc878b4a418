"""Pressures give structures the volumes they lack, and walls move no further than allowed."""

from __future__ import annotations

import numpy as np
import pytest

from analytic_heart import analytic_heart
from HeartSeg3DLib.meshing.label_field import label_field
from HeartSeg3DLib.meshing.surface import surface_mesh
from HeartSeg3DLib.meshing.volume_balance import balancing_pressures, restore_volumes


def test_pressures_balance_the_defects() -> None:
    chance = np.random.default_rng(1)
    areas = chance.random((5, 5))
    areas = areas + areas.T
    np.fill_diagonal(areas, 0.0)
    defects = np.r_[0.0, chance.normal(size=4)]
    pressures = balancing_pressures(areas, defects)
    gained = (areas * (pressures[:, None] - pressures[None, :])).sum(axis=1)
    np.testing.assert_allclose(gained[1:], defects[1:])
    assert pressures[0] == 0.0


def test_a_structure_without_a_wall_gets_no_pressure() -> None:
    areas = np.zeros((3, 3))
    areas[0, 1] = areas[1, 0] = 2.0
    np.testing.assert_allclose(balancing_pressures(areas, np.array([0.0, 1.0, 1.0])), [0.0, 0.5, 0.0])


@pytest.mark.parametrize(("largest", "reached"), [(1.0, True), (0.01, False)])
def test_volumes_are_reached_within_the_way_that_walls_may_move(largest: float, reached: bool) -> None:
    field = label_field(analytic_heart((4.0, 4.0, 4.0)), 4.0)
    mesh = surface_mesh(field)
    wanted = field.indicators.volumes_mm3 * np.array([1.0, 1.03, 0.98, 1.01, 1.0, 0.99, 1.0, 1.0])
    points = restore_volumes(mesh.points, mesh.triangles.astype(np.int64), mesh.labels, field.values, wanted, largest)
    found = []
    for value in field.values[1:]:
        a, b, c = (points[mesh.closed_surface(value)][:, corner] for corner in range(3))
        found.append(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)
    assert np.allclose(found, wanted[1:], rtol=5e-4) == reached
    assert np.linalg.norm(points - mesh.points, axis=1).max() <= 3 * largest + 1e-9
