"""Ends of vessels are found where the vessel stops, whatever its course, and nowhere along it."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from analytic_heart import AO, LV, PA, RV, analytic_heart
from HeartSeg3DLib.meshing.label_field import label_field
from HeartSeg3DLib.meshing.mesh import SurfaceMesh
from HeartSeg3DLib.meshing.surface import surface_mesh
from HeartSeg3DLib.meshing.vessel_ends import VesselEnd, open_ends, vessel_ends

X, Y, Z = np.meshgrid(*[np.arange(70.0)] * 3, indexing="ij")


def along(start: tuple[float, float, float], stop: tuple[float, float, float], radius: float) -> np.ndarray:
    """A tube with flat ends from start to stop."""
    first, way = np.array(start), np.subtract(stop, start)
    offset = np.stack([X, Y, Z], axis=-1) - first
    height = offset @ way / (way @ way)
    return (height > 0) & (height < 1) & (np.linalg.norm(offset - height[..., None] * way, axis=-1) < radius)


def mesh_of(*parts: tuple[int, np.ndarray]) -> SurfaceMesh:
    voxels = np.zeros(X.shape, np.uint8)
    for value, mask in parts:
        voxels[mask] = value
    return surface_mesh(label_field(sitk.GetImageFromArray(voxels.T.copy()), 1.5))


def places(ends: list[VesselEnd]) -> list[list[float]]:
    return sorted(end.disk.point.round().tolist() for end in ends)


def test_a_vessel_ends_at_the_far_side_of_its_chamber() -> None:
    mesh = mesh_of((AO, along((35, 35, 20), (35, 35, 60), 8)), (LV, along((35, 35, 4), (35, 35, 21), 14)))
    (end,) = vessel_ends(mesh, AO, LV)
    np.testing.assert_allclose(end.disk.point, [35, 35, 60], atol=1.5)
    np.testing.assert_allclose(end.disk.normal, [0, 0, 1], atol=0.05)
    assert end.disk.radius == pytest.approx(8.0, abs=1.2)


def test_a_stub_wider_than_long_ends_at_its_flat_top() -> None:
    mesh = mesh_of((AO, along((35, 35, 20), (35, 35, 29), 14)), (LV, along((35, 35, 4), (35, 35, 21), 20)))
    (end,) = vessel_ends(mesh, AO, LV)
    np.testing.assert_allclose(end.disk.point, [35, 35, 29], atol=1.5)
    assert end.disk.normal[2] > 0.97


def test_every_branch_has_an_end() -> None:
    mesh = mesh_of((PA, along((35, 35, 15), (35, 35, 45), 8)), (PA, along((35, 35, 40), (8, 35, 62), 6)),
                   (PA, along((35, 35, 40), (62, 35, 62), 6)), (RV, along((35, 35, 4), (35, 35, 16), 14)))
    found = places(vessel_ends(mesh, PA, RV))
    np.testing.assert_allclose(found, [[8, 35, 62], [62, 35, 62]], atol=2.0)


def test_an_end_against_another_structure_is_none() -> None:
    mesh = mesh_of((AO, along((35, 35, 20), (35, 35, 50), 8)), (LV, along((35, 35, 4), (35, 35, 21), 14)),
                   (PA, along((35, 35, 50), (35, 35, 66), 16)))
    assert vessel_ends(mesh, AO, LV) == []


def test_a_vessel_that_touches_nothing_ends_on_both_sides() -> None:
    mesh = mesh_of((AO, along((35, 35, 10), (35, 35, 60), 8)),)
    np.testing.assert_allclose(places(vessel_ends(mesh, AO, LV)), [[35, 35, 10], [35, 35, 60]], atol=1.0)


def test_a_vessel_in_its_wall_ends_where_the_wall_is_open() -> None:
    tube = along((35, 35, 20), (35, 35, 60), 8)
    mesh = mesh_of((106, along((35, 35, 20), (35, 35, 60), 11)), (AO, tube), (LV, along((35, 35, 4), (35, 35, 21), 14)))
    (end,) = vessel_ends(mesh, AO, LV, 106)
    np.testing.assert_allclose(end.disk.point, [35, 35, 60], atol=1.5)


def test_ends_of_a_heart_are_found_in_its_label_map() -> None:
    found = open_ends(analytic_heart((2.0, 2.0, 2.0)), {AO: LV, PA: RV})
    assert {vessel: len(ends) for vessel, ends in found.items()} == {AO: 1, PA: 1}
    np.testing.assert_allclose(found[AO][0].point, [-26, -34, 58], atol=2.0)
    assert open_ends(sitk.Image(4, 4, 4, sitk.sitkUInt8), {AO: LV}) == {}
