"""Gmsh's MSH format 4.1, binary, with entities and physical names.

Every wall between two labels is a surface entity, split where patches begin, so that a triangle can be in several
patches; every label is a volume entity bounded by its walls.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .content import MeshContent
from .facets import FacetGroup, facet_groups
from .gmsh22 import write_comment, write_physical_names
from .gmsh_fields import write_gmsh_fields

_TRIANGLE, _TETRAHEDRON = 2, 4
"""Gmsh's numbers of these elements."""

_START = b"$MeshFormat\n4.1 1 8\n" + np.int32(1).tobytes() + b"\n$EndMeshFormat\n"
"""Numbers are bytes, and the one tells in which order."""


@dataclass(frozen=True)
class _Entity:
    dimension: int
    tag: int
    corners: NDArray[np.int32]
    physical: tuple[int, ...]
    boundary: tuple[int, ...] = ()
    """Tags of the bounding surfaces, negative where their normals point inward."""


def write_gmsh41(content: MeshContent, path: Path) -> dict[str, Any]:
    """Writes triangles in all their groups and tetrahedra under their label; fields in a file beside it."""
    groups = facet_groups(content)
    surfaces, sides = _surfaces(content, groups)
    entities = [*surfaces, *_volumes(content, sides)]
    with path.open("wb") as file:
        file.write(_START)
        write_comment(file, content)
        write_physical_names(file, content, groups)
        _write_entities(file, content, entities)
        _write_nodes(file, content, entities)
        _write_elements(file, entities)
    write_gmsh_fields(content, path, _START, _numbers(content))
    return {}


def _numbers(content: MeshContent) -> NDArray[np.intp]:
    """Return the numbers (K,) of the tetrahedra in the file, where they follow the triangles, label by label."""
    numbers = np.empty(len(content.tetrahedra), np.intp)
    numbers[np.argsort(content.tetra_tags, kind="stable")] = np.arange(len(numbers)) + len(content.triangles) + 1
    return numbers


def _surfaces(
    content: MeshContent, groups: tuple[FacetGroup, ...]
) -> tuple[list[_Entity], dict[int, tuple[int, int]]]:
    """Return the parts of walls that are in the same groups, and the tags of both sides of each part."""
    combination = np.zeros(len(content.triangles), np.int64)
    for group in groups:
        inside = np.zeros(len(combination), np.int64)
        inside[group.triangles] = 1
        combination = np.unique(combination * 2 + inside, return_inverse=True)[1].ravel()
    keys = np.column_stack([content.side_tags, combination])
    _, first, part = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    part = part.ravel()
    smallest_first = sorted(groups, key=lambda group: len(group.triangles))  # for readers that keep the first alone
    member = {tag: tuple(group.number for group in smallest_first if (group.triangles == place).any())
              for tag, place in enumerate(first.tolist(), start=1)}
    surfaces = [_Entity(2, tag, content.triangles[part == tag - 1], member[tag]) for tag in member]
    sides = content.side_tags[first].tolist()
    return surfaces, {tag: (inner, outer) for tag, (inner, outer) in enumerate(sides, start=1)}


def _volumes(content: MeshContent, sides: dict[int, tuple[int, int]]) -> list[_Entity]:
    volumes = []
    for region in content.regions:
        corners = content.tetrahedra[content.tetra_tags == region.tag]
        if len(corners):
            boundary = [tag if inner == region.tag else -tag for tag, (inner, outer) in sides.items()
                        if (inner == region.tag) != (outer == region.tag)]
            volumes.append(_Entity(3, region.tag, corners, (region.tag,), tuple(boundary)))
    return volumes


def _write_entities(file: BinaryIO, content: MeshContent, entities: list[_Entity]) -> None:
    counts = [sum(entity.dimension == dimension for entity in entities) for dimension in range(4)]
    file.write(b"$Entities\n" + _sizes(*counts))
    for entity in entities:
        places = content.points[np.unique(entity.corners)]
        file.write(np.int32(entity.tag).tobytes() + places.min(axis=0).tobytes() + places.max(axis=0).tobytes())
        for numbers in (entity.physical, entity.boundary):
            file.write(_sizes(len(numbers)) + np.array(numbers, np.int32).tobytes())
    file.write(b"\n$EndEntities\n")


def _write_nodes(file: BinaryIO, content: MeshContent, entities: list[_Entity]) -> None:
    """Writes each node once, with the first entity that has it; surfaces come first, as Gmsh classifies nodes."""
    free = np.ones(len(content.points), bool)
    file.write(b"$Nodes\n" + _sizes(len(entities), len(content.points), 1, len(content.points)))
    for entity in entities:
        own = np.unique(entity.corners)
        own = own[free[own]]
        free[own] = False
        file.write(_block(entity, 0, len(own)) + (own + 1).astype(np.uint64).tobytes() + content.points[own].tobytes())
    file.write(b"\n$EndNodes\n")


def _write_elements(file: BinaryIO, entities: list[_Entity]) -> None:
    total = sum(len(entity.corners) for entity in entities)
    file.write(b"$Elements\n" + _sizes(len(entities), total, 1, total))
    next_tag = 1
    for entity in entities:
        count = len(entity.corners)
        rows = np.empty((count, 1 + entity.corners.shape[1]), np.uint64)
        rows[:, 0], rows[:, 1:] = np.arange(next_tag, next_tag + count), entity.corners + 1
        kind = _TRIANGLE if entity.dimension == 2 else _TETRAHEDRON
        file.write(_block(entity, kind, count) + rows.tobytes())
        next_tag += count
    file.write(b"\n$EndElements\n")


def _block(entity: _Entity, kind: int, count: int) -> bytes:
    """Head of a block: dimension, entity, element type (0, not parametric, for nodes), number of members."""
    return np.array([entity.dimension, entity.tag, kind], np.int32).tobytes() + _sizes(count)


def _sizes(*numbers: int) -> bytes:
    return np.array(numbers, np.uint64).tobytes()
