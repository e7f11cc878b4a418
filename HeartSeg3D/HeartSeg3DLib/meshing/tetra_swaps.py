"""Takes edges out of structures: tetrahedra around one become others that fan out from a node of the ring around it.

Where nodes cannot move any farther without making a tetrahedron flat, other edges between them often still do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .mesh import OUTSIDE
from .tetra_shape import shapes

Points = NDArray[np.float64]
Rows = NDArray[np.intp]
Tetrahedra = NDArray[np.int32]
Labels = NDArray[np.uint8]
Quality = NDArray[np.float32]

_MOST_AROUND = 6
"""Tetrahedra around an edge that is looked at; around more, hardly any fan is good."""

_POOR = 0.8
"""Scaled Jacobian from which on a tetrahedron's edges stay. From 0.5 to 0.7 the mean of a heart gained 0.001."""

_LEAST_GAIN = 0.02
"""Gain for which an edge goes: of the worst tetrahedron's scaled Jacobian and of the mean's, added up."""

_CHUNK = 32_768
"""Edges at a time: 40 MB."""

_EDGES = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])


@dataclass(frozen=True)
class _Fans:
    """What would take the place of the tetrahedra around some edges, n around each.

    Attributes:
        rows: (E, n) tetrahedra around each edge.
        made: (E, 2n - 4, 4) the best fan.
        gain: (E,) by how much it is better; not positive where the edge stays.
    """

    rows: Rows
    made: Tetrahedra
    gain: Quality

    def of(self, chosen: NDArray[np.bool_]) -> _Fans:
        return _Fans(self.rows[chosen], self.made[chosen], self.gain[chosen])


def remove_poor_edges(
    points: Points, tetrahedra: Tetrahedra, labels: Labels, on_wall: NDArray[np.bool_], quality: Quality,
    tick: Callable[[], None] = lambda: None,
) -> tuple[Tetrahedra, Labels]:
    """Return tetrahedra and labels without edges around which other tetrahedra are better.

    Nodes and walls stay, the worst tetrahedron around an edge gets no worse, and none loses its last inner node. Of
    edges at one tetrahedron one goes at most, so that a second round finds more.

    Args:
        points: (N, 3) in mm.
        tetrahedra: (K, 4) of positive volume, with a layer of `OUTSIDE` around structures.
        labels: (K,) of the tetrahedra.
        on_wall: (N,) whether a node lies on a wall.
        quality: (K,) scaled Jacobians.
        tick: Called often.
    """
    poor = np.flatnonzero((quality < _POOR) & (labels != OUTSIDE))
    fans = []
    for rows, ends in _rings(tetrahedra, labels, poor):
        fan = _best_fans(points, tetrahedra, on_wall, quality, rows, ends)
        fans.append(fan.of(fan.gain > 0.0))
        tick()
    most = np.zeros(len(tetrahedra), np.float32)
    for fan in fans:
        np.maximum.at(most, fan.rows, fan.gain[:, None])
    gone, made, kinds = np.zeros(len(tetrahedra), bool), [], []
    for fan in fans:
        fan = fan.of((most[fan.rows] == fan.gain[:, None]).all(axis=1))
        fan = fan.of(_apart(fan.rows, gone))
        gone[fan.rows] = True
        made.append(fan.made.reshape(-1, 4))
        kinds.append(np.repeat(labels[fan.rows[:, 0]], fan.made.shape[1]))
    return np.concatenate([tetrahedra[~gone], *made]), np.concatenate([labels[~gone], *kinds])


def _apart(rows: Rows, gone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of some rings (E, n) share no tetrahedron with one before them or one that is gone."""
    order = np.arange(len(rows))
    first = np.full(len(gone), len(rows))
    np.minimum.at(first, rows, order[:, None])
    return (first[rows] == order[:, None]).all(axis=1) & ~gone[rows].any(axis=1)


def _rings(tetrahedra: Tetrahedra, labels: Labels, wanted: Rows) -> Iterator[tuple[Rows, Tetrahedra]]:
    """Yield the tetrahedra (E, n) around edges of some that lie inside of a structure, and their ends (E, 2)."""
    if not len(wanted):
        return
    count = int(tetrahedra.max()) + 1
    edges = np.unique(_keys(tetrahedra[wanted], count))
    marked = np.zeros(count, bool)
    marked[tetrahedra[wanted]] = True
    near = np.flatnonzero(np.add.reduce([marked[corners].view(np.int8) for corners in tetrahedra.T]) >= 2)
    around, edge = [], []
    for start in range(0, len(near), _CHUNK):
        part = near[start : start + _CHUNK]
        keys = _keys(tetrahedra[part], count)
        place = np.minimum(np.searchsorted(edges, keys), len(edges) - 1)
        row, member = np.nonzero(edges[place] == keys)
        around.append(part[row])
        edge.append(place[row, member])
    at = np.concatenate(edge)
    beside, number = np.concatenate(around)[np.argsort(at, kind="stable")], np.bincount(at, minlength=len(edges))
    first = np.cumsum(number) - number
    for size in range(3, _MOST_AROUND + 1):
        of_size = np.flatnonzero(number == size)
        for start in range(0, len(of_size), _CHUNK):
            which = of_size[start : start + _CHUNK]
            rows = beside[first[which, None] + np.arange(size)]
            inside = (labels[rows] == labels[rows[:, :1]]).all(axis=1) & (labels[rows[:, 0]] != OUTSIDE)
            ends = np.stack([edges[which] // count, edges[which] % count], axis=1).astype(np.int32)
            yield rows[inside], ends[inside]


def _best_fans(
    points: Points, tetrahedra: Tetrahedra, on_wall: NDArray[np.bool_], quality: Quality, rows: Rows, ends: Tetrahedra
) -> _Fans:
    """Return for each ring the fan, from one of its nodes to all that does not touch it, with the best worst member."""
    size = rows.shape[1]
    corners, (one, other) = tetrahedra[rows], ends.T[..., None, None]
    ring = np.sort(corners[(corners != one) & (corners != other)].reshape(len(rows), 2 * size), axis=1)[:, ::2]
    old = quality[rows]
    best, worst = np.zeros((len(rows), 2 * size - 4, 4), np.int32), old.min(axis=1)
    gain = np.full(len(rows), -1.0, np.float32)
    for pivot in ring.T[..., None, None]:
        order = np.argsort((corners == pivot).any(axis=2), axis=1, kind="stable")[:, : size - 2, None]
        away = np.take_along_axis(corners, order, axis=1)
        made = np.concatenate([np.where(away == end, pivot, away) for end in (one, other)], axis=1)
        free = np.flatnonzero(~on_wall[made].all(axis=2).any(axis=1))
        new = shapes(points, made[free].reshape(-1, 4))[0].reshape(-1, 2 * size - 4)
        better = new.min(axis=1) > worst[free]
        which, new = free[better], new[better]
        best[which], worst[which] = made[which], new.min(axis=1)
        gain[which] = worst[which] - old[which].min(axis=1) + new.mean(axis=1) - old[which].mean(axis=1)
    return _Fans(rows, best, np.where(gain > _LEAST_GAIN, gain, np.float32(0.0)))


def _keys(tetrahedra: Tetrahedra, count: int) -> NDArray[np.int64]:
    """Return one number (K, 6) for each edge."""
    ends = tetrahedra[:, _EDGES].astype(np.int64)
    return ends.min(axis=2) * count + ends.max(axis=2)
