"""A surface of muscle with the fibers that run along it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from HeartSeg3DLib.meshing.mesh import TetraMesh

Vectors = NDArray[np.float64]

_PRODUCTS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class FiberSurface:
    """Triangles of a surface.

    Attributes:
        corners: (M, 3, 3) mm.
        normals: (M, 3) unit vectors out of the muscle, smooth over the surface.
        directions: (M, 3) unit vectors of the fibers along the surface; their sign has no meaning.
        helix: (M,) helix angle in degrees.
    """

    corners: NDArray[np.float64]
    normals: Vectors
    directions: Vectors
    helix: NDArray[np.float64]

    @cached_property
    def centers(self) -> Vectors:
        """(M, 3) middles of the triangles."""
        return np.asarray(self.corners.mean(axis=1))

    @cached_property
    def areas(self) -> NDArray[np.float64]:
        """(M,) mm²."""
        return _lengths(_crossed(self.corners)) / 2

    @cached_property
    def tree(self) -> cKDTree:
        """The centers, to find the nearest."""
        return cKDTree(self.centers)


def fiber_surface(
    mesh: TetraMesh, muscle: tuple[int, ...], triangles: NDArray[np.intp], at_nodes: NodeFibers
) -> FiberSurface:
    """Return some triangles of a mesh's surface that lie on muscle.

    Args:
        mesh: Tetrahedra.
        muscle: Labels of the muscle, which lies on one side of each triangle.
        triangles: (M,) indices into the surface.
        at_nodes: Fibers of the mesh.
    """
    corners = mesh.surface.triangles[triangles]
    inward = ~np.isin(mesh.surface.labels[triangles, 0], muscle)
    corners = np.where(inward[:, None], corners[:, ::-1], corners)
    corners = corners[at_nodes.known[corners].all(axis=1)]
    places = mesh.points[corners]
    flat = _crossed(places)
    smooth = np.zeros_like(mesh.points)
    for place in range(3):
        np.add.at(smooth, corners[:, place], flat)
    normals = _unit(smooth[corners].sum(axis=1))
    tensors = at_nodes.tensors[corners].sum(axis=1)
    directions = np.linalg.eigh(tensors)[1][:, :, 2] if len(corners) else np.empty((0, 3))
    directions = directions - np.einsum("ij,ij->i", directions, normals)[:, None] * normals
    return FiberSurface(places, normals, _unit(directions), at_nodes.helix(corners))


@dataclass(frozen=True)
class NodeFibers:
    """Fibers of a mesh at its nodes, averaged over the tetrahedra around each.

    Attributes:
        known: (N,) nodes of tetrahedra with fibers.
        tensors: (N, 3, 3) mean of the products of a fiber's components, in which its sign does not matter.
        doubled: (N,) mean of complex numbers at twice the helix angle: 90 and -90 degrees are the same.
    """

    known: NDArray[np.bool_]
    tensors: NDArray[np.float64]
    doubled: NDArray[np.complex128]

    def helix(self, nodes: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the helix angle (n,) in degrees amid some nodes (n, c)."""
        return np.degrees(np.angle(self.doubled[nodes].sum(axis=1))) / 2

    @staticmethod
    def of(mesh: TetraMesh, fibers: Vectors, helix: NDArray[np.float64]) -> NodeFibers:
        """Return those of a mesh with fibers (K, 3) and helix angles (K,), where they are numbers."""
        own = np.flatnonzero(np.isfinite(helix))
        nodes, count = mesh.tetrahedra[own].ravel(), len(mesh.points)
        around = np.bincount(nodes, minlength=count)

        def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(np.bincount(nodes, np.repeat(values, 4), count) / np.maximum(around, 1))

        tensors = np.empty((count, 3, 3))
        for row, column in _PRODUCTS:
            tensors[:, row, column] = mean(fibers[own, row] * fibers[own, column])
            tensors[:, column, row] = tensors[:, row, column]
        twice = np.radians(2 * helix[own])
        return NodeFibers(around > 0, tensors, mean(np.cos(twice)) + 1j * mean(np.sin(twice)))


def _crossed(corners: NDArray[np.float64]) -> Vectors:
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _lengths(vectors: Vectors) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(vectors, axis=1))


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.maximum(_lengths(vectors), np.finfo(float).tiny)[:, None])
