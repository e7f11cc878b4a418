"""Makes the structures of a labeled lattice manifolds: nowhere does one touch itself only along an edge or at a point.

The tetrahedra around a vertex cut a sphere into 24 triangles. A structure's surface is a manifold at the vertex exactly
if its triangles hang together by their edges and so do all the others: then one closed line lies between them. Where
any two labels on the sphere touch along an edge, too, this holds for structures taken together in any choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckError
from .lattice import STAR, Lattice, Numbers

Bits = NDArray[np.int32]
Labels = NDArray[np.uint8]
Belonging = Callable[[Numbers, Labels], NDArray[np.floating]]
"""How much tetrahedra (n,) belong to labels (n,): 0 to 1."""

_ALL = (1 << STAR) - 1
_HALF = 12
_ROUNDS = 400
"""Random labels need 90, hearts 25; the last ones look at a few stars each."""

_QUIET_ROUNDS, _ACTIVE = 4, 0.6
"""After these rounds a part of the defects wait in each, picked by chance."""

_EACH = 0.3
"""Cost of changing a tetrahedron that belongs to its new label as much as to its old one."""

_NOISE, _LOUDEST = 0.5, 20.0
"""Chance takes part in the choice, more in each round, so that changes cannot undo each other for ever."""


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


def repair_lattice(
    lattice: Lattice, numbers: Labels, belonging: Belonging = lambda tetrahedra, _: np.zeros(len(tetrahedra)),
    tick: Callable[[], None] = lambda: None,
) -> int:
    """Change labels of tetrahedra, in place, until every union of structures, and the outside, is a manifold.

    Args:
        lattice: The lattice.
        numbers: (12 * cells,) label number of each tetrahedron, 0 outside.
        belonging: Tells how much tetrahedra belong to labels; what is lost the least is changed.
        tick: Called in every round.

    Returns:
        How many tetrahedra changed, counting repeated changes.

    Raises:
        CheckError: Defects are left.
    """
    chance = np.random.default_rng(0)
    stars = [_Star(links) for links in lattice.star_links]
    suspects, changed = lattice.mixed_vertices(numbers), 0
    for turn in range(_ROUNDS):
        tick()
        mended = [_mend(lattice, numbers, vertices, star, belonging, turn, chance)
                  for star, vertices in zip(stars, _by_type(lattice, suspects), strict=True)]
        defective = np.concatenate([vertices for vertices, _ in mended])
        if not len(defective):
            return changed
        tetrahedra = np.unique(np.concatenate([touched for _, touched in mended]))
        changed += len(tetrahedra)
        suspects = np.union1d(defective, lattice.corners(tetrahedra))
    raise CheckError("The structures could not be cut into tetrahedra without touching themselves.",
                     "Choose a shorter edge, or smooth the segmentation.")


def _by_type(lattice: Lattice, vertices: Numbers) -> tuple[Numbers, Numbers]:
    center = vertices >= lattice.cells
    return vertices[~center], vertices[center]


def _mend(
    lattice: Lattice, numbers: Labels, vertices: Numbers, star: _Star, belonging: Belonging, turn: int,
    chance: np.random.Generator,
) -> tuple[Numbers, Numbers]:
    """Change labels around defective vertices of one type, in place; return these vertices and tetrahedra changed."""
    around = lattice.stars(vertices)
    labels = numbers[around]
    defective, changed = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for own in _unions(labels):
        rows = np.flatnonzero((own != 0) & (own != _ALL))
        own = own[rows]
        bad = (star.first_part(own) != own) | (star.first_part(_ALL ^ own) != _ALL ^ own)
        defective.append(vertices[rows[bad]])
        if turn >= _QUIET_ROUNDS:  # neighbors that change at once can undo each other
            bad &= chance.random(len(bad)) < _ACTIVE
        rows, own = rows[bad], own[bad]
        if not len(rows):
            continue
        moves = [_Move(lattice, star, around[rows], labels[rows], own, moved, belonging)
                 for moved in _movable(star, own)]
        noise = min(turn * _NOISE, _LOUDEST)
        costs = np.stack([move.costs + noise * chance.random(len(rows)) for move in moves])
        best = costs.argmin(axis=0)
        for which, move in enumerate(moves):
            place, member = np.nonzero(move.members & (best == which)[:, None])
            tetrahedra = around[rows[place], member]
            numbers[tetrahedra] = move.target[place]
            changed.append(tetrahedra)
    return np.unique(np.concatenate(defective)), np.concatenate(changed)


def _movable(star: _Star, own: Bits) -> list[Bits]:
    """Return the sets of which each mends a structure at a vertex: a part of it to give away, or one to take in."""
    part, rest = star.first_part(own), star.first_part(_ALL ^ own)
    return [part, own ^ part, rest, _ALL ^ own ^ rest]


class _Move:
    """Sets of tetrahedra around vertices that change their label together.

    Attributes:
        members: (N, 24) who changes.
        target: (N,) the new label: the commonest beside the set that mends the structure.
        costs: (N,) what is lost; infinite where the set is empty.
    """

    def __init__(self, lattice: Lattice, star: _Star, around: Numbers, labels: Labels, own: Bits, moved: Bits,
                 belonging: Belonging) -> None:
        side = np.where(moved & own, _ALL ^ own, own)
        self.members = _unpack(moved)
        self.target = _commonest(labels, _unpack(star.around(moved) & side))
        row, member = np.nonzero(self.members)
        tetrahedra = around[row, member]
        lost = _EACH + belonging(tetrahedra, labels[row, member]) - belonging(tetrahedra, self.target[row])
        self.costs = np.where(moved == 0, np.inf, np.bincount(row, lost, len(around)))


def _unions(labels: Labels) -> Iterator[Bits]:
    """Yield the members (N,) of each label in stars (N, 24), and of every two in stars with four labels or more.

    With three, two labels are what is left of the third.
    """
    members = {int(number): _pack(labels == number) for number in np.unique(labels)}
    several = np.add.reduce([bits != 0 for bits in members.values()], dtype=np.int8) >= 4
    yield from members.values()
    for one, other in combinations(members.values(), 2):
        yield np.where(several & (one != 0) & (other != 0), one | other, 0)


def _commonest(labels: Labels, among: NDArray[np.bool_]) -> Labels:
    """Return the commonest label of each row among its marked members; where none is marked, its first."""
    best, most = labels[:, 0].copy(), np.zeros(len(labels), np.int64)
    for number in np.unique(labels):
        count = ((labels == number) & among).sum(axis=1)
        more = count > most
        best[more], most[more] = number, count[more]
    return best


def _pack(members: NDArray[np.bool_]) -> Bits:
    """Return sets of 24 bits from rows (N, 24)."""
    octets = np.packbits(members, axis=1, bitorder="little").astype(np.int32)
    return octets[:, 0] | octets[:, 1] << 8 | octets[:, 2] << 16


def _unpack(bits: Bits) -> NDArray[np.bool_]:
    return (bits[:, None] >> np.arange(STAR)) & 1 == 1
