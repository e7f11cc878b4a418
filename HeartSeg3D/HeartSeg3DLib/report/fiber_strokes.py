"""Short raised strokes along the fibers of a surface, evenly spread, as triangles."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.report.fiber_surface import FiberSurface

_STEP_MM, _STEPS = 0.7, 7
"""Strokes go so many steps to either side of their middle."""

_APART_MM, _SHORTEST_MM = 1.15, 3.0
_WIDTH_MM, _HEIGHT_MM, _GROUND_MM = 0.95, 0.4, 0.15
_STRAIGHTEST_COSINE = 0.6
"""A stroke ends where the fibers turn more sharply from one step to the next."""

_AREA_A_SEED_MM2 = 2.0
_SHADES = 0.16
"""Strokes differ in lightness by this part, so that the eye can follow one."""

_PROFILE = ((-1.0, 0.0), (-0.45, 1.0), (0.45, 1.0), (1.0, 0.0))
"""Cross-section of a stroke: parts of half its width and of its height."""

Vectors = NDArray[np.float64]


@dataclass(frozen=True)
class Strokes:
    """Triangles of strokes.

    Attributes:
        corners: (T, 3, 3) mm.
        helix: (T,) helix angle in degrees.
        shade: (T,) factor of lightness.
        normals: (T, 3) of the surface below.
    """

    corners: NDArray[np.float64]
    helix: NDArray[np.float64]
    shade: NDArray[np.float64]
    normals: Vectors


def strokes_on(surface: FiberSurface, seed: int = 0) -> Strokes:
    """Cover a surface with strokes; the same seed gives the same strokes."""
    random = np.random.default_rng(seed)
    count = min(len(surface.areas), int(surface.areas.sum() / _AREA_A_SEED_MM2))
    if not count:
        return Strokes(np.empty((0, 3, 3)), np.empty(0), np.empty(0), np.empty((0, 3)))
    seeds = random.choice(len(surface.areas), count, replace=False, p=surface.areas / surface.areas.sum())
    lines = _spread(_traced(surface, seeds))
    shades = 1.0 + _SHADES * (random.random(len(lines)) - 0.5)
    parts = [_stroke(surface, line, float(shade)) for line, shade in zip(lines, shades, strict=True)]
    return Strokes(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _traced(surface: FiberSurface, seeds: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return places (n, 2 steps + 1, 3) along the fibers through some triangles; no number beyond a line's end."""
    reach = 2.0 * float(np.sqrt(np.median(surface.areas)))
    ways = []
    for sign in (-1.0, 1.0):
        place, nearest, ahead = surface.centers[seeds], seeds, sign * surface.directions[seeds]
        alive, passed = np.ones(len(seeds), bool), []
        for _ in range(_STEPS):
            found = surface.directions[nearest]
            cosine = np.einsum("ij,ij->i", found, ahead)
            alive &= np.abs(cosine) > _STRAIGHTEST_COSINE
            ahead = np.where((cosine < 0.0)[:, None], -found, found)
            place = place + _STEP_MM * ahead
            distance, nearest = surface.tree.query(place)
            above = np.einsum("ij,ij->i", place - surface.centers[nearest], surface.normals[nearest])
            place = place - above[:, None] * surface.normals[nearest]
            alive &= distance < reach
            passed.append(np.where(alive[:, None], place, np.nan))
        ways.append(np.stack(passed, axis=1))
    return np.concatenate([ways[0][:, ::-1], surface.centers[seeds][:, None], ways[1]], axis=1)


def _spread(lines: NDArray[np.float64]) -> list[Vectors]:
    """Return the lines, or what is free around their middle, in the order given: each keeps others at a distance."""
    cells = np.floor(np.nan_to_num(lines, nan=0.0) / _APART_MM).astype(int)
    exists = np.isfinite(lines[..., 0])
    around = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    taken: set[tuple[int, ...]] = set()
    kept = []
    for line, cell, there in zip(lines, cells, exists, strict=True):
        keys = [tuple(key) for key in cell.tolist()]
        free = [bool(exist) and key not in taken for exist, key in zip(there, keys, strict=True)]
        start = stop = _STEPS
        if not free[_STEPS]:
            continue
        while start > 0 and free[start - 1]:
            start -= 1
        while stop < len(line) - 1 and free[stop + 1]:
            stop += 1
        if (stop - start) * _STEP_MM >= _SHORTEST_MM:
            kept.append(line[start : stop + 1])
            beside = np.unique(cell[start : stop + 1], axis=0)[:, None] + around
            taken.update(map(tuple, beside.reshape(-1, 3).tolist()))
    return kept


def _stroke(
    surface: FiberSurface, line: Vectors, shade: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], Vectors]:
    """Return corners, helix angles, shades and normals of the triangles of one stroke, thick in its middle."""
    nearest = surface.tree.query(line)[1]
    normal, helix = surface.normals[nearest], surface.helix[nearest]
    along = np.gradient(line, axis=0)
    side = np.cross(normal, along)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), np.finfo(float).tiny)
    thick = np.sqrt(1.0 - np.linspace(-0.98, 0.98, len(line)) ** 4)[:, None]
    rails = [line + normal * (_GROUND_MM + up * _HEIGHT_MM * thick) + side * (out * 0.5 * _WIDTH_MM * thick)
             for out, up in _PROFILE]
    corners = [np.stack(triangle, axis=1) for one, other in pairwise(rails)
               for triangle in ((one[:-1], other[:-1], other[1:]), (one[:-1], other[1:], one[1:]))]
    copies = len(corners)
    return (np.concatenate(corners), np.tile(helix[:-1], copies),
            np.full(copies * (len(line) - 1), shade), np.tile(normal[:-1], (copies, 1)))
