"""How well triangles and tetrahedra are shaped.

The scaled Jacobian is 1 for the regular element, 0 for a flat one and negative for one turned inside out (Knupp 2000,
SIAM J. Sci. Comput. 22:193, as in VTK's quality filters).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FLAT = 1e9
"""Aspect ratio of what is flat."""

_TINY = np.finfo(np.float64).tiny
_EDGES = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
_EDGES_AT_CORNER = np.array([[0, 1, 2], [0, 3, 4], [1, 3, 5], [2, 4, 5]])
_CHUNK = 500_000
"""Tetrahedra measured at a time: about 200 MB."""


@dataclass(frozen=True)
class Spread:
    """Smallest value, low percentiles, mean and largest value of a figure."""

    minimum: float
    percentile_0_1: float
    percentile_1: float
    mean: float
    maximum: float


def spread(values: NDArray[np.floating]) -> Spread:
    """Summarize at least one value."""
    low = np.percentile(values, [0.1, 1.0])
    return Spread(float(values.min()), float(low[0]), float(low[1]), float(values.mean()), float(values.max()))


def triangle_edges(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the lengths (M, 3) of the edges of triangles given by their corners (M, 3, 3)."""
    return np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)


def triangle_areas(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the areas (M,) of triangles given by their corners (M, 3, 3)."""
    return 0.5 * np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)


def triangle_scaled_jacobians(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smallest sine of an angle over that of 60 degrees, (M,), of triangles given by corners (M, 3, 3)."""
    edges = np.sort(triangle_edges(corners), axis=1)
    return 4.0 / np.sqrt(3.0) * triangle_areas(corners) / np.maximum(edges[:, 1] * edges[:, 2], _TINY)


def smallest_angles(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smallest angle in degrees, (M,), of triangles given by corners (M, 3, 3)."""
    short, middle, long = np.sort(triangle_edges(corners), axis=1).T
    cosine = (middle**2 + long**2 - short**2) / np.maximum(2.0 * middle * long, _TINY)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))


def triangle_aspect_ratios(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the longest edge over the inscribed circle's radius, (M,), of triangles given by corners (M, 3, 3).

    It is 1 for the regular one, and at most `FLAT`.
    """
    edges = triangle_edges(corners)
    return _ratio(edges.max(axis=1) * edges.sum(axis=1), 4.0 * np.sqrt(3.0) * triangle_areas(corners))


def _ratio(length: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.float64]:
    return length / np.maximum(np.maximum(radius, length / FLAT), _TINY)


@dataclass(frozen=True)
class TetrahedronShapes:
    """Measures of each tetrahedron.

    Attributes:
        volumes: In mm³.
        scaled_jacobians: 1 for the regular one.
        aspect_ratios: Longest edge over the inscribed ball's radius, 1 for the regular one, at most `FLAT`.
        smallest_dihedrals, largest_dihedrals: In degrees.
        edges: Mean edge in mm.
    """

    volumes: NDArray[np.float64]
    scaled_jacobians: NDArray[np.float64]
    aspect_ratios: NDArray[np.float64]
    smallest_dihedrals: NDArray[np.float64]
    largest_dihedrals: NDArray[np.float64]
    edges: NDArray[np.float64]


def tetrahedron_shapes(points: NDArray[np.floating], tetrahedra: NDArray[np.integer]) -> TetrahedronShapes:
    """Measure tetrahedra (K, 4) over points (N, 3) in mm."""
    parts = [
        _measure(np.asarray(points[tetrahedra[start : start + _CHUNK]], np.float64))
        for start in range(0, len(tetrahedra), _CHUNK)
    ]
    return TetrahedronShapes(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _measure(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    edges = corners[:, _EDGES[:, 1]] - corners[:, _EDGES[:, 0]]
    lengths = np.linalg.norm(edges, axis=2)
    jacobian = np.einsum("ij,ij->i", np.cross(edges[:, 0], edges[:, 1]), edges[:, 2])
    at_corner = lengths[:, _EDGES_AT_CORNER].prod(axis=2).max(axis=1)
    normals = _face_normals(edges)
    dihedrals = _dihedrals(normals)
    ball = np.abs(jacobian) / np.maximum(np.linalg.norm(normals, axis=2).sum(axis=1), _TINY)
    return (
        jacobian / 6.0,
        np.sqrt(2.0) * jacobian / np.maximum(at_corner, _TINY),
        _ratio(lengths.max(axis=1), 2.0 * np.sqrt(6.0) * ball),
        dihedrals.min(axis=1),
        dihedrals.max(axis=1),
        lengths.mean(axis=1),
    )


def _face_normals(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the normals (K, 4, 3) of the faces opposite to corners 0 to 3, as long as twice their areas.

    They point outward from a tetrahedron of positive volume with these edges (K, 6, 3).
    """
    pairs = ((3, 4), (2, 1), (0, 2), (1, 0))
    return np.stack([np.cross(edges[:, u], edges[:, v]) for u, v in pairs], axis=1)


def _dihedrals(normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the six angles (K, 6) in degrees between faces with outward normals (K, 4, 3)."""
    normals = normals / np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), _TINY)
    cosine = -np.einsum("kij,kij->ki", normals[:, _EDGES[:, 0]], normals[:, _EDGES[:, 1]])
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
