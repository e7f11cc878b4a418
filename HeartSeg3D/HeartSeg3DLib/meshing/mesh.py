"""What the rooms of meshing hand to each other: labeled surfaces and labeled tetrahedra with shared nodes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

OUTSIDE = 0
"""Label of everything that is not meshed."""


@dataclass(frozen=True)
class SurfaceMesh:
    """Triangles between labels; neighbors share their wall, so every wall is there once.

    Attributes:
        points: (N, 3) float64, LPS, mm.
        triangles: (M, 3) int32, indices into points. Seen from the side of `labels[:, 1]` they run counter-clockwise:
            the normal points out of `labels[:, 0]`.
        labels: (M, 2) int16. The first is never `OUTSIDE`; the second is, where the heart ends. Of two structures the
            lower value comes first.
    """

    points: NDArray[np.float64]
    triangles: NDArray[np.int32]
    labels: NDArray[np.int16]

    def __post_init__(self) -> None:
        _check(self.points, (None, 3), "points")
        _check(self.triangles, (None, 3), "triangles")
        _check(self.labels, (len(self.triangles), 2), "labels of triangles")

    @property
    def values(self) -> tuple[int, ...]:
        """Labels that have a surface, ascending."""
        return tuple(int(value) for value in np.unique(self.labels) if value != OUTSIDE)

    def closed_surface(self, value: int) -> NDArray[np.int32]:
        """Return the (K, 3) triangles around one label, normals pointing out of it."""
        inner, outer = self.labels[:, 0] == value, self.labels[:, 1] == value
        return np.concatenate([self.triangles[inner], self.triangles[outer][:, ::-1]])

    def triangles_of(self, values: Collection[int]) -> NDArray[np.bool_]:
        """Return which triangles (M,) have one of these labels on a side."""
        return np.asarray(np.isin(self.labels, list(values)).any(axis=1))

    def alone(self, values: Collection[int]) -> SurfaceMesh:
        """Return the surface of these labels on the same points; what they touched is outside."""
        kept = self.triangles_of(values)
        labels = np.where(np.isin(self.labels[kept], list(values)), self.labels[kept], OUTSIDE).astype(np.int16)
        turned = labels[:, 0] == OUTSIDE
        triangles = self.triangles[kept]
        triangles[turned], labels[turned] = triangles[turned][:, ::-1], labels[turned][:, ::-1]
        return SurfaceMesh(self.points, triangles, labels)


@dataclass(frozen=True)
class TetraMesh:
    """Tetrahedra with one label each, and the walls between the labels on the same nodes.

    Attributes:
        points: (N, 3) float64, LPS, mm.
        tetrahedra: (K, 4) int32, indices into points, positive volume: det(b - a, c - a, d - a) > 0.
        labels: (K,) int16, never `OUTSIDE`.
        surface: Faces between two labels or to the outside; `surface.points` is `points`.
        fields: Further values: (N,) or (N, 3) per node, (K,) or (K, 3) per tetrahedron, by name.
        nodal: Names of the fields that are per node. Lengths tell, except where there are as many nodes as tetrahedra:
            there, fields that are not named are per tetrahedron.
    """

    points: NDArray[np.float64]
    tetrahedra: NDArray[np.int32]
    labels: NDArray[np.int16]
    surface: SurfaceMesh
    fields: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    nodal: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _check(self.points, (None, 3), "points")
        _check(self.tetrahedra, (None, 4), "tetrahedra")
        _check(self.labels, (len(self.tetrahedra),), "labels of tetrahedra")
        if self.surface.points is not self.points:
            raise ValueError("the surface must stand on the nodes of the tetrahedra")
        nodes, cells = len(self.points), len(self.tetrahedra)
        for name, values in self.fields.items():
            if len(values) not in (nodes, cells):
                raise ValueError(f"the field {name} has {len(values)} values for {nodes} nodes and {cells} tetrahedra")
        by_length = {name for name, values in self.fields.items() if len(values) == nodes}
        object.__setattr__(self, "nodal", frozenset(by_length & self.nodal if nodes == cells else by_length))


def _check(array: NDArray[np.generic], shape: tuple[int | None, ...], name: str) -> None:
    fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape, strict=True))
    if not fits:
        raise ValueError(f"{name} have the shape {array.shape}")
