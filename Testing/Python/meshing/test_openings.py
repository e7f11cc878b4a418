"""Vessels have one outlet for each opening and one rim around it, whether the image border cuts them or they end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import SimpleITK as sitk

from analytic_heart import AO, LV, PA, RV, analytic_heart
from HeartSeg3DLib.meshing.label_field import label_field
from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh
from HeartSeg3DLib.meshing.neighbors import linked_parts
from HeartSeg3DLib.meshing.patches import name_patches
from HeartSeg3DLib.meshing.planes import image_border, triangle_planes
from HeartSeg3DLib.meshing.surface import surface_mesh
from HeartSeg3DLib.meshing.tetra import tetra_mesh
from HeartSeg3DLib.meshing.vessel_ends import open_ends
from HeartSeg3DLib.meshing.walls import add_walls

LA, AO_WALL, PA_WALL = 4, 106, 107
WALL_MM = 2.0


@dataclass(frozen=True)
class Named:
    """A surface and its patches."""

    surface: SurfaceMesh
    patches: dict[str, np.ndarray]

    def ends(self, *structures: str) -> set[str]:
        return {name for name in self.patches if name.startswith(structures)
                and any(kind in name for kind in ("OUTLET", "RIM", "CUT", "OPENING"))}

    def area(self, name: str) -> float:
        return float(triangle_planes(self.surface.points, self.surface.triangles[self.patches[name]])[2].sum())

    def middle(self, name: str) -> np.ndarray:
        centers, _, areas = triangle_planes(self.surface.points, self.surface.triangles[self.patches[name]])
        return np.average(centers, axis=0, weights=areas)

    def corners(self, name: str) -> np.ndarray:
        return np.unique(self.surface.triangles[self.patches[name]])


def named(labels: sitk.Image, pitch: float | None = 1.5) -> Named:
    """Surfaces of a label map, or of its tetrahedra without a pitch, and their patches."""
    made = tetra_mesh(labels, 2.5) if pitch is None else surface_mesh(label_field(labels, pitch))
    surface = made.surface if isinstance(made, TetraMesh) else made
    return Named(surface, name_patches(surface, image_border(labels)))


def walled(labels: sitk.Image) -> sitk.Image:
    thickness = {AO: WALL_MM, PA: WALL_MM}
    return add_walls(labels, thickness, open_ends(labels, {AO: LV, PA: RV})).labels


def assert_ring(heart: Named, rim: str, outlet: str) -> None:
    """One part, but for splinters, that goes around the outlet: with every node at which the outlet meets the wall."""
    rows = heart.patches[rim]
    assert len(linked_parts(heart.surface.triangles, rows)[0]) > 0.9 * len(rows)
    wall = {"AO": AO_WALL, "PA": PA_WALL}[rim[:2]]
    of_wall = np.unique(heart.surface.triangles[(heart.surface.labels == (wall, 0)).all(axis=1)])
    seam = np.intersect1d(heart.corners(outlet), of_wall)
    assert np.isin(seam, heart.corners(rim)).all()
    offset = heart.surface.points[seam] - heart.middle(outlet)
    axes = np.linalg.svd(offset - offset.mean(axis=0))[2][:2]
    angles = np.sort(np.arctan2(*(axes @ offset.T)))
    assert np.diff(angles, append=angles[0] + 2 * np.pi).max() < 1.1, "the aorta ends beside the left atrium"
    radius = np.linalg.norm(offset, axis=1).mean()
    width = heart.area(rim) / (2 * np.pi * radius)
    assert 0.5 * WALL_MM < width < 2.5 * WALL_MM, "with the rounded edges on both sides"
    np.testing.assert_allclose(heart.middle(rim), heart.middle(outlet), atol=0.4 * radius)


@pytest.fixture(scope="module", params=[1.5, None], ids=["surfaces", "tetrahedra"])
def heart_with_walls(request: pytest.FixtureRequest) -> Named:
    return named(walled(analytic_heart((1.5, 1.5, 1.5))), request.param)


def test_a_wall_that_is_open_at_an_end_has_one_rim_there(heart_with_walls: Named) -> None:
    assert heart_with_walls.ends("AO", "PA") == {"AO_OUTLET", "AO_RIM", "PA_OUTLET", "PA_RIM"}
    for vessel, radius in (("AO", 12.0), ("PA", 10.5)):
        assert_ring(heart_with_walls, f"{vessel}_RIM", f"{vessel}_OUTLET")
        assert heart_with_walls.area(f"{vessel}_OUTLET") == pytest.approx(np.pi * radius**2, rel=0.15)


@pytest.fixture(scope="module")
def cut_arch() -> sitk.Image:
    """A heart below 75 mm: the image border cuts the aorta on its way up and on its way down."""
    whole = analytic_heart((1.5, 1.5, 1.5))
    top = whole.TransformPhysicalPointToIndex((0.0, 0.0, 75.0))[2]
    return whole[:, :, :top]


@pytest.mark.parametrize("pitch", [1.5, None], ids=["surfaces", "tetrahedra"])
def test_each_cut_of_a_vessel_has_one_rim_with_the_number_of_its_outlet(
    cut_arch: sitk.Image, pitch: float | None
) -> None:
    heart = named(walled(cut_arch), pitch)
    numbers = (1, 2, 3)
    assert heart.ends("AO") == {f"AO_{kind}_{number}" for kind in ("OUTLET", "RIM") for number in numbers}
    assert heart.ends("PA") >= {"PA_OUTLET", "PA_RIM"}
    for number in numbers:
        assert_ring(heart, f"AO_RIM_{number}", f"AO_OUTLET_{number}")
    areas = [heart.area(f"AO_OUTLET_{number}") for number in numbers]
    assert areas == sorted(areas, reverse=True)


def test_a_cut_has_the_area_of_its_voxels_without_a_wall(cut_arch: sitk.Image) -> None:
    heart = named(cut_arch)
    top = sitk.GetArrayViewFromImage(cut_arch)[-1] == AO
    cut = [name for name in heart.ends("AO") if heart.middle(name)[2] > 70]
    assert len(cut) == 2
    assert sum(heart.area(name) for name in cut) == pytest.approx(top.sum() * 1.5**2, rel=0.1)


def test_a_vessel_that_the_border_cuts_has_no_other_end_at_a_blunt_spur() -> None:
    """The spur is farther from the valve than the cut, so that its tip or its side was taken for an end."""
    place = np.stack(np.meshgrid(*[np.arange(60.0)] * 3, indexing="ij"), axis=-1)

    def capsule(start: tuple[float, ...], stop: tuple[float, ...], radius: float) -> np.ndarray:
        way = np.subtract(stop, start)
        share = np.clip((place - start) @ way / (way @ way), 0, 1)
        return np.linalg.norm(place - start - share[..., None] * way, axis=-1) < radius

    voxels = np.zeros((60, 60, 60), np.uint8)
    voxels[capsule((20, 30, 20), (20, 30, 75), 13)] = AO
    voxels[capsule((42, 30, 52), (48, 30, 20), 10)] = AO
    voxels[capsule((20, 30, 0), (20, 30, 12), 14)] = LV
    labels = sitk.GetImageFromArray(voxels.T.copy())
    for pitch in (2.5, 3.5):
        heart = named(labels, pitch)
        assert heart.ends("AO") == {"AO_OUTLET"}
        assert heart.middle("AO_OUTLET")[2] > 57


def test_the_wall_of_a_chamber_is_cut_once_where_its_chamber_is() -> None:
    place = np.stack(np.meshgrid(*[np.arange(40.0)] * 3, indexing="ij"), axis=-1)
    away = np.linalg.norm(place - (20, 20, 36), axis=-1)
    voxels = np.where(away < 13, LA, np.where(away < 15, 104, 0)).astype(np.uint8)
    heart = named(sitk.GetImageFromArray(voxels.T.copy()), 1.2)
    assert heart.ends("LA") == {"LA_CUT", "LA_WALL_CUT"}
    assert len(linked_parts(heart.surface.triangles, heart.patches["LA_WALL_CUT"])) == 1


def test_a_hole_in_a_vessels_wall_is_an_opening_and_no_outlet() -> None:
    place = np.stack(np.meshgrid(*[np.arange(50.0)] * 3, indexing="ij"), axis=-1)
    away = np.linalg.norm(place[..., :2] - (25, 25), axis=-1)
    height = place[..., 2]
    tube = (height > 10) & (height < 44)
    voxels = np.where((away < 10) & tube, AO, np.where((away < 13) & tube, AO_WALL, 0)).astype(np.uint8)
    hole = (np.abs(place[..., 1] - 25) < 3) & (np.abs(height - 27) < 3) & (place[..., 0] > 34)
    voxels[hole & (voxels == AO_WALL)] = 0
    voxels[(away < 16) & (height <= 10) & (height > 4)] = LV
    heart = named(sitk.GetImageFromArray(voxels.T.copy()), 1.2)
    assert heart.ends("AO") == {"AO_OUTLET", "AO_RIM", "AO_OPENING"}
    assert heart.area("AO_OPENING") < 60
    assert heart.middle("AO_OUTLET")[2] > 42
