"""Finds where blood of vessels leaves the mesh, and the rims of their walls around these openings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .border_cuts import BorderCuts
from .mesh import OUTSIDE, SurfaceMesh
from .neighbors import linked_parts
from .planes import triangle_planes
from .vessel_ends import SMALLEST_END, VesselEnd, disk_of, twice_volume_over_surface, vessel_ends

_FLAT = 0.7
"""A gap in a wall that faces one way to this part of its area is an opening as a whole."""

_RIM_COSINE, _RIM_HEIGHT, _RIM_WIDTH = 0.5, 0.35, 1.5
"""A rim faces along the vessel up to this cosine, lies this part of the opening's radius from its plane, and is as wide
as so many thicknesses of the wall: an outer side that bends over behind it is none."""

Rows = NDArray[np.intp]


def vessel_openings(
    mesh: SurfaceMesh, cuts: BorderCuts, value: int, origin: int, wall: int | None
) -> list[VesselEnd]:
    """Return the openings of a vessel, the largest first.

    Where the vessel has a wall, its openings are where the wall is open; gaps far smaller than the vessel are holes.
    Without a wall, its openings are the cuts by the image border and the ends of its branches.

    Args:
        mesh: Walls between labels, LPS, mm.
        cuts: Cuts of the mesh by the image border.
        value: Label of the vessel.
        origin: Label of the chamber that it comes from.
        wall: Label of its wall if the mesh has one.
    """
    ends = vessel_ends(mesh, value, origin, wall, cuts.of(value, rounded=True))
    if wall is not None:
        ends = _open_gaps(mesh, value, ends)
    return sorted(ends, key=lambda end: -_area(mesh, end.triangles))


def rim_of(mesh: SurfaceMesh, opening: VesselEnd, wall: int) -> Rows:
    """Return the ascending triangles of a wall's outside that are the rim around an opening: one ring.

    Those on the seam between blood and wall belong to it however they face, so that rounding does not break the ring.
    """
    free = np.flatnonzero((mesh.labels[:, 0] == wall) & (mesh.labels[:, 1] == OUTSIDE))
    corners = mesh.triangles[free]
    at_seam = np.isin(corners, mesh.triangles[opening.triangles]).any(axis=1)
    seam = free[at_seam]
    if not len(seam):
        return seam
    centers, normals, _ = triangle_planes(mesh.points, corners)
    height = np.abs((centers - opening.disk.point) @ opening.disk.normal)
    on_seam = np.intersect1d(mesh.triangles[seam], mesh.triangles[opening.triangles])
    away, _ = cKDTree(mesh.points[on_seam]).query(centers)
    facing = ((normals @ opening.disk.normal >= _RIM_COSINE) & (height <= _RIM_HEIGHT * opening.disk.radius)
              & (away <= _RIM_WIDTH * twice_volume_over_surface(mesh, wall)))
    parts = linked_parts(mesh.triangles, free[facing | at_seam])
    return np.sort(np.concatenate([part for part in parts if np.isin(part, seam).any()]))


def nearest_opening(mesh: SurfaceMesh, rows: Rows, openings: Sequence[VesselEnd]) -> NDArray[np.intp]:
    """Return for each triangle the number of the opening that it is nearest to."""
    centers = triangle_planes(mesh.points, mesh.triangles[rows])[0]
    corners = [np.unique(mesh.triangles[end.triangles]) for end in openings]
    number_of = np.repeat(np.arange(len(corners)), [len(own) for own in corners])
    return np.asarray(number_of[cKDTree(mesh.points[np.concatenate(corners)]).query(centers)[1]])


def _open_gaps(mesh: SurfaceMesh, value: int, ends: Sequence[VesselEnd]) -> list[VesselEnd]:
    """Return the openings of a vessel with a wall, given the ends that it would have without one."""
    gaps = linked_parts(mesh.triangles, np.flatnonzero((mesh.labels[:, 0] == value) & (mesh.labels[:, 1] == OUTSIDE)))
    least = SMALLEST_END * np.pi * twice_volume_over_surface(mesh, value) ** 2
    found: list[VesselEnd] = []
    small: list[Rows] = []
    for gap in gaps:
        inside = [end for end in ends if np.isin(end.triangles, gap).any()]
        across = _across(mesh, gap)
        whole = len(inside) < 2 and across >= _FLAT * _area(mesh, gap)
        if whole and (inside or across >= least):
            found.append(VesselEnd(disk_of(mesh, gap), gap))
        elif inside:
            found += inside  # the rest is where the map has no wall along the vessel
        else:
            small.append(gap)
    return _with_splinters(mesh, found, small)


def _with_splinters(mesh: SurfaceMesh, openings: list[VesselEnd], gaps: Sequence[Rows]) -> list[VesselEnd]:
    """Return the openings with the small gaps that lie in their disks, which the wall's rounded rim cut off."""
    if not openings:
        return openings
    joined = [[end.triangles] for end in openings]
    for gap in gaps:
        (number,) = nearest_opening(mesh, gap[:1], openings)
        disk = openings[number].disk
        offset = mesh.points[np.unique(mesh.triangles[gap])] - disk.point
        if (np.linalg.norm(offset, axis=1) <= disk.radius).all() and (
                np.abs(offset @ disk.normal) <= _RIM_HEIGHT * disk.radius).all():
            joined[number].append(gap)
    return [VesselEnd(disk_of(mesh, rows), rows) for rows in (np.sort(np.concatenate(parts)) for parts in joined)]


def _area(mesh: SurfaceMesh, rows: Rows) -> float:
    return float(triangle_planes(mesh.points, mesh.triangles[rows])[2].sum())


def _across(mesh: SurfaceMesh, rows: Rows) -> float:
    """Return the length of the area vector in mm²: the area of triangles that all face one way."""
    _, normals, areas = triangle_planes(mesh.points, mesh.triangles[rows])
    return float(np.linalg.norm((normals * areas[:, None]).sum(axis=0)))
