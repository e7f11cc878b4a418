"""The picture of a mesh shows what is there: nearer triangles, colors of quality, outlines where the voxels end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.meshing.label_field import label_field
from HeartSeg3DLib.meshing.quality import MeshReport
from HeartSeg3DLib.meshing.surface import surface_mesh
from HeartSeg3DLib.report import render_mesh, written_cells
from HeartSeg3DLib.report.mesh_picture import quality_colors
from HeartSeg3DLib.report.mesh_slices import mesh_slices
from HeartSeg3DLib.report.tile_page import HEIGHT, WIDTH
from HeartSeg3DLib.report.triangle_view import draw_triangles

BLACK = (0.0, 0.0, 0.0)


def test_the_nearer_triangle_hides_the_other() -> None:
    shape = np.array([[-8.0, -8.0, 0.0], [8.0, -8.0, 0.0], [-8.0, 8.0, 0.0]])
    corners = np.stack([shape + [0, 0, 5.0], shape, shape + [0, 0, 9.0]])
    picture = draw_triangles(corners, np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]), (40, 40), 2.0, BLACK)
    seen = picture[8, 8]
    assert seen[1] > 0.3
    assert seen[0] == seen[2] == 0.0
    assert (picture[36, 36] == 0.0).all(), "no triangle reaches the lower right corner"


def test_a_triangle_has_no_gaps_at_any_size() -> None:
    for scale in (0.7, 2.0, 5.0):
        corners = np.array([[[-40.0, -40.0, 1.0], [120.0, -40.0, 1.0], [-40.0, 120.0, 1.0]]])
        picture = draw_triangles(corners, np.ones((1, 3)), (40, 40), scale, BLACK)
        assert picture[:21, :21].min() > 0.3


def test_nothing_to_draw_is_the_background() -> None:
    assert (draw_triangles(np.empty((0, 3, 3)), np.empty((0, 3)), (4, 6), 1.0, (0.5, 0.25, 0.0))
            == np.array([0.5, 0.25, 0.0], np.float32)).all()


def test_colors_tell_flat_triangles_from_equilateral_ones() -> None:
    flat, equilateral = quality_colors(np.array([0.0, 1.0]))
    assert flat[0] > 2 * flat[2]
    assert equilateral[2] > 2 * equilateral[0]


@pytest.mark.parametrize("turned", [False, True])
def test_outlines_lie_where_the_voxels_end(heart_labels: sitk.Image, turned: bool) -> None:
    labels = sitk.DICOMOrient(heart_labels, "RAI"[::-1]) if turned else heart_labels
    mesh = surface_mesh(label_field(labels, 2.0))
    slices, millimeters = mesh_slices(labels, mesh.points, mesh.triangles, 200, BLACK)
    assert [plane.name for plane in slices] == ["Axial", "Coronal", "Sagittal"]
    for plane in slices:
        filled = plane.picture.max(axis=2) > 0.05
        line = plane.picture.min(axis=2) > 0.7
        assert line.any()
        rows, columns = np.nonzero(line)
        reach = int(np.ceil(2.5 * 2.0 / millimeters))
        for row, column in zip(rows[::7], columns[::7], strict=True):
            part = plane.picture[max(row - reach, 0):row + reach + 1, max(column - reach, 0):column + reach + 1]
            different = {tuple(np.round(color, 2)) for color in part.reshape(-1, 3) if color.min() < 0.3}
            assert len(different) > 1, "a line within one structure"
        assert filled.mean() > 0.1


@pytest.mark.parametrize(("kind", "written", "said"), [
    ("surface", 1200, "1 200 triangles"), ("tetrahedra", 34567, "34 567 tetrahedra"),
    ("tetrahedra", 4567, "34 567 tetrahedra, of which 4 567 are written")])
def test_what_is_counted_is_what_the_mesh_is_made_of(kind: str, written: int, said: str) -> None:
    cells = "triangles" if kind == "surface" else "tetrahedra"
    whole = {"triangles": 1200, "tetrahedra": 34567, "written": {"labels": [2], cells: written}}
    assert written_cells(MeshReport(kind, (), whole)) == said
    assert written_cells(MeshReport(kind, (), {**whole, "written": {}})) == said.partition(",")[0]


def test_the_whole_page_is_written(heart_labels: sitk.Image, tmp_path: Path) -> None:
    mesh = surface_mesh(label_field(heart_labels, 3.0))
    render_mesh(mesh, heart_labels, tmp_path / "mesh.png", "phantom")
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "mesh.png")))
    assert picture.shape == (HEIGHT, WIDTH, 3)
    for column in range(3):
        for row in range(2):
            tile = picture[80 + row * 518:580 + row * 518, 30 + column * 518:530 + column * 518]
            assert (np.ptp(tile.reshape(-1, 3).astype(int), axis=0) > 60).all(), (row, column)
