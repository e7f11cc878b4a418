"""Edges inside of structures go where other tetrahedra around them are better; nodes, walls and volumes stay."""

from __future__ import annotations

import numpy as np
import pytest

from HeartSeg3DLib.meshing.tetra_shape import shapes
from HeartSeg3DLib.meshing.tetra_swaps import remove_poor_edges


def around_an_edge(count: int, half: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and tetrahedra around an edge of length 2 * half; its ends are nodes 0 and 1."""
    angles = 0.1 + 2.0 * np.pi * np.arange(count) / count
    ring = np.stack([np.cos(angles), np.sin(angles), np.zeros(count)], axis=1)
    cells = [[0, 1, 2 + place, 2 + (place + 1) % count] for place in range(count)]
    return np.concatenate([[[0, 0, -half], [0, 0, half]], ring]), np.array(cells, np.int32)


def removed(points: np.ndarray, cells: np.ndarray, labels: np.ndarray, on_wall: np.ndarray) -> tuple[np.ndarray, ...]:
    return remove_poor_edges(points, cells, labels, on_wall, shapes(points, cells)[0])


@pytest.mark.parametrize(("count", "half"), [(3, 1.0), (4, 1.5), (5, 2.0)])
def test_tetrahedra_around_a_long_edge_become_better_ones(count: int, half: float) -> None:
    points, cells = around_an_edge(count, half)
    new, labels = removed(points, cells, np.full(count, 3, np.uint8), np.zeros(len(points), bool))
    assert len(new) == len(labels) == 2 * count - 4
    assert (labels == 3).all()
    assert not any({0, 1} <= set(row) for row in new.tolist())
    (before, old), (after, volume) = shapes(points, cells), shapes(points, new)
    assert volume.min() > 0.0
    assert volume.sum() == pytest.approx(old.sum(), rel=1e-5)
    assert after.min() > before.min()


@pytest.mark.parametrize("reason", ["good", "between labels", "outside", "no inner node", "too many around"])
def test_an_edge_stays_where_it_should(reason: str) -> None:
    points, cells = around_an_edge(4, 0.7 if reason == "good" else 1.5)
    labels, on_wall = np.full(4, 3, np.uint8), np.zeros(len(points), bool)
    if reason == "between labels":
        labels[0] = 2
    if reason == "outside":
        labels[:] = 0
    on_wall[:] = reason == "no inner node"
    if reason == "too many around":
        points, cells = around_an_edge(7, 1.5)
        labels, on_wall = np.full(7, 3, np.uint8), np.zeros(len(points), bool)
    new, kept = removed(points, cells, labels, on_wall)
    np.testing.assert_array_equal(new, cells)
    np.testing.assert_array_equal(kept, labels)


def test_edges_that_share_no_tetrahedron_go_together() -> None:
    points, cells = around_an_edge(4, 1.5)
    twice = np.concatenate([cells, cells + len(points)])
    both = np.concatenate([points, points + 10.0])
    new, _ = removed(both, twice, np.full(8, 1, np.uint8), np.zeros(len(both), bool))
    assert len(new) == 8
    assert not any({0, 1} <= set(row) or {6, 7} <= set(row) for row in new.tolist())
    assert shapes(both, new)[1].sum() == pytest.approx(2 * shapes(points, cells)[1].sum(), rel=1e-5)
