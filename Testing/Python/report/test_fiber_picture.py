"""The picture of fibers shows them where they are: strokes along them, angles as colors, and what a plane cuts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.meshing.fibers import FiberAngles, with_fibers
from HeartSeg3DLib.meshing.mesh import TetraMesh
from HeartSeg3DLib.meshing.patches import name_patches
from HeartSeg3DLib.meshing.quality.fiber_angles import FiberFigures, FiberLayer, measure_fibers
from HeartSeg3DLib.meshing.tetra import tetra_mesh
from HeartSeg3DLib.report import FiberSection, render_fibers
from HeartSeg3DLib.report.content import Table
from HeartSeg3DLib.report.curve import Dot, Line
from HeartSeg3DLib.report.fiber_picture import helix_colors
from HeartSeg3DLib.report.fiber_section import fiber_blocks
from HeartSeg3DLib.report.fiber_strokes import strokes_on
from HeartSeg3DLib.report.fiber_surface import FiberSurface
from HeartSeg3DLib.report.helix_chart import helix_chart
from HeartSeg3DLib.report.plane_cut import clip_triangles, cut_tetrahedra
from HeartSeg3DLib.report.tile_page import HEIGHT, TILE, WIDTH


@pytest.fixture(scope="module")
def heart() -> tuple[TetraMesh, dict[str, NDArray[np.intp]], FiberFigures]:
    """Half a ball of myocardium with fibers, open above: its long axis is the patient's."""
    z, y, x = np.indices((26, 36, 36)) - np.array([25, 17.5, 17.5])[:, None, None, None]
    distance = np.hypot(np.hypot(x, y), z)
    voxels = np.where(distance < 9, 1, np.where(distance < 15, 2, 0)).astype(np.uint8)
    labels = sitk.GetImageFromArray(np.pad(voxels, ((3, 3), (0, 0), (0, 0))))
    labels.SetSpacing([2.0] * 3)
    mesh = tetra_mesh(labels, 5.0)
    patches = name_patches(mesh.surface)
    mesh = with_fibers(mesh, patches)
    return mesh, patches, measure_fibers(mesh, patches)


def flat_surface(degrees: float) -> FiberSurface:
    """A plane of 40 x 40 mm whose fibers run at an angle to x."""
    steps = np.arange(0.0, 40.0, 2.0)
    x, y = (each.ravel() for each in np.meshgrid(steps, steps))
    corners = np.concatenate([
        np.stack([np.stack([x, y], 1), np.stack([x + 2, y], 1), np.stack([x, y + 2], 1)], axis=1),
        np.stack([np.stack([x + 2, y], 1), np.stack([x + 2, y + 2], 1), np.stack([x, y + 2], 1)], axis=1)])
    corners = np.dstack([corners, np.zeros(corners.shape[:2])])
    count = len(corners)
    way = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees)), 0.0])
    signs = np.where(np.arange(count) % 2, 1.0, -1.0)[:, None]
    return FiberSurface(corners, np.tile([0.0, 0.0, 1.0], (count, 1)), signs * way, np.full(count, degrees))


@pytest.mark.parametrize("degrees", [0.0, 35.0, -70.0])
def test_strokes_run_along_the_fibers_whatever_their_sign(degrees: float) -> None:
    strokes = strokes_on(flat_surface(degrees))
    low, high = strokes.corners.min(axis=(0, 1)), strokes.corners.max(axis=(0, 1))
    assert (low[:2] < 6.0).all()
    assert (high[:2] > 34.0).all()
    assert 0.0 < low[2] < high[2] < 1.0, "strokes lie on the surface"
    sides = strokes.corners - np.roll(strokes.corners, 1, axis=1)
    angle = np.degrees(np.arctan2(sides[..., 1], sides[..., 0]))
    off = np.abs((angle - degrees + 90.0) % 180.0 - 90.0)
    assert np.median(off.min(axis=1)) < 5.0, "a triangle of a stroke has one side along it"
    assert (strokes.helix == degrees).all()


def test_strokes_are_the_same_every_time_and_none_on_nothing() -> None:
    one, other = strokes_on(flat_surface(20.0)), strokes_on(flat_surface(20.0))
    np.testing.assert_array_equal(one.corners, other.corners)
    empty = flat_surface(0.0)
    nothing = FiberSurface(empty.corners[:0], empty.normals[:0], empty.directions[:0], empty.helix[:0])
    assert len(strokes_on(nothing).corners) == 0


def area(corners: NDArray[np.float64]) -> float:
    sides = corners[:, 1:] - corners[:, :1]
    return float(np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1).sum() / 2)


@pytest.mark.parametrize("height", [0.1, 0.25, 0.5, 0.9])
def test_a_plane_cuts_tetrahedra_exactly(height: float) -> None:
    corner = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]])
    face, owner = cut_tetrahedra(corner, corner[..., 2] - height)
    assert area(face) == pytest.approx((1 - height) ** 2 / 2)
    assert face[..., 2] == pytest.approx(height)
    assert (owner == 0).all()
    slanted = corner.sum(axis=2) - 2.0 * corner[..., 0]  # two corners on each side
    face, _ = cut_tetrahedra(corner, slanted - 0.1)
    assert np.einsum("tcj,j->tc", face, [-1.0, 1.0, 1.0]) == pytest.approx(0.1)
    assert len(face) > 0


def test_a_plane_clips_triangles_exactly() -> None:
    triangle = np.array([[[0.0, 0, 0], [1, 0, 0], [0, 0, 1]]])
    for height in (-0.5, 0.25, 0.6, 2.0):
        left, _ = clip_triangles(triangle, triangle[..., 2] - height)
        assert area(left) == pytest.approx(0.5 - min(max(1 - height, 0.0), 1.0) ** 2 / 2)
        assert (left[..., 2] <= max(height, 0.0) + 1e-12).all()
    turned, _ = clip_triangles(triangle, 0.25 - triangle[..., 2])
    assert area(turned) == pytest.approx(0.75**2 / 2)


def test_upright_fibers_have_one_color_and_rising_ones_another_than_falling_ones() -> None:
    up, down, rising, falling = helix_colors(np.array([90.0, -90.0, 50.0, -50.0]))
    np.testing.assert_array_equal(up, down)
    assert rising[0] > 2 * rising[2]
    assert falling[2] > 2 * falling[0]


def test_the_page_shows_outside_and_inside_in_their_colors(
    heart: tuple[TetraMesh, dict[str, NDArray[np.intp]], FiberFigures], tmp_path: Path
) -> None:
    mesh, patches, figures = heart
    told: list[float] = []
    render_fibers(mesh, patches, figures, tmp_path / "fibers.png", "half a ball", told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    picture = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "fibers.png"))).astype(float)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    warmth = []
    for number in range(6):
        row, column = divmod(number, 3)
        tile = picture[80 + row * (TILE + 12):, 30 + column * (TILE + 12):][40:TILE - 50, :TILE - 10]
        colored = tile[np.ptp(tile, axis=2) > 40]
        assert len(colored) > 3000, number
        warmth.append((colored[:, 0] - colored[:, 2]).mean())
    assert max(warmth[:3]) < 0.0, "the epicardium is blue"
    assert min(warmth[3:5]) > 0.0, "the endocardium is orange"


def test_the_section_says_what_was_asked_for_and_what_came_out(
    heart: tuple[TetraMesh, dict[str, NDArray[np.intp]], FiberFigures]
) -> None:
    section = FiberSection(FiberAngles(), heart[2], b"png")
    table = next(block for block in fiber_blocks(section) if isinstance(block, Table))
    assert [row.cells[0] for row in table.rows] == [f"Left ventricle, {place}"
                                                    for place in ("endocardium", "middle", "epicardium")]
    assert [row.cells[-1] for row in table.rows] == ["53", "0", "-53"]
    for row in table.rows:
        assert float(row.cells[3]) == pytest.approx(float(row.cells[-1]), abs=15.0)
    assert section.to_dict()["angles_degrees"] == {
        "endocardium": 60.0, "epicardium": -60.0, "sheet_endocardium": -65.0, "sheet_epicardium": 25.0}


def test_the_chart_draws_layers_over_the_line_that_was_asked_for() -> None:
    layer = FiberLayer((0.0, 0.5), 30, -10.0, 30.0, 45.0)
    chart = helix_chart(FiberAngles(60.0, 0.0), [layer], [])
    (dot,) = (shape for shape in chart.shapes if isinstance(shape, Dot))
    asked = next(shape for shape in chart.shapes if isinstance(shape, Line) and shape.dashed)
    (left, top), (right, bottom) = asked.points
    quarter, half = left + 0.25 * (right - left), (top + bottom) / 2
    assert dot.x == pytest.approx(quarter, abs=4.0)
    assert dot.y == pytest.approx(half)
