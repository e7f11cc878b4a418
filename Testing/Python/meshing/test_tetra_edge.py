"""The edge of tetrahedra follows the thinnest wall, as far as memory and numbers allow; the user hears of it."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.meshing import tetra_edge
from HeartSeg3DLib.meshing.checking import LabelFacts, check_labels
from HeartSeg3DLib.meshing.memory import VOLUME_EDGE_MM, edge_that_fits, expected_bytes, expected_tetrahedra

MYO = 2


def shell(thickness: int) -> tuple[sitk.Image, LabelFacts]:
    """A cavity in a wall of so many voxels of one millimeter."""
    place = np.stack(np.meshgrid(*[np.arange(60)] * 3, indexing="ij"), axis=-1)
    radius = np.linalg.norm(place - 29.3, axis=-1)
    values = np.where(radius < 22.0, 1, np.where(radius < 22.0 + thickness, MYO, 0)).astype(np.uint8)
    labels = sitk.GetImageFromArray(values)
    return labels, check_labels(labels)


def test_thick_walls_get_the_usual_edge() -> None:
    assert tetra_edge.edge_for(*shell(5), None) == (VOLUME_EDGE_MM, [])


def test_a_thin_wall_gets_two_edges() -> None:
    labels, facts = shell(2)
    edge, sentences = tetra_edge.edge_for(labels, facts, None)
    assert edge == pytest.approx(facts.wall_mm[MYO] / 2, abs=0.01)
    assert 0.9 < edge < 1.15
    assert len(sentences) == 1
    assert "because walls are thin" in sentences[0]


def test_no_more_tetrahedra_are_made_than_is_sensible_and_the_wall_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, facts = shell(2)
    monkeypatch.setattr(tetra_edge, "MOST_TETRAHEDRA", 150_000)
    edge, sentences = tetra_edge.edge_for(labels, facts, None)
    assert expected_tetrahedra(labels, edge) == pytest.approx(150_000, rel=0.03)
    assert "myocardium (2." in sentences[-1]
    assert "would do" in sentences[-1]


def test_memory_limits_the_edge_before_anything_is_refused() -> None:
    labels, facts = shell(2)
    needed = expected_bytes(labels, 1.0)
    edge, _ = tetra_edge.edge_for(labels, facts, None, available=needed // 2)
    assert edge > 1.1
    assert expected_bytes(labels, edge) <= 0.8 * needed // 2


def test_the_edge_that_a_user_asks_for_is_kept_with_a_warning() -> None:
    labels, facts = shell(2)
    edge, sentences = tetra_edge.edge_for(labels, facts, 3.0)
    assert edge == 3.0
    assert "Too thin for two edges of 3 mm" in sentences[0]
    assert tetra_edge.edge_for(labels, facts, 0.5) == (0.5, [])


def test_an_edge_fits_or_the_shortest_that_does_is_named() -> None:
    labels, _ = shell(5)
    plenty = 10 * expected_bytes(labels, 1.0)
    assert edge_that_fits(labels, 1.0, plenty) == 1.0
    assert expected_bytes(labels, edge_that_fits(labels, 1.0, plenty // 40)) <= 0.8 * plenty // 40
