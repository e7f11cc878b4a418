"""Surfaces of structures are closed manifolds that face outward, keep volumes and lie where the shapes are."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from analytic_heart import AXIAL, LV, MYO, analytic_heart, exact_shapes
from HeartSeg3DLib.meshing.label_field import label_field
from HeartSeg3DLib.meshing.mesh import SurfaceMesh
from HeartSeg3DLib.meshing.quality.check import check_surfaces
from HeartSeg3DLib.meshing.surface import surface_mesh

TURNED = tuple(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.4, -0.5, 0.6).GetMatrix())
MIRRORED = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
HARD = ("open_edges", "non_manifold_edges", "non_manifold_vertices", "inconsistent_edges", "intersecting_triangles")


def mesh_of(labels: sitk.Image, pitch: float) -> SurfaceMesh:
    return surface_mesh(label_field(labels, pitch))


def off_the_shape(mesh: SurfaceMesh, value: int) -> np.ndarray:
    points = mesh.points[np.unique(mesh.closed_surface(value))]
    return np.abs(exact_shapes(points)[value])


@pytest.mark.parametrize("direction", [AXIAL, TURNED, MIRRORED])
def test_every_surface_passes_the_independent_check(direction: tuple[float, ...]) -> None:
    labels = analytic_heart((2.5, 2.5, 2.5), direction)
    report = check_surfaces(mesh_of(labels, 2.5), labels)
    assert report.failures == ()
    assert set(report.labels) == {1, 2, 3, 4, 5, 6, 7}
    for figures in report.labels.values():
        assert [figures[name] for name in HARD] == [0] * len(HARD)
        assert abs(figures["volume_error_percent"]) < 0.05
        assert figures["triangle_scaled_jacobian"]["minimum"] >= 0.15
        assert figures["triangle_scaled_jacobian"]["mean"] >= 0.75


def test_surfaces_lie_on_the_true_shapes() -> None:
    mesh = mesh_of(analytic_heart((2.5, 2.5, 2.5), TURNED), 2.5)
    for value in (LV, MYO):
        off = off_the_shape(mesh, value)
        assert off.mean() < 0.15 * 2.5
        assert np.percentile(off, 95) < 0.5 * 2.5
        assert off.max() < 1.5 * 2.5


def test_a_thin_wall_stays_whole_and_keeps_its_volume() -> None:
    labels = analytic_heart((2.0, 2.0, 2.0), wall=2.4)
    report = check_surfaces(mesh_of(labels, 1.2), labels)
    assert report.failures == ()
    assert abs(report.labels[MYO]["volume_error_percent"]) < 3.0


def test_blocks_and_noise_give_sound_surfaces() -> None:
    labels = analytic_heart((3.0, 3.0, 3.0))
    voxels, chance = sitk.GetArrayFromImage(labels), np.random.default_rng(5)
    noise = chance.random(voxels.shape) < 0.03
    noise[[0, -1]] = noise[:, [0, -1]] = noise[:, :, [0, -1]] = False
    voxels[noise] = chance.integers(0, 8, int(noise.sum()))
    noisy = sitk.GetImageFromArray(voxels)
    noisy.CopyInformation(labels)
    assert check_surfaces(mesh_of(noisy, 3.0)).failures == ()


def test_neighbors_share_their_wall() -> None:
    mesh = mesh_of(analytic_heart((3.0, 3.0, 3.0)), 3.0)
    assert (mesh.labels[:, 0] > 0).all()
    inside = mesh.labels[:, 1] > 0
    assert (mesh.labels[inside, 0] < mesh.labels[inside, 1]).all()
    wall = (mesh.labels == (LV, MYO)).all(axis=1)
    around = {tuple(sorted(row)) for row in mesh.closed_surface(MYO).tolist()}
    assert all(tuple(sorted(row)) in around for row in mesh.triangles[wall].tolist())
