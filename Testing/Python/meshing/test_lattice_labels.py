"""Tetrahedra of a lattice belong to the structure at their place; walls are smooth, thin parts stay, specks go."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.meshing.lattice import Lattice, lattice_around
from HeartSeg3DLib.meshing.lattice_labels import give_specks_away, smooth_walls, strongest_labels, thin_parts
from HeartSeg3DLib.meshing.tetra_shares import Shares, shares_of


@pytest.fixture
def voxels() -> np.ndarray:
    """Two blocks side by side."""
    values = np.zeros((24, 24, 24), np.uint8)
    values[4:20, 4:20, 4:12] = 1
    values[4:20, 4:20, 12:20] = 2
    return values


def shares_in(voxels: np.ndarray, edge: float = 2.0) -> tuple[Shares, Lattice]:
    shares = shares_of(sitk.GetImageFromArray(voxels), 0.4)
    return shares, lattice_around(*shares.box(), edge)


def part_of(lattice: Lattice, numbers: np.ndarray, number: int) -> float:
    """Volume in mm³ of the tetrahedra of a label."""
    return float(np.count_nonzero(numbers == number)) * lattice.cube_mm**3 / 12


def test_every_tetrahedron_has_the_label_of_the_voxel_at_its_centroid(voxels: np.ndarray) -> None:
    shares, lattice = shares_in(voxels)
    numbers = strongest_labels(lattice, shares)
    places = np.rint(lattice.centroids(np.arange(len(numbers)))).astype(int)
    inside = ((places >= 0) & (places < 24)).all(axis=1)
    expected = np.zeros(len(numbers), np.uint8)
    expected[inside] = voxels[tuple(places[inside].T)]
    assert (numbers == expected).mean() > 0.99


def test_smoothing_takes_away_a_tetrahedron_that_sticks_out(voxels: np.ndarray) -> None:
    shares, lattice = shares_in(voxels)
    numbers = strongest_labels(lattice, shares)
    middle = np.linalg.norm(lattice.centroids(np.arange(len(numbers))) - (12, 12, 7.5), axis=1).argmin()
    assert numbers[middle] == 1
    numbers[middle] = 2
    smooth_walls(lattice, numbers, shares)
    assert numbers[middle] == 1


def test_smoothing_makes_walls_smaller_and_keeps_volumes() -> None:
    place = np.stack(np.meshgrid(*[np.arange(24)] * 3, indexing="ij"), axis=-1)
    shares, lattice = shares_in((np.linalg.norm(place - (12.2, 11.7, 11.4), axis=-1) < 8.0).astype(np.uint8))
    numbers = strongest_labels(lattice, shares)
    before, volume = len(lattice.mixed_vertices(numbers)), part_of(lattice, numbers, 1)
    assert smooth_walls(lattice, numbers, shares) > 0
    assert len(lattice.mixed_vertices(numbers)) < 0.9 * before
    assert part_of(lattice, numbers, 1) == pytest.approx(volume, rel=0.05)


def test_smoothing_leaves_a_sheet_of_one_voxel_and_its_rim(voxels: np.ndarray) -> None:
    voxels[12, 8:16, 12:18] = 1
    shares, lattice = shares_in(voxels, edge=1.2)
    numbers = strongest_labels(lattice, shares)
    centers = lattice.centroids(np.arange(len(numbers)))
    sheet = (np.abs(centers - (12, 11.5, 15.5)) < (0.5, 3.5, 3.5)).all(axis=1)
    before = np.count_nonzero(numbers[sheet] == 1)
    assert before > 100
    smooth_walls(lattice, numbers, shares)
    assert np.count_nonzero(numbers[sheet] == 1) > 0.8 * before
    assert centers[sheet & (numbers == 1), 2].max() > 17.0


def test_specks_and_enclosed_holes_go_to_what_is_around_them(voxels: np.ndarray) -> None:
    voxels[10:12, 10:12, 16:18] = 1
    voxels[10:12, 10:12, 6:8] = 0
    shares, lattice = shares_in(voxels)
    numbers = strongest_labels(lattice, shares)
    before = numbers.copy()
    given = give_specks_away(lattice, numbers)
    assert given == {number: np.count_nonzero((before == number) & (numbers != number)) for number in (0, 1)}
    centers = lattice.centroids(np.arange(len(numbers)))
    assert (numbers[np.linalg.norm(centers - (10.5, 10.5, 16.5), axis=1) < 2.0] == 2).all()
    assert (numbers[np.linalg.norm(centers - (10.5, 10.5, 6.5), axis=1) < 2.0] == 1).all()
    assert give_specks_away(lattice, numbers) == {}


def test_a_second_piece_of_some_size_stays(voxels: np.ndarray) -> None:
    voxels[8:14, 8:14, 15:18] = 1
    shares, lattice = shares_in(voxels)
    numbers = strongest_labels(lattice, shares)
    before = part_of(lattice, numbers, 1)
    give_specks_away(lattice, numbers)
    assert part_of(lattice, numbers, 1) == before


def test_thin_parts_are_those_of_less_than_three_voxels(voxels: np.ndarray) -> None:
    voxels[12, 8:16, 12:20] = 1
    voxels[12, 12, 3] = 1  # noise
    thin = thin_parts(sitk.GetImageFromArray(voxels))
    assert thin[12, 9:15, 14:19].all()
    assert not thin[6:18, 6:18, 6:10].any()
    assert not thin[12, 12, 3]
