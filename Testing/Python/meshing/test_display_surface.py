"""Surfaces for the screen are closed, look outward, keep volumes and share walls."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.meshing.display_surface import DisplaySurface, display_surfaces

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
OBLIQUE = tuple(sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.5, -0.3, 0.2).GetMatrix())
MIRRORED = (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
CENTER = np.array([31.0, -12.0, 55.0])
RADIUS_MM = 20.0


def ball(spacing: tuple[float, float, float], direction: tuple[float, ...] = AXIAL) -> sitk.Image:
    """Label 1 is the lower half of a ball around CENTER, label 3 the rest, label 2 a shell of 6 mm around it."""
    size = [int(64 / step) for step in spacing]
    image = sitk.Image(size, sitk.sitkUInt8)
    image.SetSpacing(spacing)
    image.SetDirection(direction)
    middle = image.TransformContinuousIndexToPhysicalPoint([(count - 1) / 2 for count in size])
    image.SetOrigin((CENTER - middle).tolist())
    steps = np.indices(size[::-1])[::-1].reshape(3, -1).T * spacing
    places = steps @ np.reshape(direction, (3, 3)).T + image.GetOrigin()
    distance = np.linalg.norm(places - CENTER, axis=1)
    labels = np.where(distance < RADIUS_MM, np.where(places[:, 2] < CENTER[2], 1, 3), 2 * (distance < RADIUS_MM + 6))
    filled = sitk.GetImageFromArray(labels.reshape(size[::-1]).astype(np.uint8))
    filled.CopyInformation(image)
    return filled


def signed_volume(surface: DisplaySurface) -> float:
    """Volume in mm^3 by the divergence theorem, positive where triangles look outward."""
    a, b, c = (surface.points.astype(float)[surface.triangles[:, corner]] - CENTER for corner in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def assert_closed_and_outward(surface: DisplaySurface) -> None:
    """Each edge is passed as often in one direction as in the other, and the inside is inside."""
    corners = surface.triangles.tolist()
    forward = Counter((one[start], one[(start + 1) % 3]) for one in corners for start in range(3))
    assert forward == Counter({(end, start): uses for (start, end), uses in forward.items()})
    assert signed_volume(surface) > 0


GRIDS = [
    pytest.param((1.0, 1.0, 1.0), AXIAL, id="1 mm"),
    pytest.param((0.5, 0.5, 0.6), OBLIQUE, id="fine and oblique"),
    pytest.param((1.0, 1.0, 3.0), MIRRORED, id="thick and mirrored"),
]


@pytest.mark.parametrize(("spacing", "direction"), GRIDS)
def test_surfaces_are_closed_outward_and_in_place(
    spacing: tuple[float, float, float], direction: tuple[float, ...]
) -> None:
    labels = ball(spacing, direction)
    surfaces = display_surfaces(labels)
    voxels = sitk.GetArrayViewFromImage(labels)
    assert sorted(surfaces) == [1, 2, 3]
    for value, surface in surfaces.items():
        assert_closed_and_outward(surface)
        assert signed_volume(surface) == pytest.approx(np.count_nonzero(voxels == value) * np.prod(spacing), rel=0.02)
    outside = np.linalg.norm(surfaces[2].points - CENTER, axis=1)
    outer = outside > RADIUS_MM + 3
    assert outside[outer].mean() == pytest.approx(RADIUS_MM + 6, abs=0.3)


def test_types_are_those_that_the_scene_takes_without_conversion() -> None:
    surface = display_surfaces(ball((2.0, 2.0, 2.0)))[1]
    kinds = {name: getattr(surface, name).dtype for name in ("points", "triangles", "normals")}
    assert kinds == {"points": np.float32, "triangles": np.int32, "normals": np.float32}
    assert surface.points.shape == surface.normals.shape


def test_normals_are_unit_vectors_that_look_outward() -> None:
    surface = display_surfaces(ball((1.0, 1.0, 1.0)))[2]
    length = np.linalg.norm(surface.normals, axis=1)
    np.testing.assert_allclose(length, 1.0, atol=1e-5)
    away = surface.points - CENTER
    distance = np.linalg.norm(away, axis=1)
    outer = distance > RADIUS_MM + 3
    cosine = np.einsum("ij,ij->i", surface.normals, away / distance[:, None])
    assert np.quantile(cosine[outer], 0.01) > 0.97
    assert np.quantile(cosine[~outer], 0.99) < -0.9


def test_neighbors_share_the_points_of_their_wall() -> None:
    surfaces = display_surfaces(ball((1.0, 1.0, 1.0)))
    lower, upper = ({point.tobytes() for point in surfaces[value].points} for value in (1, 3))
    shared = np.array([np.frombuffer(point, np.float32) for point in lower & upper])
    assert len(shared) > 1000
    np.testing.assert_allclose(shared[:, 2], CENTER[2] - 0.5, atol=0.6)


def test_steps_of_voxels_vanish() -> None:
    surface = display_surfaces(ball((1.0, 1.0, 1.0)))[2]
    distance = np.linalg.norm(surface.points - CENTER, axis=1)
    assert distance[distance > RADIUS_MM + 3].std() < 0.12


def test_seams_of_three_structures_do_not_fray() -> None:
    surfaces = display_surfaces(ball((1.0, 1.0, 1.0)))
    seam = set.intersection(*({point.tobytes() for point in surface.points} for surface in surfaces.values()))
    points = np.array([np.frombuffer(point, np.float32) for point in seam])
    assert len(points) > 100
    assert points[:, 2].std() < 0.1


def test_a_structure_that_the_image_cuts_is_closed_there() -> None:
    labels = sitk.Image([10, 10, 10], sitk.sitkUInt8)
    labels[:, :, :4] = 6
    surfaces = display_surfaces(labels)
    assert_closed_and_outward(surfaces[6])
    assert signed_volume(surfaces[6]) == pytest.approx(400, rel=0.1)


def test_an_empty_label_map_has_no_surfaces() -> None:
    assert display_surfaces(sitk.Image([5, 5, 5], sitk.sitkUInt8)) == {}


def test_a_heart_finer_than_the_screen_is_sampled_at_one_millimeter() -> None:
    fine, coarse = (len(display_surfaces(ball((step,) * 3))[2].points) for step in (0.5, 1.0))
    assert fine == pytest.approx(coarse, rel=0.1)
