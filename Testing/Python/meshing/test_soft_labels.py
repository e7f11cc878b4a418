"""Surfaces from class probabilities lie between voxels where the probabilities say, and are as sound as others."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from analytic_heart import LV, MYO, analytic_heart, exact_shapes
from HeartSeg3DLib.imaging.probabilities import ClassProbabilities, class_probabilities_on
from HeartSeg3DLib.meshing.label_field import label_field
from HeartSeg3DLib.meshing.mesh import SurfaceMesh
from HeartSeg3DLib.meshing.quality import check_surfaces, check_tetrahedra
from HeartSeg3DLib.meshing.soft_labels import soft_indicators
from HeartSeg3DLib.meshing.surface import surface_mesh
from HeartSeg3DLib.meshing.tetra import cut_into_tetrahedra

WALL = 103
CENTER = np.array([20.3, 19.6, 20.9])
RADIUS = 12.4


def soft_ball(spacing: float = 3.0, slope: float = 0.5) -> ClassProbabilities:
    """A ball of label 1 whose probability falls across its surface."""
    count = int(40 / spacing) + 1
    z, y, x = np.meshgrid(*[np.arange(count) * spacing] * 3, indexing="ij")
    depth = RADIUS - np.linalg.norm(np.stack([x, y, z], -1) - CENTER, axis=-1)
    grid = sitk.Image([count] * 3, sitk.sitkUInt8)
    grid.SetSpacing([spacing] * 3)
    shares = np.rint(255 * np.clip(0.5 + slope * depth / spacing, 0, 1)).astype(np.uint8)
    return class_probabilities_on(grid, (1,), shares[..., None])


def soft_heart(spacing: tuple[float, float, float] = (3.0, 3.0, 3.0)) -> ClassProbabilities:
    """The analytic heart of seven labels, its probabilities from the exact distances."""
    labels = analytic_heart(spacing)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in labels.GetSize()], indexing="ij"), -1)
    depths = exact_shapes(index * np.array(spacing) + labels.GetOrigin())
    values = tuple(sorted(depths))
    logits = np.stack([np.zeros(depths[LV].shape), *(np.clip(-depths[value], -40, 40) for value in values)])
    logits[0] = -logits[1:].max(0)
    parts = np.exp(logits - logits.max(0))
    shares = np.rint(255 * (parts / parts.sum(0))[1:]).astype(np.uint8)
    return class_probabilities_on(labels, values, np.ascontiguousarray(shares.transpose(3, 2, 1, 0)))


def off_the_ball(mesh: SurfaceMesh) -> np.ndarray:
    return np.abs(np.linalg.norm(mesh.points - CENTER, axis=1) - RADIUS)


def test_a_surface_lies_where_the_probabilities_cross() -> None:
    ball = soft_ball()
    soft = off_the_ball(surface_mesh(label_field(ball.labels, 1.0, ball)))
    hard = off_the_ball(surface_mesh(label_field(ball.labels, 1.0)))
    assert soft.mean() < 0.2
    assert soft.mean() < 0.5 * hard.mean()


def test_tetrahedra_lie_where_the_probabilities_cross() -> None:
    ball = soft_ball()
    hard, soft = (cut_into_tetrahedra(ball.labels, 2.0, probabilities=given).mesh for given in (None, ball))
    assert off_the_ball(soft.surface).max() > 0
    walls = [off_the_ball(SurfaceMesh(mesh.points[np.unique(mesh.surface.triangles)], np.zeros((0, 3), np.int32),
                                      np.zeros((0, 2), np.int16))) for mesh in (hard, soft)]
    assert walls[1].mean() < 0.7 * walls[0].mean()
    assert check_tetrahedra(soft, ball.labels).fit_for_use


def test_shares_add_up_to_one_and_certain_ones_are_labels() -> None:
    heart = soft_heart()
    shares, whole = soft_indicators(heart.labels, heart)
    points = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -47.0], [-10.0, -8.0, 50.0], [900.0, 0.0, 0.0]])
    found = shares.at(points)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-5)
    assert [shares.values[number] for number in found.argmax(axis=1)] == [1, MYO, 4, 0]
    voxels = sitk.GetArrayViewFromImage(heart.labels)
    for value, volume in zip(shares.values[1:], shares.volumes_mm3[1:], strict=True):
        assert volume == pytest.approx(np.count_nonzero(voxels == value) * 27.0)
    inner = np.array([[0.0, 0.0, 0.0]])
    place = ((inner - heart.labels.GetOrigin()) / 3.0)[:, ::-1]
    assert whole.at(place)[0] == pytest.approx(1.0, abs=0.02)


def test_a_whole_heart_is_sound_and_keeps_its_volumes() -> None:
    heart = soft_heart()
    report = check_surfaces(surface_mesh(label_field(heart.labels, 2.0, heart)), heart.labels)
    assert report.fit_for_use, report.failures
    for figures in report.labels.values():
        assert abs(figures["volume_error_percent"]) < 0.5


def test_what_cleaning_changed_stays_changed() -> None:
    ball = soft_ball()
    voxels = sitk.GetArrayFromImage(ball.labels)
    cut = voxels.copy()
    cut[:, :, :6] = 0  # somebody took a part away, which the probabilities still hold
    labels = sitk.GetImageFromArray(cut)
    labels.CopyInformation(ball.labels)
    mesh = surface_mesh(label_field(labels, 1.0, ball))
    assert mesh.points[:, 0].min() > 5.5 * 3.0 - 1.5
    assert mesh.points[:, 0].max() == pytest.approx(CENTER[0] + RADIUS, abs=0.8)


def test_walls_grow_on_the_background_and_leave_the_cavity_alone() -> None:
    ball = soft_ball(1.5)
    voxels = sitk.GetArrayFromImage(ball.labels)
    z, y, x = np.meshgrid(*[np.arange(n) * 1.5 for n in voxels.shape], indexing="ij")
    radius = np.linalg.norm(np.stack([x, y, z], -1) - CENTER, axis=-1)
    voxels[(voxels == 0) & (radius < RADIUS + 4.0)] = WALL
    labels = sitk.GetImageFromArray(voxels)
    labels.CopyInformation(ball.labels)
    mesh = surface_mesh(label_field(labels, 1.0, ball))
    assert check_surfaces(mesh, labels).fit_for_use
    inner = np.unique(mesh.triangles[(mesh.labels == [1, WALL]).all(axis=1)])
    assert np.abs(np.linalg.norm(mesh.points[inner] - CENTER, axis=1) - RADIUS).mean() < 0.2
    outer = np.unique(mesh.triangles[(mesh.labels == [WALL, 0]).all(axis=1)])
    assert np.linalg.norm(mesh.points[outer] - CENTER, axis=1).mean() == pytest.approx(RADIUS + 4.0, abs=0.5)


def test_other_voxels_are_a_mistake_of_the_caller() -> None:
    ball = soft_ball()
    with pytest.raises(ValueError, match="different voxels"):
        soft_indicators(sitk.Image(5, 5, 5, sitk.sitkUInt8) + 1, ball)
