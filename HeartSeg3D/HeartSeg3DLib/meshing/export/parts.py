"""Tissue and blood of one mesh as meshes of their own, for solvers that couple several."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .content import MeshContent, kept_triangles
from .facets import FacetGroup
from .presets import TISSUE as TISSUE_LABELS

TISSUE, BLOOD = "tissue", "blood"


@dataclass(frozen=True)
class MeshPart:
    """Some structures of a mesh as a mesh of its own.

    Attributes:
        name: "tissue" or "blood".
        content: Its mesh, in its own numbering; normals point out of it wherever it ends.
        nodes: (N,) ascending indices of its nodes in the common mesh.
        tetrahedra: (K,) ascending indices of its tetrahedra there.
        triangles: (M,) ascending indices of its triangles there.
    """

    name: str
    content: MeshContent
    nodes: NDArray[np.intp]
    tetrahedra: NDArray[np.intp]
    triangles: NDArray[np.intp]

    def own_groups(self, groups: tuple[FacetGroup, ...]) -> tuple[FacetGroup, ...]:
        """Return the groups of the common mesh that the part has triangles of, in its own numbering."""
        return tuple(replace(group, triangles=own) for group in groups if len(own := self._own(group.triangles)))

    def _own(self, triangles: NDArray[np.intp]) -> NDArray[np.intp]:
        return np.flatnonzero(np.isin(self.triangles, triangles))


def parts_of(content: MeshContent) -> tuple[MeshPart, ...]:
    """Return tissue and blood of a mesh with tetrahedra, or the one that there is."""
    present = np.unique(content.tetra_labels)
    tissue = np.isin(present, TISSUE_LABELS)
    named = ((TISSUE, present[tissue]), (BLOOD, present[~tissue]))
    return tuple(_part(content, name, tuple(labels.tolist())) for name, labels in named if len(labels))


def _part(content: MeshContent, name: str, labels: tuple[int, ...]) -> MeshPart:
    triangles, sides, kept = kept_triangles(content.triangles, content.labels, labels)
    inside = np.isin(content.tetra_labels, labels)
    tetrahedra = content.tetrahedra[inside]
    used = np.zeros(len(content.points), bool)
    used[triangles], used[tetrahedra] = True, True
    new = np.cumsum(used, dtype=np.int32) - np.int32(1)
    numbers = np.cumsum(kept) - 1
    own = replace(
        content, points=content.points[used], triangles=new[triangles], labels=sides, tetrahedra=new[tetrahedra],
        tetra_labels=content.tetra_labels[inside],
        patches={patch: numbers[rows[kept[rows]]] for patch, rows in content.patches.items() if kept[rows].any()},
        node_fields={field: values[used] for field, values in content.node_fields.items()},
        cell_fields={field: values[inside] for field, values in content.cell_fields.items()},
    )
    return MeshPart(name, own, np.flatnonzero(used), np.flatnonzero(inside), np.flatnonzero(kept))
