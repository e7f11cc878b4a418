"""Fibers are measured from the shape of the mesh: known ones come out as they are, whoever laid them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ellipsoid_wall import EllipsoidWall, flat_based
from HeartSeg3DLib.meshing.fibers import FIBER, SHEET, with_fibers
from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh
from HeartSeg3DLib.meshing.quality.fiber_angles import LAYERS, measure_fibers

Patches = dict[str, NDArray[np.intp]]


@pytest.fixture(scope="module")
def wall() -> EllipsoidWall:
    return flat_based()


@pytest.fixture(scope="module")
def ventricle(wall: EllipsoidWall) -> tuple[TetraMesh, Patches]:
    return wall.mesh(6, 24, 32)


def with_known_fibers(mesh: TetraMesh, wall: EllipsoidWall, inner: float, outer: float) -> TetraMesh:
    places = mesh.points[mesh.tetrahedra].mean(axis=1)
    fields = {FIBER: wall.fibers(places, inner, outer), SHEET: wall.frames(places)[0][:, :, 2]}
    return replace(mesh, fields=fields)


@pytest.mark.parametrize(("inner", "outer"), [(60.0, -60.0), (80.0, 20.0), (-40.0, 50.0), (0.0, 0.0)])
def test_known_angles_come_out(
    wall: EllipsoidWall, ventricle: tuple[TetraMesh, Patches], inner: float, outer: float
) -> None:
    mesh, patches = ventricle
    figures = measure_fibers(with_known_fibers(mesh, wall, inner, outer), patches)
    assert len(figures.left) == LAYERS
    assert figures.right == ()
    width = abs(outer - inner) / LAYERS
    for layer in figures.left:
        asked = inner + (outer - inner) * sum(layer.depth) / 2
        assert layer.median == pytest.approx(asked, abs=0.5 * width + 1.0)
        assert layer.low <= layer.median <= layer.high
    assert figures.out_of_wall[1] < 5.0
    assert figures.worst_cosine < 1e-9
    assert figures.worst_length < 1e-9
    assert figures.share == 1.0


def test_fibers_through_the_wall_and_odd_vectors_are_noticed(
    wall: EllipsoidWall, ventricle: tuple[TetraMesh, Patches]
) -> None:
    mesh, patches = ventricle
    known = with_known_fibers(mesh, wall, 0.0, 0.0)
    through = measure_fibers(replace(known, fields={FIBER: known.fields[SHEET], SHEET: known.fields[FIBER]}), patches)
    assert through.out_of_wall[0] > 80.0
    odd = measure_fibers(replace(known, fields={FIBER: 1.1 * known.fields[FIBER], SHEET: known.fields[FIBER]}), patches)
    assert odd.worst_length == pytest.approx(0.1)
    assert odd.worst_cosine == pytest.approx(1.1)


def test_elements_without_fibers_are_counted(wall: EllipsoidWall, ventricle: tuple[TetraMesh, Patches]) -> None:
    mesh, patches = ventricle
    known = with_known_fibers(mesh, wall, 60.0, -60.0)
    fibers = known.fields[FIBER].copy()
    fibers[::4] = 0.0
    figures = measure_fibers(replace(known, fields={**known.fields, FIBER: fibers}), patches)
    assert figures.elements == {2: len(fibers)}
    assert figures.share == pytest.approx(0.75, abs=1e-3)
    assert (np.isfinite(figures.helix) == (np.arange(len(fibers)) % 4 > 0)).all()


def test_the_septum_counts_to_the_left_and_a_right_wall_for_itself(
    wall: EllipsoidWall, ventricle: tuple[TetraMesh, Patches]
) -> None:
    mesh, patches = ventricle
    centers = mesh.points[mesh.tetrahedra].mean(axis=1)
    middle = mesh.points[mesh.surface.triangles].mean(axis=1)
    labels = np.where(centers[:, 0] > 0.0, 103, 2).astype(np.int16)
    right = middle[patches["LV_ENDO"], 0] > 0.0
    sides = mesh.surface.labels.copy()
    sides[patches["LV_ENDO"][right]] = 3, 103
    sides[patches["EPI"][middle[patches["EPI"], 0] > 0.0]] = 103, 0
    both = TetraMesh(mesh.points, mesh.tetrahedra, labels, SurfaceMesh(mesh.points, mesh.surface.triangles, sides),
                     with_known_fibers(mesh, wall, 60.0, -60.0).fields)
    figures = measure_fibers(both, {**patches, "LV_ENDO": patches["LV_ENDO"][~right],
                                    "RV_ENDO": patches["LV_ENDO"][right]})
    for layers in (figures.left, figures.right):
        assert layers[0].median == pytest.approx(53.3, abs=8.0)
        assert layers[-1].median == pytest.approx(-53.3, abs=8.0)


def test_the_rule_gives_the_angles_that_were_asked_for(ventricle: tuple[TetraMesh, Patches]) -> None:
    mesh, patches = ventricle
    layers = measure_fibers(with_fibers(mesh, patches), patches).left
    for layer in layers:
        assert layer.median == pytest.approx(60.0 - 120.0 * sum(layer.depth) / 2, abs=8.0)
