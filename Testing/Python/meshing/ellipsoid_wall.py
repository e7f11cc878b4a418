"""Truncated thick-walled ellipsoids in tetrahedra whose fibers are known in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.meshing.mesh import OUTSIDE, SurfaceMesh, TetraMesh

Values = NDArray[np.float64]
LV, MYO = 1, 2
_KUHN = ((0, 1, 3, 7), (0, 1, 5, 7), (0, 2, 3, 7), (0, 2, 6, 7), (0, 4, 5, 7), (0, 4, 6, 7))
"""Tetrahedra of a cube whose corners are counted by the bits x, y, z."""


@dataclass(frozen=True)
class EllipsoidWall:
    """Layers of ellipsoids about the z axis, open at the base above; `layer` is 0 inside and 1 outside.

    Attributes:
        short, long: Half axes in mm of a layer.
        base: Angle from the z axis at which a layer ends.
        depth: Transmural depth of a layer, 0 to 1.
    """

    short: Callable[[Values], Values]
    long: Callable[[Values], Values]
    base: Callable[[Values], Values]
    depth: Callable[[Values], Values]

    def frames(self, points: Values) -> tuple[Values, Values]:
        """Return the circumferential, apico-basal and outward directions (n, 3, 3), one a column, and depths (n,)."""
        radius = np.hypot(points[:, 0], points[:, 1])
        low, high = np.full(len(points), -0.2), np.full(len(points), 1.2)
        for _ in range(50):
            middle = 0.5 * (low + high)
            beyond = (radius / self.short(middle)) ** 2 + (points[:, 2] / self.long(middle)) ** 2 > 1.0
            low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
        short, long = self.short(low), self.long(low)
        outward = points / np.stack([short, short, long], axis=1) ** 2
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        around = np.stack([-points[:, 1], points[:, 0], np.zeros(len(points))], axis=1) / radius[:, None]
        return np.stack([around, np.cross(outward, around), outward], axis=2), self.depth(np.clip(low, 0.0, 1.0))

    def fibers(self, points: Values, inner: float, outer: float) -> Values:
        """Return the fibers (n, 3) for angles in degrees at the endocardium and the epicardium."""
        frames, depth = self.frames(points)
        angle = np.radians(inner + (outer - inner) * depth)
        return frames[:, :, 0] * np.cos(angle)[:, None] + frames[:, :, 1] * np.sin(angle)[:, None]

    def mesh(self, layers: int, rings: int, sectors: int) -> tuple[TetraMesh, dict[str, NDArray[np.intp]]]:
        """Return the wall in tetrahedra, and its patches LV_ENDO, EPI and BASE."""
        layer, ring, sector = np.meshgrid(np.linspace(0, 1, layers + 1), np.linspace(0, 1, rings + 1),
                                          np.arange(sectors) / sectors * 2 * np.pi, indexing="ij")
        height = self.base(layer) + (np.pi - self.base(layer)) * ring
        radius = self.short(layer) * np.sin(height)
        points = np.stack([radius * np.cos(sector), radius * np.sin(sector), self.long(layer) * np.cos(height)], axis=3)
        numbers = np.arange(layer.size).reshape(layer.shape)
        numbers[:, -1] = numbers[:, -1, :1]  # the sectors meet at the apex
        used, compact = np.unique(numbers, return_inverse=True)
        numbers = compact.reshape(layer.shape)
        points = points.reshape(-1, 3)[used]
        tetrahedra = _oriented(points, _cut(numbers))
        sides = {"LV_ENDO": numbers[0], "EPI": numbers[-1], "BASE": numbers[:, 0]}
        return _with_surface(points, tetrahedra, sides)


def confocal(focus: float = 40.0, inner: float = 0.5, outer: float = 0.75, base: float = 1.2) -> EllipsoidWall:
    """Confocal ellipsoids cut by a hyperboloid: Laplace's equation between them is solved by ln tanh.

    The half axes in mm are focus * sinh and focus * cosh of a coordinate from `inner` to `outer`.
    """
    def coordinate(layer: Values) -> Values:
        return inner + (outer - inner) * layer

    def depth(layer: Values) -> Values:
        height, bottom, top = (np.log(np.tanh(place / 2)) for place in (coordinate(layer), inner, outer))
        return (height - bottom) / (top - bottom)

    return EllipsoidWall(lambda layer: focus * np.sinh(coordinate(layer)),
                         lambda layer: focus * np.cosh(coordinate(layer)),
                         lambda layer: np.full_like(layer, base), depth)


def flat_based(inner: tuple[float, float] = (21.0, 51.0), thickness: tuple[float, float] = (9.0, 9.0),
               base: float = 15.0) -> EllipsoidWall:
    """Ellipsoids of linearly growing half axes (short, long) in mm, cut by the plane z = base; depth goes linearly."""
    def long(layer: Values) -> Values:
        return inner[1] + thickness[1] * layer

    return EllipsoidWall(lambda layer: inner[0] + thickness[0] * layer, long,
                         lambda layer: np.arccos(base / long(layer)), lambda layer: layer)


def degrees_between(first: Values, second: Values) -> Values:
    """Return the angles (n,) between unit axes (n, 3), 0 to 90 degrees."""
    return np.degrees(np.arccos(np.clip(np.abs(np.einsum("ij,ij->i", first, second)), 0.0, 1.0)))


def _cut(numbers: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the tetrahedra of all cubes, without those that the apex has made flat."""
    around = np.concatenate([numbers, numbers[:, :, :1]], axis=2)
    layers, rings, sectors = (size - 1 for size in around.shape)
    corners = np.stack([around[x:x + layers, y:y + rings, z:z + sectors].ravel()
                        for x, y, z in np.ndindex(2, 2, 2)], axis=1)
    tetrahedra = np.concatenate([corners[:, list(corner)] for corner in _KUHN])
    ordered = np.sort(tetrahedra, axis=1)
    return tetrahedra[(np.diff(ordered, axis=1) > 0).all(axis=1)]


def _oriented(points: Values, tetrahedra: NDArray[np.intp]) -> NDArray[np.int32]:
    edges = points[tetrahedra[:, 1:]] - points[tetrahedra[:, :1]]
    turned = np.where((np.linalg.det(edges) > 0)[:, None], tetrahedra, tetrahedra[:, [0, 2, 1, 3]])
    return turned.astype(np.int32)


def _with_surface(
    points: Values, tetrahedra: NDArray[np.int32], sides: dict[str, NDArray[np.intp]]
) -> tuple[TetraMesh, dict[str, NDArray[np.intp]]]:
    """Return the mesh and the triangles of each side; a triangle belongs to the first side that has its three nodes."""
    faces = np.concatenate([tetrahedra[:, face] for face in ((0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2))])
    _, first, count = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    triangles = faces[first[count == 1]]
    patches: dict[str, NDArray[np.intp]] = {}
    free = np.ones(len(triangles), bool)
    for name, side in sides.items():
        chosen = np.isin(triangles, side).all(axis=1) & free
        patches[name], free = np.flatnonzero(chosen), free & ~chosen
    labels = np.full((len(triangles), 2), (MYO, OUTSIDE), np.int16)
    labels[patches["LV_ENDO"]] = LV, MYO
    triangles[patches["LV_ENDO"]] = triangles[patches["LV_ENDO"], ::-1]  # normals point out of the first label
    surface = SurfaceMesh(points, triangles, labels)
    return TetraMesh(points, tetrahedra, np.full(len(tetrahedra), MYO, np.int16), surface), patches
