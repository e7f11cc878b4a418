"""Finds the ends of vessels, where a segmentation stops: as far along the vessel as its surface goes from its valve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra

from .border_cuts import BorderCuts
from .label_field import label_field
from .mesh import OUTSIDE, SurfaceMesh
from .neighbors import edges_of, linked_parts
from .planes import Disk, image_border, triangle_planes
from .surface import surface_mesh

_PROMINENCE = 1.0
"""Radii by which the distance from the valve has to fall between two ends; bulges of the root are lower."""

_DEPTHS = (1.0, 2.0, 3.0)
"""Radii before the farthest point within which an end may lie: it may be round or oblique. What lies deeper has to be
larger by as much, or it is the side of the tube."""

_TUBE = 4.0
"""Radii before the farthest point up to which the tube tells how wide the vessel is there."""

_FACING, _LEVEL = 0.7, 0.35
"""An end faces along the vessel up to this cosine, and is as flat as this part of the radius."""

_ROUNDS = 3

_COURSE = 0.5
"""An end faces away from the tube before it up to this cosine; what faces elsewhere is the side of a blunt stump."""

SMALLEST_END = 0.3
"""Part of the vessel's cross-section that an end has at least."""

_FINEST_MM = 1.5
"""Pitch at which ends are looked for before walls are grown; an end is many times as wide."""


@dataclass(frozen=True)
class VesselEnd:
    """The end of a vessel.

    Attributes:
        disk: Where it lies; the normal points out of the vessel, and the radius reaches to the farthest of its points.
        triangles: Indices of the mesh's triangles on it.
    """

    disk: Disk
    triangles: NDArray[np.intp]


def open_ends(labels: sitk.Image, origins: Mapping[int, int]) -> dict[int, list[Disk]]:
    """Return where vessels end in a label map, cut or not, by the vessel's value; see `vessel_ends`.

    Args:
        labels: 3-D label map, without walls of these vessels.
        origins: Label value of the chamber that each vessel comes from, by the vessel's; some may be absent.
    """
    voxels = sitk.GetArrayViewFromImage(labels)
    if not np.isin(voxels, list(origins)).any():
        return {}
    mesh = surface_mesh(label_field(labels, max(_FINEST_MM, float(np.prod(labels.GetSpacing())) ** (1 / 3))))
    cuts = BorderCuts(mesh, image_border(labels))
    return {value: [end.disk for end in vessel_ends(mesh, value, origin, cuts=cuts.of(value, rounded=True))]
            for value, origin in origins.items() if value in mesh.values}


def vessel_ends(
    mesh: SurfaceMesh, value: int, origin: int, own_wall: int | None = None, cuts: Sequence[NDArray[np.intp]] = (),
) -> list[VesselEnd]:
    """Return the ends of a vessel that lie against the outside, those at the image border first.

    A branch that the image border cuts ends there, whatever its farthest point looks like.

    Args:
        mesh: Walls between labels.
        value: Label of the vessel.
        origin: Label of the chamber that the vessel comes from; where they do not touch, all neighbors count, and
            where there are none the vessel has two ends.
        own_wall: Label of the vessel's wall, which is no such neighbor.
        cuts: Triangles of each place where the image border cuts the vessel, see `border_cuts`.
    """
    vessel = _Vessel(mesh, value, origin, own_wall, cuts)
    found = [VesselEnd(disk_of(mesh, cut), cut) for cut in cuts]
    for peak, own in vessel.branches():
        if any(own[vessel.points_of(cut)].mean() > 0.5 and not vessel.begins_at(cut) for cut in cuts):
            continue
        end = vessel.end(peak, own)
        if end is not None and not any(_same(end.disk, cut.disk) for cut in found[:len(cuts)]):
            found.append(end)
    return found


def disk_of(mesh: SurfaceMesh, rows: NDArray[np.intp]) -> Disk:
    """Return the disk of triangles: their middle, the way they face in the mean, and their farthest corner."""
    centers, normals, areas = triangle_planes(mesh.points, mesh.triangles[rows])
    middle = np.average(centers, axis=0, weights=areas)
    corners = mesh.points[np.unique(mesh.triangles[rows])]
    return Disk(middle, _unit((normals * areas[:, None]).sum(axis=0)),
                float(np.linalg.norm(corners - middle, axis=1).max()))


def twice_volume_over_surface(mesh: SurfaceMesh, value: int) -> float:
    """Return twice a structure's volume over its whole surface, in mm: a long tube's radius, a sheet's thickness."""
    surface = mesh.closed_surface(value)
    corners = mesh.points[surface]
    a, b, c = (corners[:, place] - corners[0, 0] for place in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0
    return float(2.0 * volume / triangle_planes(mesh.points, surface)[2].sum())


def _same(end: Disk, cut: Disk) -> bool:
    """Return whether an end is a cut seen less exactly: near it, and facing the same way."""
    return bool(np.linalg.norm(end.point - cut.point) < max(end.radius, cut.radius) and end.normal @ cut.normal > 0.0)


class _Vessel:
    """The closed surface of one vessel as a graph of its edges, with the way from the valve to each point."""

    def __init__(
        self, mesh: SurfaceMesh, value: int, origin: int, own_wall: int | None, cuts: Sequence[NDArray[np.intp]]
    ) -> None:
        self._mesh, self._rows = mesh, np.flatnonzero((mesh.labels == value).any(axis=1))
        used, local = np.unique(mesh.triangles[self._rows], return_inverse=True)
        self._triangles, self._points = local.reshape(-1, 3), mesh.points[used]
        labels = mesh.labels[self._rows]
        self._outside = (labels[:, 0] == value) & (labels[:, 1] == OUTSIDE)
        self._beside = np.where(labels[:, 0] == value, labels[:, 1], labels[:, 0])
        self._centers, self._normals, self._areas = triangle_planes(self._points, self._triangles)
        self._edges, _ = edges_of(self._triangles, len(self._points))
        ways = np.linalg.norm(self._points[self._edges[:, 0]] - self._points[self._edges[:, 1]], axis=1)
        self._graph = sparse.coo_array((ways, self._edges.T), shape=(len(used), len(used))).tocsr()
        self._starts, self._both = self._valve(origin, own_wall)
        self._starts = np.union1d(self._starts, self._cuts_of_pieces(cuts))
        self._way = self._ways_from(self._starts)
        self._radius = twice_volume_over_surface(mesh, value)

    def branches(self) -> list[tuple[int, NDArray[np.bool_]]]:
        """Return the farthest point of every branch, and the points that are nearer to it than to the others'."""
        peaks = _peaks(self._way, self._edges, _PROMINENCE * self._radius)
        if self._both:
            peaks.append(int(self._starts[0]))
        if not peaks:
            return []
        _, _, nearest = dijkstra(self._graph, directed=False, indices=peaks, min_only=True, return_predecessors=True)
        return [(peak, nearest == peak) for peak in peaks]

    def points_of(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the vessel's points on triangles of the whole mesh."""
        return np.unique(self._triangles[np.searchsorted(self._rows, rows)])

    def begins_at(self, rows: NDArray[np.intp]) -> bool:
        """Return whether a piece of the vessel begins at triangles of the whole mesh, so that its end is elsewhere."""
        return bool(np.isin(self.points_of(rows), self._starts).all())

    def end(self, peak: int, own: NDArray[np.bool_]) -> VesselEnd | None:
        """Return the end of a branch, or none where its tip is no end: too small, or against another structure."""
        before = self._ways_from(np.array([peak])) if peak in self._starts else self._way[peak] - self._way
        ends = [self._facing_end(own, before, depth * self._radius) for depth in _DEPTHS]
        flat = [self._across(rows) for rows in ends]
        best = int(np.argmax([np.linalg.norm(across) / depth for across, depth in zip(flat, _DEPTHS, strict=True)]))
        rows, course = ends[best], _unit(flat[best])
        tube = own & (before >= _DEPTHS[0] * self._radius) & (before < _TUBE * self._radius)
        if self._areas[rows].sum() < SMALLEST_END * np.pi * self._narrow(tube, course) ** 2:
            return None
        end = VesselEnd(disk_of(self._mesh, self._rows[rows]), self._rows[rows])
        if tube.any() and _unit(end.disk.point - self._points[tube].mean(axis=0)) @ end.disk.normal < _COURSE:
            return None
        return end

    def _facing_end(
        self, own: NDArray[np.bool_], before: NDArray[np.float64], depth: float
    ) -> NDArray[np.intp]:
        """Return the triangles of an end that lies within a way of the farthest point, none if nothing faces on."""
        tip, tube = own & (before < depth), own & (before >= depth) & (before < 2.0 * depth)
        behind = self._points[tube] if tube.any() else self._points[self._starts]
        course = _unit(self._points[tip].mean(axis=0) - behind.mean(axis=0))
        near = self._outside & tip[self._triangles].any(axis=1)
        level = np.ones(len(near), bool)
        for _ in range(_ROUNDS):  # the course of a short tube is rough: the end itself tells better how it lies
            parts = linked_parts(self._triangles, np.flatnonzero(near & level & (self._normals @ course > _FACING)))
            if not parts:
                return np.empty(0, np.intp)
            rows = max(parts, key=lambda part: self._areas[part].sum())
            course = _unit(self._across(rows))
            middle = np.average(self._centers[rows], axis=0, weights=self._areas[rows])
            level = np.abs((self._centers - middle) @ course) < _LEVEL * self._radius
        return rows

    def _across(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the area vector (3,) of triangles in mm²: as long as their area where they lie in one plane."""
        return np.asarray((self._normals[rows] * self._areas[rows, None]).sum(axis=0))

    def _valve(self, origin: int, own_wall: int | None) -> tuple[NDArray[np.intp], bool]:
        """Return the points where the vessel begins, and whether that is an end, too."""
        for begins in (self._beside == origin, ~np.isin(self._beside, (OUTSIDE, own_wall or OUTSIDE))):
            if begins.any():
                return np.unique(self._triangles[begins]), False
        somewhere = self._ways_from(np.array([0]))
        return np.array([np.where(np.isfinite(somewhere), somewhere, -1.0).argmax()]), True

    def _cuts_of_pieces(self, cuts: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
        """Return the points where the border cut off pieces, such as an aorta's way down: they begin at their cuts."""
        _, piece = connected_components(self._graph, directed=False)
        points = [own for own in map(self.points_of, cuts) if not np.isin(piece[own], piece[self._starts]).any()]
        return np.concatenate([self._starts[:0], *points])

    def _ways_from(self, starts: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.asarray(dijkstra(self._graph, directed=False, indices=starts, min_only=True))

    def _narrow(self, tube: NDArray[np.bool_], course: NDArray[np.float64]) -> float:
        """Return the radius in mm of the tube before an end, which may be a narrow branch."""
        if not tube.any():
            return self._radius
        offsets = self._points[tube] - self._points[tube].mean(axis=0)
        across = offsets - np.outer(offsets @ course, course)
        return min(self._radius, float(np.sqrt((across**2).sum(axis=1).mean())))


def _peaks(heights: NDArray[np.float64], edges: NDArray[np.int32], prominence: float) -> list[int]:
    """Return the highest point of each piece, then of each hill that stands out from the saddle to a higher one.

    Found by flooding from above.
    """
    order = np.argsort(-np.where(np.isfinite(heights), heights, -np.inf), kind="stable")
    beside: list[list[int]] = [[] for _ in heights]
    for one, other in edges.tolist():
        beside[one].append(other)
        beside[other].append(one)
    top, peaks = [-1] * len(heights), []

    def top_of(point: int) -> int:
        while top[point] != point:
            top[point] = top[top[point]]
            point = top[point]
        return point

    for point in order.tolist():
        if not np.isfinite(heights[point]):
            break
        hills = sorted({top_of(other) for other in beside[point] if top[other] >= 0}, key=lambda peak: -heights[peak])
        top[point] = hills[0] if hills else point
        for lower in hills[1:]:
            top[lower] = hills[0]
            if heights[lower] - heights[point] >= prominence:
                peaks.append(lower)
    pieces = [point for point in order.tolist() if top[point] == point]
    return [*pieces, *peaks] if pieces else order[:1].tolist()


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), np.finfo(np.float64).tiny))
