"""STL, binary: one closed surface a structure and one open surface a patch, in a folder; names carry frame and unit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .content import MeshContent

_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_HEADER_BYTES = 80


def write_stl(content: MeshContent, folder: Path) -> dict[str, Any]:
    """Writes NAME_LPS_mm.stl for each structure and patches/NAME_LPS_mm.stl for each patch.

    Slicer reads the frame from the header.
    """
    (folder / "patches").mkdir(parents=True)
    surfaces = {region.name: content.closed_surface(region) for region in content.regions}
    patches = {name: content.triangles[chosen] for name, chosen in content.patches.items()}
    for place, named in ((folder, surfaces), (folder / "patches", patches)):
        for name, triangles in named.items():
            path = place / f"{name}_{content.frame}_mm.stl"
            _write_triangles(path, content.points[triangles], f"{content.header} NAME={name}")
    return {"closed_surfaces": sorted(surfaces), "patches": sorted(patches)}


def _write_triangles(path: Path, corners: NDArray[np.float64], header: str) -> None:
    """Writes triangles (M, 3, 3); the header does not start with "solid", which would announce text."""
    records = np.zeros(len(corners), _TRIANGLE)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    records["normal"] = normals / np.where(lengths > 0, lengths, 1)
    records["corners"] = corners
    with path.open("wb") as file:
        file.write(header.encode("ascii", "replace")[:_HEADER_BYTES].ljust(_HEADER_BYTES))
        file.write(np.uint32(len(records)).astype("<u4").tobytes())
        file.write(records.tobytes())
