"""PLY, binary: one closed surface a structure with its color, in a folder; names carry frame and unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .content import MeshContent, Region

_VERTEX = np.dtype([("place", "<f4", 3), ("color", "u1", 3)])
_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def write_ply(content: MeshContent, folder: Path) -> dict[str, Any]:
    """Writes NAME_LPS_mm.ply for each structure; Slicer reads the frame from the comment."""
    folder.mkdir()
    for region in content.regions:
        _write_region(content, region, folder / f"{region.name}_{content.frame}_mm.ply")
    return {"closed_surfaces": [region.name for region in content.regions]}


def _write_region(content: MeshContent, region: Region, path: Path) -> None:
    used, corners = np.unique(content.closed_surface(region), return_inverse=True)
    vertices = np.zeros(len(used), _VERTEX)
    vertices["place"], vertices["color"] = content.points[used], region.color
    corners = corners.reshape(-1, 3)
    faces = np.zeros(len(corners), _FACE)
    faces["count"], faces["corners"] = 3, corners
    header = [
        "ply", "format binary_little_endian 1.0", f"comment {content.header} NAME={region.name}",
        f"element vertex {len(vertices)}", *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {color}" for color in ("red", "green", "blue")),
        f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", "",
    ]
    with path.open("wb") as file:
        file.write("\n".join(header).encode("ascii"))
        file.write(vertices.tobytes())
        file.write(faces.tobytes())
