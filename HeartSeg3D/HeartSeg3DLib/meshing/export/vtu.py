"""VTU: tetrahedra with labels, fields, and for each patch which nodes lie on it.

The frame stands in a comment, which 3D Slicer does not read: it takes every VTU file for LPS. For Slicer in RAS, the
legacy format states its frame.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .content import MeshContent
from .vtk_data import labeled_volume, save_volume


def write_vtu(content: MeshContent, path: Path) -> dict[str, Any]:
    """Writes the cell array label, all fields, and the point arrays on_NAME (0 or 1) of the patches."""
    save_volume(labeled_volume(content), content, path)
    return {}
