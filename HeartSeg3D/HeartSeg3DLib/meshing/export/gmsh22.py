"""Gmsh's MSH format 2.2 as text, with physical names; the version that most converters read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .content import MeshContent
from .facets import FacetGroup, facet_groups, facet_numbers
from .gmsh_fields import write_gmsh_fields
from .text import write_rows

_TRIANGLE, _TETRAHEDRON = 2, 4
"""Gmsh's numbers of these elements."""

_START = b"$MeshFormat\n2.2 0 8\n$EndMeshFormat\n"


def write_gmsh22(content: MeshContent, path: Path) -> dict[str, Any]:
    """Writes triangles under the number of their group and tetrahedra under their label; fields in a file beside it.

    An element has one physical tag here: a triangle in several patches has that of the smallest.
    """
    groups = facet_groups(content)
    triangle_tags = facet_numbers(content, groups)
    total = len(content.triangles) + len(content.tetrahedra)
    with path.open("wb") as file:
        file.write(_START)
        write_comment(file, content)
        write_physical_names(file, content, groups)
        file.write(f"$Nodes\n{len(content.points)}\n".encode())
        write_rows(file, "%d %.12g %.12g %.12g", np.arange(1, len(content.points) + 1), content.points)
        file.write(f"$EndNodes\n$Elements\n{total}\n".encode())
        write_rows(file, f"%d {_TRIANGLE} 2 %d %d %d %d %d", np.arange(1, len(content.triangles) + 1),
                   triangle_tags, triangle_tags, content.triangles + 1)
        write_rows(file, f"%d {_TETRAHEDRON} 2 %d %d %d %d %d %d", np.arange(len(content.triangles) + 1, total + 1),
                   content.tetra_tags, content.tetra_tags, content.tetrahedra + 1)
        file.write(b"$EndElements\n")
    write_gmsh_fields(content, path, _START, np.arange(len(content.triangles) + 1, total + 1))
    return {}


def write_comment(file: BinaryIO, content: MeshContent) -> None:
    """Writes frame and unit into a section that Gmsh skips."""
    file.write(f"$Comments\n{content.header}\n$EndComments\n".encode())


def write_physical_names(file: BinaryIO, content: MeshContent, groups: tuple[FacetGroup, ...]) -> None:
    """Writes the names of triangles' groups (dimension 2) and of tetrahedra's tags (dimension 3)."""
    lines = [f'2 {group.number} "{group.name}"' for group in groups]
    if len(content.tetrahedra):
        present = set(np.unique(content.tetra_tags).tolist())
        lines += [f'3 {region.tag} "{region.name}"' for region in content.regions if region.tag in present]
    file.write("\n".join(["$PhysicalNames", str(len(lines)), *lines, "$EndPhysicalNames", ""]).encode())
