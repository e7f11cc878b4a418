"""Makes the structures of a labeled lattice manifolds: nowhere does one touch itself only along an edge or at a point.

The tetrahedra around a vertex cut a sphere into 24 triangles. A structure's surface is a manifold at the vertex exactly
if its triangles hang together by their edges and so do all the others: then one closed line lies between them. Where
any two labels on the sphere touch along an edge, too, this holds for structures taken together in any choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckError
from .lattice import STAR, Lattice, Numbers

Bits = NDArray[np.int32]

_ALL = (1 << STAR) - 1
_HALF = 12
_COUNTS = np.array([bin(half).count("1") for half in range(1 << _HALF)])
_ROUNDS = 400
"""Random labels need 90, hearts 25; the last ones look at a few stars each."""

_QUIET_ROUNDS, _ACTIVE = 4, 0.6
"""After these rounds a part of the defects wait in each, picked by chance."""

_GENTLE_ROUNDS = 12
"""After these rounds a whole star takes one label, so that small changes cannot undo each other for ever."""

_SMOOTHING_ROUNDS = 28
_TIES_UNTIL = 24
"""On a heart at 2 mm, 24 rounds with ties leave 7000 tetrahedra without an inner node of 17 500."""


class _Star:
    """Connections on the sphere around one type of vertex, as sets of 24 bits."""

    def __init__(self, links: NDArray[np.intp]) -> None:
        neighbors = np.array([sum(1 << int(other) for other in row) for row in links], np.int32)
        halves = np.arange(1 << _HALF)
        self._low, self._high = np.zeros(len(halves), np.int32), np.zeros(len(halves), np.int32)
        for place in range(_HALF):
            has = (halves >> place) & 1 == 1
            self._low[has] |= neighbors[place]
            self._high[has] |= neighbors[place + _HALF]

    def around(self, bits: Bits) -> Bits:
        """Return the triangles next to those of a set."""
        return self._low[bits & ((1 << _HALF) - 1)] | self._high[bits >> _HALF]

    def first_part(self, bits: Bits) -> Bits:
        """Return the connected part of each set that holds its lowest triangle."""
        part = bits & -bits
        while True:
            grown = (part | self.around(part)) & bits
            if np.array_equal(grown, part):
                return part
            part = grown


def repair_lattice(lattice: Lattice, numbers: NDArray[np.uint8]) -> int:
    """Change labels of tetrahedra, in place, until every union of structures, and the outside, is a manifold.

    Args:
        lattice: The lattice.
        numbers: (12 * cells,) label number of each tetrahedron, 0 outside.

    Returns:
        How many tetrahedra changed, counting repeated changes.

    Raises:
        CheckError: Defects are left.
    """
    chance = np.random.default_rng(0)
    stars = [_Star(links) for links in lattice.star_links]
    suspects, changed = lattice.mixed_vertices(numbers), 0
    for turn in range(_ROUNDS):
        mended = [_mend(lattice, numbers, vertices, star, turn, chance)
                  for star, vertices in zip(stars, _by_type(lattice, suspects), strict=True)]
        defective = np.concatenate([vertices for vertices, _ in mended])
        if not len(defective):
            return changed
        tetrahedra = np.unique(np.concatenate([touched for _, touched in mended]))
        changed += len(tetrahedra)
        suspects = np.union1d(defective, lattice.corners(tetrahedra))
    raise CheckError("The structures could not be cut into tetrahedra without touching themselves.",
                     "Choose a shorter edge, or smooth the segmentation.")


def smooth_walls(lattice: Lattice, numbers: NDArray[np.uint8]) -> int:
    """Flatten the walls between labels, in place: hand over tetrahedra that stick out of their structure.

    A tetrahedron goes to the structure behind at least two of its faces where no more of them lie in its own. Of ties
    chance takes half in each round, so that wrinkles wander until they meet and vanish.

    Returns:
        How many tetrahedra changed, counting repeated changes.
    """
    chance = np.random.default_rng(0)
    tetrahedra = np.unique(lattice.stars(lattice.mixed_vertices(numbers)))
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
        numbers[tetrahedra[rows[moves]]] = other[moves]
        changed += int(moves.sum())
    return changed


def _strongest_neighbor(
    own: NDArray[np.uint8], beside: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the commonest other label behind the four faces (K, 4) of tetrahedra, and behind how many it is."""
    counts = (beside[:, :, None] == beside[:, None, :]).sum(axis=2)
    counts[beside == own[:, None]] = 0
    face = counts.argmax(axis=1)
    rows = np.arange(len(own))
    return beside[rows, face], counts[rows, face]


def _by_type(lattice: Lattice, vertices: Numbers) -> tuple[Numbers, Numbers]:
    center = vertices >= lattice.cells
    return vertices[~center], vertices[center]


def _mend(
    lattice: Lattice, numbers: NDArray[np.uint8], vertices: Numbers, star: _Star, turn: int,
    chance: np.random.Generator,
) -> tuple[Numbers, Numbers]:
    """Change labels around defective vertices of one type, in place; return these vertices and tetrahedra changed."""
    around = lattice.stars(vertices)
    labels = numbers[around]
    defective, changed = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for own in _unions(labels):
        rows = np.flatnonzero((own != 0) & (own != _ALL))
        own = own[rows]
        part, rest = star.first_part(own), star.first_part(_ALL ^ own)
        broken, cut = part != own, rest != _ALL ^ own
        bad = broken | cut
        defective.append(vertices[rows[bad]])
        if turn >= _QUIET_ROUNDS:  # neighbors that change at once can undo each other
            bad &= chance.random(len(bad)) < _ACTIVE
        rows, own, part, rest = rows[bad], own[bad], part[bad], rest[bad]
        give = _smaller(part, own ^ part, broken[bad])
        take = _smaller(rest, (_ALL ^ own) ^ rest, cut[bad])
        takes = _count(take) + chance.random(len(take)) < _count(give) + 0.5
        moved = np.where(takes, take, give)
        target = _commonest(labels[rows], _unpack(star.around(moved) & np.where(takes, own, _ALL ^ own)))
        if turn >= _GENTLE_ROUNDS:
            moved = np.full_like(moved, _ALL)
            target = labels[rows, chance.integers(0, STAR, len(rows))]
        place, member = np.nonzero(_unpack(moved))
        tetrahedra = around[rows[place], member]
        numbers[tetrahedra] = target[place]
        changed.append(tetrahedra)
    return np.unique(np.concatenate(defective)), np.concatenate(changed)


def _unions(labels: NDArray[np.uint8]) -> Iterator[Bits]:
    """Yield the members (N,) of each label in stars (N, 24), and of every two in stars with four labels or more.

    With three, two labels are what is left of the third.
    """
    members = {int(number): _pack(labels == number) for number in np.unique(labels)}
    several = np.add.reduce([bits != 0 for bits in members.values()], dtype=np.int8) >= 4
    yield from members.values()
    for one, other in combinations(members.values(), 2):
        yield np.where(several & (one != 0) & (other != 0), one | other, 0)


def _smaller(first: Bits, second: Bits, exists: NDArray[np.bool_]) -> Bits:
    """Return the smaller of two sets, or all where there is no defect to mend this way."""
    smaller = np.where(_count(first) <= _count(second), first, second)
    return np.where(exists, smaller, _ALL).astype(np.int32)


def _commonest(labels: NDArray[np.uint8], among: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the commonest label of each row among its marked members; where none is marked, its first."""
    best, most = labels[:, 0].copy(), np.zeros(len(labels), np.int64)
    for number in np.unique(labels):
        count = ((labels == number) & among).sum(axis=1)
        more = count > most
        best[more], most[more] = number, count[more]
    return best


def _count(bits: Bits) -> NDArray[np.int64]:
    """Return how many members each set has."""
    return _COUNTS[bits & ((1 << _HALF) - 1)] + _COUNTS[bits >> _HALF]


def _pack(members: NDArray[np.bool_]) -> Bits:
    """Return sets of 24 bits from rows (N, 24)."""
    octets = np.packbits(members, axis=1, bitorder="little").astype(np.int32)
    return octets[:, 0] | octets[:, 1] << 8 | octets[:, 2] << 16


def _unpack(bits: Bits) -> NDArray[np.bool_]:
    return (bits[:, None] >> np.arange(STAR)) & 1 == 1
