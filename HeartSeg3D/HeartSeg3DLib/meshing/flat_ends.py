"""Finds where a surface is flat: at the image border, and where a vessel was cut across."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from .indicators import index_to_point
from .mesh import SurfaceMesh

_BALL, _FLAT = 0.75, 0.035
"""Neighborhood of a seed in radii, and the root mean square height in it: at a tube's side 0.05 and more."""

_FULL = 0.8
"""Part of a flat disk that the neighborhood of a seed has at least: at the edge of a patch even a tube looks flat."""

_RIM_COSINE, _RIM_HEIGHT = 0.8, 0.15
"""An end reaches up to this angle and height, in radii, from its plane: its rim is rounded."""

_SMALLEST_AREA = 0.3
"""Part of the vessel's cross-section that an end has at least."""

_ROUND = 0.35
"""Ratio of the variances along an end's short and long axis that it has at least; strips along a tube have 0.1."""

_SEEDS = 5
"""Every so many triangles is a seed."""


@dataclass(frozen=True)
class Plane:
    """A point (3,) and a unit normal (3,), LPS in mm."""

    point: NDArray[np.float64]
    normal: NDArray[np.float64]


def image_border(image: sitk.Image) -> list[Plane]:
    """Return the six planes at the outer faces of an image's voxels, normals outward."""
    axes, size = index_to_point(image), np.array(image.GetSize())
    planes = []
    for axis in range(3):
        unit = axes[:, axis] / np.linalg.norm(axes[:, axis])
        for side, index in ((-1.0, -0.5), (1.0, size[axis] - 0.5)):
            place = np.asarray(image.GetOrigin()) + axes[:, axis] * index
            planes.append(Plane(place, side * unit))
    return planes


def triangle_planes(
    points: NDArray[np.float64], triangles: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return centers (M, 3), unit normals (M, 3) and areas (M,) of triangles."""
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    length = np.linalg.norm(normals, axis=1)
    return (a + b + c) / 3.0, normals / np.maximum(length, np.finfo(np.float64).tiny)[:, None], length / 2.0


def flat_ends(mesh: SurfaceMesh, own: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Mark the triangles (M,) at the flat ends of a vessel.

    Args:
        mesh: The surface.
        own: Indices of the triangles between the vessel and the outside.
    """
    found = np.zeros(len(mesh.triangles), bool)
    if len(own) < _SEEDS:
        return found
    centers, normals, areas = triangle_planes(mesh.points, mesh.triangles[own])
    radius = _radius(mesh, own)
    tree, rest = cKDTree(centers), np.ones(len(own), bool)
    seeds = np.arange(0, len(own), _SEEDS)
    balls = tree.query_ball_point(centers[seeds], _BALL * radius)
    whole = np.array([areas[ball].sum() for ball in balls]) > _FULL * np.pi * (_BALL * radius) ** 2
    heights = np.array([_roughness(centers[ball]) for ball in balls]) / radius
    heights[~whole] = np.inf
    for place in np.argsort(heights):
        seed = seeds[place]
        if heights[place] > _FLAT:
            break
        if not rest[seed]:
            continue
        normal = normals[balls[place]].mean(axis=0)
        normal /= np.linalg.norm(normal)
        middle = centers[balls[place]].mean(axis=0)
        level = (np.abs((centers - middle) @ normal) < _RIM_HEIGHT * radius) & (normals @ normal > _RIM_COSINE) & rest
        for part in linked_parts(mesh.triangles[own], np.flatnonzero(level)):
            large = areas[part].sum() > _SMALLEST_AREA * np.pi * radius**2
            if seed in part and large and _roundness(centers[part]) > _ROUND:
                found[own[part]] = True
                rest[part] = False
    return found


def linked_parts(triangles: NDArray[np.integer], chosen: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the chosen triangles in parts that hang together by shared points, the largest first."""
    if not len(chosen):
        return []
    rows = np.repeat(np.arange(len(chosen)), 3)
    touches = sparse.csr_array((np.ones(len(rows)), (rows, triangles[chosen].ravel())))
    count, part = connected_components(touches @ touches.T, directed=False)
    parts = [chosen[part == number] for number in range(count)]
    return sorted(parts, key=len, reverse=True)


def _radius(mesh: SurfaceMesh, own: NDArray[np.intp]) -> float:
    """Return the vessel's radius in mm: twice its volume over its whole surface, as in a long tube."""
    value = int(mesh.labels[own[0], 0])
    corners = mesh.points[mesh.closed_surface(value)]
    a, b, c = (corners[:, place] - corners[0, 0] for place in range(3))
    normals = np.cross(b - a, c - a)
    volume = np.einsum("ij,ij->i", a, normals).sum() / 6.0
    return float(2.0 * volume / (np.linalg.norm(normals, axis=1).sum() / 2.0))


def _roughness(places: NDArray[np.float64]) -> float:
    """Return the root mean square height in mm of places (n, 3) over the plane that fits them best."""
    if len(places) < 4:
        return np.inf
    offsets = places - places.mean(axis=0)
    return float(np.sqrt(max(np.linalg.eigvalsh(offsets.T @ offsets)[0], 0.0) / len(places)))


def _roundness(places: NDArray[np.float64]) -> float:
    """Return the ratio of the middle and the largest variance of places (n, 3): 1 for a disk."""
    offsets = places - places.mean(axis=0)
    variances = np.linalg.eigvalsh(offsets.T @ offsets)
    return float(variances[1] / variances[2])
