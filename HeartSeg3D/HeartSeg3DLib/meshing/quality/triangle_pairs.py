"""Whether two triangles meet, for many pairs at once: apart, at a shared corner, at a shared edge.

Arrays of triangles are (P, 3, 3): pair, corner, coordinate. Volumes below a share of the pair's size count as zero, and
what touches counts as meeting.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Triangles = NDArray[np.float64]
Points = NDArray[np.float64]
Mask = NDArray[np.bool_]

_FLAT = 1e-12
"""Share of the cube of a pair's size below which a volume is rounding."""

_LEVEL = 1e-8
"""The same for pairs that are judged as if they lay in one plane: out of it, signs of volumes would be rounding."""


def apart(first: Triangles, second: Triangles) -> Mask:
    """Tell which pairs without a shared vertex meet, (P,)."""
    meet = np.zeros(len(first), bool)
    near = np.flatnonzero(~_one_sided(_sides(first, second)) & ~_one_sided(_sides(second, first)))
    flat = _in_one_plane(first[near], second[near])
    level, crossing = near[flat], near[~flat]
    meet[level] = _level_meet(first[level], second[level])
    for moving, fixed in ((first[crossing], second[crossing]), (second[crossing], first[crossing])):
        for corner in range(3):
            meet[crossing] |= _edge_meets(moving[:, corner], moving[:, (corner + 1) % 3], fixed)
    return meet


def at_corner(first: Triangles, second: Triangles) -> Mask:
    """Tell which pairs meet beyond their shared vertex, corner 0 of both, (P,)."""
    meet, level = np.zeros(len(first), bool), np.ones(len(first), bool)
    for moving, fixed in ((first, second), (second, first)):
        a, b, c = fixed.transpose(1, 0, 2)
        heights = np.stack([_share(a, b, c, moving[:, corner]) for corner in (1, 2)])
        level &= (np.abs(heights) <= _LEVEL).all(axis=0)
        sides = np.where(np.abs(heights) <= _FLAT, 0.0, np.sign(heights))
        crossing = np.flatnonzero((sides[0] * sides[1] <= 0.0) & (sides[0] != sides[1]))
        meet[crossing] |= _passes_through(moving[crossing, 1], moving[crossing, 2], fixed[crossing])
    rows = np.flatnonzero(level)
    meet[rows] = _wedges_overlap(*_in_their_plane(first[rows], second[rows]))
    return meet


def opening(first: Triangles, second: Triangles) -> NDArray[np.float64]:
    """Return the angle in radians between pairs that share the edge opposite to corner 0 of both, (P,)."""
    edge = first[:, 2] - first[:, 1]
    edge = edge / np.maximum(np.linalg.norm(edge, axis=1, keepdims=True), np.finfo(float).tiny)
    arms = []
    for triangle in (first, second):
        arm = triangle[:, 0] - first[:, 1]
        arms.append(arm - edge * _dot(arm, edge)[:, None])
    return np.arctan2(np.linalg.norm(np.cross(arms[0], arms[1]), axis=1), _dot(arms[0], arms[1]))


def _volume(a: Points, b: Points, c: Points, d: Points, flat: float = _FLAT) -> NDArray[np.int8]:
    """Return the sign of the volume of tetrahedra, 0 where it is a smaller share of the cube of their size."""
    share = _share(a, b, c, d)
    return np.where(np.abs(share) <= flat, 0, np.sign(share)).astype(np.int8)


def _share(a: Points, b: Points, c: Points, d: Points) -> NDArray[np.float64]:
    """Return six times the volume of tetrahedra as a share of the cube of their size, (P,)."""
    (ux, uy, uz), (vx, vy, vz), (wx, wy, wz) = u, v, w = [np.ascontiguousarray((end - a).T) for end in (b, c, d)]
    volume = (uy * vz - uz * vy) * wx + (uz * vx - ux * vz) * wy + (ux * vy - uy * vx) * wz
    size = np.maximum(np.maximum(*(np.abs(edge).max(axis=0) for edge in (u, v))), np.abs(w).max(axis=0))
    return np.asarray(volume / np.maximum(size, np.finfo(float).tiny) ** 3)


def _sides(triangle: Triangles, of: Triangles, flat: float = _FLAT) -> NDArray[np.int8]:
    """Return on which side of the plane of `of` each corner of `triangle` lies, (P, 3)."""
    return np.stack([_volume(of[:, 0], of[:, 1], of[:, 2], triangle[:, corner], flat) for corner in range(3)], axis=1)


def _in_one_plane(first: Triangles, second: Triangles) -> Mask:
    return np.asarray((_sides(first, second, _LEVEL) == 0).all(axis=1))


def _one_sided(sides: NDArray[np.int8]) -> Mask:
    return np.asarray((sides > 0).all(axis=1) | (sides < 0).all(axis=1))


def _edge_meets(start: Points, end: Points, triangle: Triangles) -> Mask:
    """Tell which edges meet a triangle whose plane they cross; an edge within the plane is not judged."""
    a, b, c = triangle[:, 0], triangle[:, 1], triangle[:, 2]
    from_start, from_end = _volume(a, b, c, start), _volume(a, b, c, end)
    crosses = (from_start * from_end <= 0) & (from_start != from_end)
    meet = np.zeros(len(start), bool)
    meet[crosses] = _passes_through(start[crosses], end[crosses], triangle[crosses])
    return meet


def _passes_through(start: Points, end: Points, triangle: Triangles) -> Mask:
    """Tell which edges go through a triangle or touch it; they cross its plane."""
    a, b, c = triangle[:, 0], triangle[:, 1], triangle[:, 2]
    turns = np.stack([_volume(start, end, a, b), _volume(start, end, b, c), _volume(start, end, c, a)], axis=1)
    return np.asarray((turns >= 0).all(axis=1) | (turns <= 0).all(axis=1))


def _in_their_plane(first: Triangles, second: Triangles) -> tuple[Triangles, Triangles]:
    """Drop the coordinate along which the common plane is seen best: (P, 3, 2) each, both counter-clockwise."""
    normal = np.cross(second[:, 1] - second[:, 0], second[:, 2] - second[:, 0])
    kept = np.array([[1, 2], [0, 2], [0, 1]])[np.abs(normal).argmax(axis=1)]
    flat = []
    for triangle in (first, second):
        corners = np.take_along_axis(triangle, kept[:, None, :], axis=2)
        clockwise = _turn(corners[:, 0], corners[:, 1], corners[:, 2]) < 0
        corners[clockwise] = corners[clockwise][:, [0, 2, 1]]
        flat.append(corners)
    return flat[0], flat[1]


def _turn(a: Points, b: Points, c: Points) -> NDArray[np.float64]:
    u, v = b - a, c - a
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    size = np.maximum(np.abs(u).max(axis=1), np.abs(v).max(axis=1))
    return np.where(np.abs(area) <= _FLAT * size**2, 0.0, area)


def _level_meet(first: Triangles, second: Triangles) -> Mask:
    """Tell which triangles in one plane meet: no edge of either has the other entirely on its outer side."""
    one, other = _in_their_plane(first, second)
    separated = np.zeros(len(one), bool)
    for fixed, moving in ((one, other), (other, one)):
        for corner in range(3):
            outside = [_turn(fixed[:, corner], fixed[:, (corner + 1) % 3], moving[:, place]) < 0 for place in range(3)]
            separated |= np.all(outside, axis=0)
    return ~separated


def _wedges_overlap(one: Triangles, other: Triangles) -> Mask:
    """Tell which triangles in one plane, counter-clockwise from their shared corner 0, overlap: their angles do."""
    center = one[:, 0]
    arms = [np.arctan2(*(triangle[:, corner] - center).T[::-1]) for triangle in (one, other) for corner in (1, 2)]
    width_one, width_other, shift = ((arms[high] - arms[low]) % (2 * np.pi) for low, high in ((0, 1), (2, 3), (0, 2)))
    tolerance = 1e-9
    return (shift < width_one - tolerance) | (2 * np.pi - shift < width_other - tolerance)


def _dot(u: Points, v: Points) -> NDArray[np.float64]:
    return np.einsum("ij,ij->i", u, v)
