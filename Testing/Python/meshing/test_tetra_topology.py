"""Labeled lattices become manifolds, whatever they were labeled with."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from HeartSeg3DLib.meshing.lattice import KINDS, Lattice, lattice_around
from HeartSeg3DLib.meshing.quality.closedness import closedness
from HeartSeg3DLib.meshing.quality.conformity import faces_of, walls_of
from HeartSeg3DLib.meshing.tetra_topology import repair_lattice


@pytest.fixture
def lattice() -> Lattice:
    return lattice_around(np.zeros(3), np.full(3, 12.0), 2.0)


def inner(lattice: Lattice) -> np.ndarray:
    block = np.zeros((KINDS, *lattice.shape), bool)
    block[:, 4:-4, 4:-4, 4:-4] = True
    return np.flatnonzero(block)


def defects(lattice: Lattice, numbers: np.ndarray) -> int:
    """Non-manifold and open edges and vertices of every union of labels, and so of the outside."""
    kept = np.flatnonzero(numbers)
    corners, sides = walls_of(faces_of(lattice.corners(kept)), numbers[kept])
    values = np.unique(numbers[kept]).tolist()
    total = 0
    for size in range(1, len(values) + 1):
        for union in combinations(values, size):
            within = np.isin(sides, union)
            found = closedness(corners[within[:, 0] != within[:, 1]])
            total += found.open_edges + found.non_manifold_edges + found.non_manifold_vertices
    return total


@pytest.mark.parametrize("shares", [(0.04, 0.88, 0.04, 0.04), (0.25,) * 4, (0.2,) * 5], ids=["specks", "four", "five"])
@pytest.mark.parametrize("seed", range(3))
def test_random_labels_become_manifolds_in_every_union(
    lattice: Lattice, seed: int, shares: tuple[float, ...]
) -> None:
    chance = np.random.default_rng(seed)
    numbers = np.zeros(KINDS * lattice.cells, np.uint8)
    numbers[inner(lattice)] = chance.choice(len(shares), len(inner(lattice)), p=shares)
    assert defects(lattice, numbers) > 0
    assert repair_lattice(lattice, numbers) > 0
    assert defects(lattice, numbers) == 0


def test_four_labels_that_meet_in_a_line_leave_opposite_ones_manifolds_together(lattice: Lattice) -> None:
    numbers = np.zeros((KINDS, *lattice.shape), np.uint8)
    for number, (rows, columns) in enumerate(product((slice(4, 6), slice(6, -4)), repeat=2), 1):
        numbers[:, 4:-4, rows, columns] = number
    numbers = numbers.ravel()
    before = numbers.copy()
    assert repair_lattice(lattice, numbers) > 0
    assert defects(lattice, numbers) == 0
    assert np.bincount(numbers).min() > 0.5 * np.bincount(before).min()


def test_a_manifold_is_left_alone(lattice: Lattice) -> None:
    numbers = np.zeros(KINDS * lattice.cells, np.uint8)
    numbers[lattice.stars(np.array([np.ravel_multi_index((6, 6, 6), lattice.shape)]))[0]] = 1
    before = numbers.copy()
    assert repair_lattice(lattice, numbers) == 0
    assert np.array_equal(numbers, before)


def test_two_stars_that_touch_in_one_vertex_are_joined_or_parted(lattice: Lattice) -> None:
    numbers = np.zeros(KINDS * lattice.cells, np.uint8)
    for place in ((5, 5, 5), (7, 5, 5)):  # their stars share nothing but the vertices between them
        numbers[lattice.stars(np.array([np.ravel_multi_index(place, lattice.shape)]))[0]] = 1
    assert defects(lattice, numbers) > 0
    assert repair_lattice(lattice, numbers) > 0
    assert defects(lattice, numbers) == 0
