"""What is written of a mesh: frames, labels, tags and patches, before any format."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from exported_heart import (
    ALL_VOXELS,
    ORIGIN,
    PITCH,
    TISSUE_VOXELS,
    VOXEL_MM3,
    heart_mesh,
    heart_patches,
)
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.meshing.export.content import FIBER, MeshContent, content_of
from HeartSeg3DLib.meshing.export.facets import (
    TETRA_FACES,
    facet_groups,
    facet_numbers,
    tetrahedra_behind,
)
from HeartSeg3DLib.meshing.mesh import TetraMesh
from labeled_blocks import block_mesh, surface_of, volumes_of

TISSUE = (2, 103)


@pytest.fixture(scope="module")
def mesh() -> TetraMesh:
    return heart_mesh()


def written(mesh: TetraMesh, **options: object) -> MeshContent:
    return content_of(mesh, heart_patches(mesh.surface), **options)  # type: ignore[arg-type]


def enclosed(content: MeshContent, name: str) -> float:
    """Volume in mm3 inside the closed surface of a region, positive where normals point outward."""
    region = next(region for region in content.regions if region.name == name)
    a, b, c = (content.points[content.closed_surface(region)[:, corner]] for corner in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def oriented(triangles: NDArray[np.int32], labels: NDArray[np.int16]) -> set[tuple[int, ...]]:
    """Triangles with their sides; the same whichever corner comes first, another one when turned over."""
    return {(*np.roll(corners, -int(np.argmin(corners))).tolist(), *sides)
            for corners, sides in zip(triangles.tolist(), labels.tolist(), strict=True)}


def test_ras_turns_points_and_vectors_and_keeps_orientation(mesh: TetraMesh) -> None:
    lps, ras = written(mesh), written(mesh, frame="ras")
    assert ras.frame == "RAS"
    assert "SPACE=RAS" in ras.header
    np.testing.assert_array_equal(ras.points, lps.points * [-1, -1, 1])
    np.testing.assert_array_equal(ras.cell_fields[FIBER], lps.cell_fields[FIBER] * [-1, -1, 1])
    np.testing.assert_array_equal(ras.node_fields["transmural"], lps.node_fields["transmural"])
    assert (volumes_of(ras.points, ras.tetrahedra) > 0).all()
    assert enclosed(ras, "LV") == pytest.approx(enclosed(lps, "LV")) == pytest.approx(24 * VOXEL_MM3)


def test_the_missing_corner_lies_where_the_frame_says(mesh: TetraMesh) -> None:
    low = np.array(ORIGIN)
    assert not (written(mesh).points == low).all(axis=1).any()
    assert (written(mesh).points == low + [8 * PITCH, 0, 0]).all(axis=1).any()
    assert not (written(mesh, frame="RAS").points == low * [-1, -1, 1]).all(axis=1).any()


def test_tissue_alone_is_a_closed_mesh_of_its_own(mesh: TetraMesh) -> None:
    content = written(mesh, labels=TISSUE)
    assert volumes_of(content.points, content.tetrahedra).sum() == pytest.approx(TISSUE_VOXELS * VOXEL_MM3)
    assert set(np.unique(content.tetrahedra)) == set(range(len(content.points)))
    assert {region.name for region in content.regions} == {"MYO", "RV_WALL"}
    rebuilt = surface_of(content.points, content.tetrahedra, content.tetra_labels)
    assert oriented(content.triangles, content.labels) == oriented(rebuilt.triangles, rebuilt.labels)
    assert enclosed(content, "MYO") + enclosed(content, "RV_WALL") == pytest.approx(TISSUE_VOXELS * VOXEL_MM3)


def test_patches_and_fields_follow_the_labels_that_are_kept(mesh: TetraMesh) -> None:
    whole, tissue = written(mesh), written(mesh, labels=TISSUE)
    assert set(tissue.patches) == {"LV_ENDO", "RV_ENDO", "EPI", "BASE"}
    for name in tissue.patches:
        before = whole.points[whole.triangles[whole.patches[name]]].mean(axis=1)
        after = tissue.points[tissue.triangles[tissue.patches[name]]].mean(axis=1)
        np.testing.assert_array_equal(after, before)
    endo = tissue.triangles[tissue.patches["LV_ENDO"]]
    a, b, c = (tissue.points[endo[:, corner]] for corner in range(3))
    middle = np.array(ORIGIN) + PITCH * np.array([2, 3, 2.5])
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), middle - a) > 0).all(), "out of the tissue is into the cavity"
    np.testing.assert_allclose(tissue.node_fields["transmural"], tissue.points[:, 0] / 10)
    assert len(tissue.cell_fields[FIBER]) == len(tissue.tetrahedra) == 6 * TISSUE_VOXELS


def test_tags_replace_label_values(mesh: TetraMesh) -> None:
    content = written(mesh, tags={2: 1, 103: 1, 1: 40, 3: 50})
    assert [(region.tag, region.labels) for region in content.regions] == [(1, (2, 103)), (40, (1,)), (50, (3,))]
    assert (content.tetra_tags == 1).sum() == 6 * TISSUE_VOXELS
    assert enclosed(content, "MYO_RV_WALL") == pytest.approx(TISSUE_VOXELS * VOXEL_MM3)


def test_walls_without_a_name_are_groups_and_numbers_are_fixed(mesh: TetraMesh) -> None:
    content = written(mesh)
    groups = {group.name: group for group in facet_groups(content)}
    assert {name: group.number for name, group in groups.items()} == {
        "LV_ENDO": 1001, "RV_ENDO": 1002, "EPI": 1005, "BASE": 1006, "MYO-RV_WALL": 102103}
    numbers = facet_numbers(content, tuple(groups.values()))
    assert (numbers[groups["BASE"].triangles] == 1006).all(), "the smaller patch has the triangle"
    assert (numbers == 1005).sum() == len(groups["EPI"].triangles) - len(groups["BASE"].triangles)
    assert (numbers > 0).all()


def test_a_patch_of_any_other_name_has_a_number_too(mesh: TetraMesh) -> None:
    patches = {"INLET_B": np.array([0]), "INLET_A": np.array([1]), "EPI": np.array([2])}
    numbers = {group.name: group.number for group in facet_groups(content_of(mesh, patches))}
    assert (numbers["INLET_A"], numbers["INLET_B"], numbers["EPI"]) == (1101, 1102, 1005)


def test_the_tetrahedron_behind_a_triangle_has_its_face_and_its_label(mesh: TetraMesh) -> None:
    content = written(mesh)
    tetra, face = tetrahedra_behind(content)
    corners = np.take_along_axis(content.tetrahedra[tetra], TETRA_FACES[face], axis=1)
    np.testing.assert_array_equal(np.sort(corners, axis=1), np.sort(content.triangles, axis=1))
    np.testing.assert_array_equal(content.tetra_labels[tetra], content.labels[:, 0])


def test_a_triangle_that_belongs_to_no_tetrahedron_is_a_mistake(mesh: TetraMesh) -> None:
    content = written(mesh)
    content.triangles[0] = content.triangles[0, [0, 0, 1]]
    with pytest.raises(ValueError, match="no face"):
        tetrahedra_behind(content)


def test_a_surface_is_written_without_tetrahedra(mesh: TetraMesh) -> None:
    content = content_of(mesh.surface, heart_patches(mesh.surface))
    assert content.tetrahedra.shape == (0, 4)
    assert sum(enclosed(content, name) for name in ("LV", "MYO", "RV", "RV_WALL")) == pytest.approx(
        ALL_VOXELS * VOXEL_MM3)


def test_labels_that_are_not_there_stop_the_export(mesh: TetraMesh) -> None:
    with pytest.raises(InputError, match="none of the labels 104, 105"):
        written(mesh, labels=(104, 105))


def test_patches_have_names_that_every_format_can_write(mesh: TetraMesh) -> None:
    for name in ("../EPI", "LV ENDO", "Ä", ""):
        with pytest.raises(ValueError, match="names of patches"):
            content_of(mesh, {name: np.array([0])})


def test_an_unknown_frame_stops_the_export(mesh: TetraMesh) -> None:
    with pytest.raises(UsageError, match="frame XYZ is unknown"):
        written(mesh, frame="XYZ")


def test_every_patch_looks_one_way() -> None:
    """Myocardium comes before the right ventricle by number, and the right ventricle before its wall."""
    blocks = block_mesh(np.array([[[2, 3, 103]]]), (0.0, 0.0, 0.0), 1.0)
    of_blood = np.flatnonzero((blocks.surface.labels == 3).any(axis=1))
    assert {tuple(pair) for pair in blocks.surface.labels[of_blood].tolist()} == {(2, 3), (3, 103), (3, 0)}
    content = content_of(blocks, {"RV_ENDO": of_blood})
    assert {inner for inner, _ in content.labels[content.patches["RV_ENDO"]].tolist()} == {3}
    a, b, c = (content.points[content.triangles[content.patches["RV_ENDO"], corner]] for corner in range(3))
    assert np.einsum("ij,ij->i", a - 0.5, np.cross(b - 0.5, c - 0.5)).sum() / 6.0 == pytest.approx(1.0)


def test_what_a_patch_of_ventricular_muscle_looks_at_is_no_muscle(mesh: TetraMesh) -> None:
    surface = mesh.surface
    muscle = np.isin(surface.labels, (2, 103))
    content = content_of(mesh, {"BASE": np.flatnonzero(muscle.sum(axis=1) == 1)})
    assert set(content.labels[content.patches["BASE"], 0].tolist()) <= {2, 103}
