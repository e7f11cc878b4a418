"""Gives the tetrahedra of a lattice their labels: the strongest at their place, walls smooth, no specks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.csgraph import connected_components

from .lattice import KINDS, Lattice, Numbers
from .mesh import OUTSIDE
from .tetra_shares import Shares

Labels = NDArray[np.uint8]
Tick = Callable[[], None]

_SMOOTHING_ROUNDS = 28
_TIES_UNTIL = 24
"""On a heart at 2 mm, 24 rounds with ties leave 7000 tetrahedra without an inner node of 17 500."""

_LARGEST_LOSS, _LOSS_OF_THIN = 0.6, 0.1
"""Share by which a tetrahedron's place may belong less to its new label than to the strongest one there, in general and
where that one is thin. Without limits smoothing eats thin walls and sharp rims; with lower ones wrinkles stay."""

_FEWEST_THIN = 4
"""Voxels that thin parts have at least: smaller ones are noise."""

_SPECK = 0.01
"""A piece of less than this part of its structure is an island that sampling left."""


def strongest_labels(lattice: Lattice, shares: Shares, tick: Tick = lambda: None) -> Labels:
    """Return the number of the label with the largest share at the centroid of each tetrahedron, (12 * cells,)."""
    numbers = np.zeros((KINDS, *lattice.shape), np.uint8)
    for kind in range(KINDS):
        parts = shares.on_grid(lattice.grid_axes(kind))
        best = np.ones(lattice.shape, np.float32)
        for part, values in parts:
            best[part] -= values
        for number, (part, values) in enumerate(parts, 1):
            stronger = values > best[part]
            best[part][stronger] = values[stronger]
            numbers[kind][part][stronger] = number
        tick()
    return numbers.ravel()


def smooth_walls(lattice: Lattice, numbers: Labels, shares: Shares, tick: Tick = lambda: None) -> int:
    """Flatten the walls between labels, in place: hand over tetrahedra that stick out of their structure.

    A tetrahedron goes to the structure behind at least two of its faces where no more of them lie in its own. Unless it
    is a spike it does not go to one that is too far away. Of ties chance takes half in each round, so that wrinkles
    wander until they meet and vanish.

    Returns:
        How many tetrahedra changed, counting repeated changes.
    """
    chance = np.random.default_rng(0)
    tetrahedra = _near_walls(lattice, numbers)
    points = lattice.centroids(tetrahedra)
    share = _shares_at(points, shares, tick)
    thin = _at_voxels(thin_parts(shares.structures.image), points / shares.voxel_mm)
    least = share.max(axis=1) - np.where(thin, _LOSS_OF_THIN, _LARGEST_LOSS)
    changed = 0
    for turn in range(_SMOOTHING_ROUNDS):
        own, beside = numbers[tetrahedra], numbers[lattice.neighbors(tetrahedra)]
        kept = (beside == own[:, None]).sum(axis=1)
        rows = np.flatnonzero(kept <= 2)
        other, faces = _strongest_neighbor(own[rows], beside[rows])
        moves = (faces >= 2) & (faces > kept[rows])
        if turn < _TIES_UNTIL:
            moves |= (faces >= 2) & (faces == kept[rows])
            moves &= chance.random(len(moves)) < 0.5
        spike = kept[rows] <= np.where(thin[rows], 0, 1)
        moves &= spike | (share[rows, other] >= least[rows])
        numbers[tetrahedra[rows[moves]]] = other[moves]
        changed += int(moves.sum())
        tick()
    return changed


def give_specks_away(lattice: Lattice, numbers: Labels) -> dict[int, int]:
    """Give small pieces of structures, and the outside enclosed in small holes, to what is around them, in place.

    Returns:
        How many tetrahedra each label lost that had specks, by its number.
    """
    tetrahedra = _near_walls(lattice, numbers)
    own, beside = numbers[tetrahedra], lattice.neighbors(tetrahedra)
    alike = numbers[beside] == own[:, None]
    place = np.minimum(np.searchsorted(tetrahedra, beside), max(len(tetrahedra) - 1, 0))
    near = tetrahedra[place] == beside
    row, face = np.nonzero(alike & near)
    links = sparse.coo_array((np.ones(len(row), np.int8), (row, place[row, face])), shape=(len(tetrahedra),) * 2)
    count, piece = connected_components(links, directed=False)
    size = np.bincount(piece, minlength=count)
    # A piece that reaches away from walls is no speck; the others lie near walls as a whole.
    size[piece[(alike & ~near).any(axis=1)]] = len(numbers)
    label_of = np.zeros(count, np.uint8)
    label_of[piece] = own
    wholes = np.bincount(numbers).astype(np.float64)
    wholes[OUTSIDE] = wholes[OUTSIDE + 1 :].sum()
    loose = tetrahedra[(size < _SPECK * wholes[label_of])[piece]]
    lost = np.bincount(numbers[loose])
    _give_away(lattice, numbers, loose)
    return {number: int(count) for number, count in enumerate(lost) if count}


def _give_away(lattice: Lattice, numbers: Labels, loose: Numbers) -> None:
    """Hand tetrahedra to the commonest label behind their faces, in place, from outside inward."""
    waiting = np.zeros(len(numbers), bool)
    waiting[loose] = True
    while len(loose):
        beside = lattice.neighbors(loose)
        settled = ~waiting[beside]
        reached = settled.any(axis=1)
        alike = (numbers[beside][:, :, None] == numbers[beside][:, None, :]) & settled[:, None, :]
        votes = np.where(settled, alike.sum(axis=2), 0)[reached]
        taker = np.take_along_axis(numbers[beside[reached]], votes.argmax(axis=1)[:, None], axis=1)[:, 0]
        numbers[loose[reached]] = taker
        waiting[loose[reached]] = False
        loose = loose[~reached]


def _near_walls(lattice: Lattice, numbers: Labels) -> Numbers:
    """Return the tetrahedra around vertices at which labels meet, ascending."""
    marked = np.zeros(len(numbers), bool)
    marked[lattice.stars(lattice.mixed_vertices(numbers))] = True
    return np.flatnonzero(marked)


def thin_parts(labels: sitk.Image) -> NDArray[np.bool_]:
    """Return the voxels (z, y, x) of sheets, rods and rims that are less than three voxels thick."""
    voxels = sitk.GetArrayViewFromImage(labels)
    thin = np.zeros(voxels.shape, bool)
    for value, box in enumerate(ndimage.find_objects(voxels), 1):
        if box is None:
            continue
        mask = np.pad(voxels[box] == value, 1)
        parts, _ = ndimage.label(mask & ~ndimage.binary_opening(mask), np.ones((3, 3, 3)))
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        thin[box] |= (sizes >= _FEWEST_THIN)[parts][1:-1, 1:-1, 1:-1]
    return thin


def _at_voxels(volume: NDArray[np.bool_], places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return what a volume (z, y, x) has at the voxels nearest to places (N, 3)."""
    nearest = np.clip(np.rint(places).astype(np.intp), 0, np.array(volume.shape) - 1)
    return volume[tuple(nearest.T)]


def _shares_at(points: NDArray[np.float64], shares: Shares, tick: Tick) -> NDArray[np.float32]:
    """Return the shares (N, L) of all labels at points (N, 3)."""
    table = np.empty((len(points), shares.count), np.float32)
    for number in range(shares.count):
        table[:, number] = shares.at(points, number)
        tick()
    return table


def _strongest_neighbor(own: Labels, beside: Labels) -> tuple[Labels, NDArray[np.int64]]:
    """Return the commonest other label behind the four faces (K, 4) of tetrahedra, and behind how many it is."""
    counts = (beside[:, :, None] == beside[:, None, :]).sum(axis=2)
    counts[beside == own[:, None]] = 0
    face = counts.argmax(axis=1)
    rows = np.arange(len(own))
    return beside[rows, face], counts[rows, face]
