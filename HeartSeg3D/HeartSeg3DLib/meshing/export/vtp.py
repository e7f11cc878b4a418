"""VTP: all walls once, with the labels of both sides and the number of their patch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .content import MeshContent
from .facets import facet_groups, facet_numbers
from .vtk_data import add_arrays, save_surface, state, surface_data


def write_vtp(content: MeshContent, path: Path) -> dict[str, Any]:
    """Writes cell arrays label_in, label_out and patch; field data say what the numbers mean, SPACE and UNITS."""
    groups = facet_groups(content)
    data = surface_data(content.points, content.triangles)
    add_arrays(data.GetCellData(), {"label_in": content.side_tags[:, 0], "label_out": content.side_tags[:, 1],
                                    "patch": facet_numbers(content, groups)})
    add_arrays(data.GetPointData(), content.node_fields)
    state(data, content, groups)
    save_surface(data, path)
    return {}
