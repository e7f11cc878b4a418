"""Tissue and blood of one mesh as meshes of their own, for solvers that couple several."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..mesh import OUTSIDE
from .content import MeshContent, kept_triangles
from .facets import FacetGroup
from .presets import TISSUE as TISSUE_LABELS

TISSUE, BLOOD = "tissue", "blood"

_NUMBERS_FROM = {TISSUE: 1_000_000, BLOOD: 2_000_000}
"""Added to a patch's number for what of it lies between one part and the outside: above all numbers of groups."""


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


@dataclass(frozen=True)
class SplitGroups:
    """Groups of a mesh's triangles, none of which is a different face of tissue than of blood.

    Attributes:
        groups: All groups; together they have the triangles that they had before.
        interfaces: Sorted names of those that lie between tissue and blood: there each of the two has the same face.
        faces_of: Names of all that a group fell into, by the name that it had.
    """

    groups: tuple[FacetGroup, ...]
    interfaces: tuple[str, ...]
    faces_of: dict[str, list[str]]


def split_groups(content: MeshContent, groups: tuple[FacetGroup, ...]) -> SplitGroups:
    """Take groups apart into what lies between tissue and blood, and what only one of them has.

    The endocardium of a ventricle without a wall is one: at the septum it lies between both, elsewhere around the blood
    alone. What lies between keeps the name, and so does what lies within one part, which is no face; the rest is
    called, for example, RV_ENDO-BLOOD-OUTSIDE.
    """
    tissue, outside = np.isin(content.labels, TISSUE_LABELS), content.labels == OUTSIDE
    some_tissue, some_blood = tissue.any(axis=1), (~tissue & ~outside).any(axis=1)
    ends, between = outside.any(axis=1), some_tissue & some_blood
    of_part = {TISSUE: some_tissue & ends, BLOOD: some_blood & ends}
    split = {group.name: _pieces(group, between, of_part) for group in groups}
    return SplitGroups(
        tuple(piece for pieces in split.values() for piece in pieces),
        tuple(sorted(group.name for group in groups if between[group.triangles].any())),
        {name: [piece.name for piece in pieces] for name, pieces in split.items() if len(pieces) > 1},
    )


def _pieces(group: FacetGroup, between: NDArray[np.bool_], of_part: dict[str, NDArray[np.bool_]]) -> list[FacetGroup]:
    """Return a group, or what it falls into: triangles (M,) between the parts, and those of one part at the outside."""
    rows = group.triangles
    at_end = {part: chosen for part, own in of_part.items() if len(chosen := rows[own[rows]])}
    if bool(between[rows].any()) + len(at_end) < 2:
        return [group]
    others = np.setdiff1d(rows, np.concatenate(list(at_end.values())))
    rest = [replace(group, name=f"{group.name}-{part.upper()}-OUTSIDE", number=group.number + _NUMBERS_FROM[part],
                    triangles=chosen) for part, chosen in at_end.items()]
    return [replace(group, triangles=others), *rest] if len(others) else rest


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
