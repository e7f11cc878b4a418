"""Finds where the image border cuts structures flat."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from .mesh import OUTSIDE, SurfaceMesh
from .neighbors import linked_parts
from .planes import Plane, triangle_planes

_CUT_COSINE, _CUT_EDGES = 0.9, 0.75
"""A triangle lies on the image border within this angle and this part of an edge."""

_LINK_COSINE, _LINK_EDGES = 0.5, 1.5
"""Within these it still belongs to the rounded rim of a cut, and so tells which triangles are the same cut."""

_STRAY = 0.01
"""Cuts of less than this part of a structure's largest one are triangles that the rim left behind."""


class BorderCuts:
    """The cuts of every structure of one mesh.

    Args:
        mesh: Walls between labels, LPS, mm.
        border: Planes where the image ends, normals outward, and what it cuts there; see `planes.image_border`.
    """

    def __init__(self, mesh: SurfaceMesh, border: Sequence[Plane]) -> None:
        self._triangles = mesh.triangles
        centers, normals, self._areas = triangle_planes(mesh.points, mesh.triangles)
        sides = mesh.points[mesh.triangles[:, 0]] - mesh.points[mesh.triangles[:, 1]]
        edge = float(np.median(np.linalg.norm(sides, axis=1))) if len(sides) else 0.0
        outside, self._inner = mesh.labels[:, 1] == OUTSIDE, mesh.labels[:, 0]
        self._level, self._near = np.zeros(len(centers), bool), np.zeros(len(centers), bool)
        for plane in border:
            height = np.abs((centers - plane.point) @ plane.normal)
            facing = normals @ plane.normal
            own = outside & np.isin(self._inner, list(plane.labels))  # others only come near it
            self._level |= own & (height <= _CUT_EDGES * edge) & (facing >= _CUT_COSINE)
            self._near |= own & (height <= _LINK_EDGES * edge) & (facing >= _LINK_COSINE)

    def of(self, value: int, beside: Collection[int] = (), *, rounded: bool = False) -> list[NDArray[np.intp]]:
        """Return the ascending triangles of each cut of a structure, the largest first.

        Args:
            value: Label of the structure.
            beside: Labels that are cut together with it: pieces of it around the same cut of these are one cut.
            rounded: Whether the rounded rim of a cut belongs to it, so that it has the area of its voxels.
        """
        parts = linked_parts(self._triangles, np.flatnonzero(self._near & np.isin(self._inner, [value, *beside])))
        own = [part[self._inner[part] == value] for part in parts]
        level = [rows[self._level[rows]] for rows in own]
        found = [whole if rounded else flat for whole, flat in zip(own, level, strict=True) if len(flat)]
        areas = [float(self._areas[rows].sum()) for rows in found]
        order = sorted(range(len(found)), key=lambda number: -areas[number])
        return [found[number] for number in order if areas[number] > _STRAY * areas[order[0]]]
