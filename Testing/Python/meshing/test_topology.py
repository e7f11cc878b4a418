"""After the repair no structure touches itself along an edge or at a corner, and little has changed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from HeartSeg3DLib.meshing.topology import critical_cells, repair_topology


def indifferent(samples: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.zeros(len(samples), np.float32)


def manifold_by_definition(cell: np.ndarray) -> bool:
    """Whether inside and outside of a set are each connected by faces in a 2x2x2 cell where they meet at its center."""
    return all(ndimage.label(part)[1] <= 1 for part in (cell, ~cell))


def test_the_configurations_are_those_whose_inside_or_outside_falls_apart() -> None:
    for filled in range(256):
        cell = np.array([(filled >> bit) & 1 for bit in range(8)], np.uint8).reshape(2, 2, 2)
        assert bool(len(critical_cells(cell))) != manifold_by_definition(cell.astype(bool)), cell


def test_all_labels_of_a_cell_are_looked_at() -> None:
    cell = np.zeros((2, 2, 2), np.uint8)
    cell[0, 0, 0], cell[1, 1, 1] = 3, 3
    cell[0, 1, 1], cell[1, 0, 0] = 5, 6
    assert len(critical_cells(cell)) == 1


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_repaired(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 4, (12, 12, 12), dtype=np.uint8)
    labels = np.pad(noise, 3)
    assert len(critical_cells(labels)) > 1000
    assert repair_topology(labels, indifferent) > 0
    assert len(critical_cells(labels)) == 0


def test_a_map_without_critical_cells_stays_as_it_is() -> None:
    labels = np.zeros((10, 10, 10), np.uint8)
    labels[3:7, 3:7, 3:5], labels[3:7, 3:7, 5:7] = 1, 2
    before = labels.copy()
    assert repair_topology(labels, indifferent) == 0
    np.testing.assert_array_equal(labels, before)


@pytest.mark.parametrize("liked", [(3, 3, 4), (3, 4, 3)])
def test_of_equal_repairs_the_one_that_the_image_supports_is_taken(liked: tuple[int, int, int]) -> None:
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[3, 3, 2:4], labels[3, 4, 4:6] = 1, 1  # two rods that touch along an edge
    best = np.ravel_multi_index(liked, labels.shape)

    def preference(samples: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        return ((samples == best) & (numbers == 1)).astype(np.float32)

    assert repair_topology(labels, preference) == 1
    assert labels[liked] == 1
