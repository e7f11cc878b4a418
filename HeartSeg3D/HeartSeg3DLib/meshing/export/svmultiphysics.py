"""svMultiPhysics: the folder that SimVascular calls mesh-complete.

The solver finds nodes of faces by their coordinates, digit by digit, so all are written as 64-bit numbers; identifiers
must be 32-bit integers from 1, directions 64-bit numbers in a cell array FIB_DIR.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..mesh import OUTSIDE
from .content import FIBER, SHEET, MeshContent
from .facets import FacetGroup, facet_groups, facet_numbers, tetrahedra_behind
from .vtk_data import Arrays, add_arrays, save_surface, save_volume, state, surface_data, volume_data

_DIRECTIONS = {FIBER: "FibersLong.vtu", SHEET: "FibersSheet.vtu"}
"""Names as in the cardiac mechanics example of the solver's guide, in the order in which solver.xml names them."""


def write_svmultiphysics(content: MeshContent, folder: Path) -> dict[str, Any]:
    """Writes mesh-complete.mesh.vtu, mesh-complete.exterior.vtp, mesh-surfaces/NAME.vtp, and fibers where known.

    Directions are those at the centers of elements; elements without any, such as blood, have zeros.

    Faces are the patches, and for each label what lies outside of them, so that together they cover the exterior.
    Domains are counted from 1: the solver keeps them as bits, and a label of 107 would not fit.
    """
    (folder / "mesh-surfaces").mkdir(parents=True)
    groups = facet_groups(content)
    outer = content.labels[:, 1] == OUTSIDE
    faces = [group for group in groups if group.is_patch or outer[group.triangles].any()]
    elements, _ = tetrahedra_behind(content)
    _write_volume(content, folder / "mesh-complete.mesh.vtu", {
        "GlobalElementID": _counted(len(content.tetrahedra)), "label": content.tetra_tags,
        "DOMAIN_ID": _domains(content),
    })
    _write_face(content, folder / "mesh-complete.exterior.vtp", np.flatnonzero(outer), elements, groups)
    for group in faces:
        _write_face(content, folder / "mesh-surfaces" / f"{group.name}.vtp", group.triangles, elements, groups)
    present = {name: file for name, file in _DIRECTIONS.items() if name in content.cell_fields}
    for name, file in present.items():
        _write_volume(content, folder / file, {"FIB_DIR": content.cell_fields[name].astype(np.float64)})
    return {"domains": {region.name: number for number, region in enumerate(content.regions, start=1)},
            "faces": {group.name: group.number for group in faces},
            "fibers": "fields of the mesh" if present else "none", "fiber_files": list(present.values()),
            "elements_without_fibers": int((~content.with_fibers).sum())}


def _write_volume(content: MeshContent, path: Path, arrays: Arrays) -> None:
    data = volume_data(content.points, content.tetrahedra)
    add_arrays(data.GetPointData(), {"GlobalNodeID": _counted(len(content.points))})
    add_arrays(data.GetCellData(), arrays)
    save_volume(data, content, path)


def _write_face(
    content: MeshContent, path: Path, chosen: NDArray[np.intp], elements: NDArray[np.intp],
    groups: tuple[FacetGroup, ...],
) -> None:
    used, corners = np.unique(content.triangles[chosen], return_inverse=True)
    data = surface_data(content.points[used], corners.reshape(-1, 3).astype(np.int32))
    add_arrays(data.GetPointData(), {"GlobalNodeID": (used + 1).astype(np.int32)})
    add_arrays(data.GetCellData(), {"GlobalElementID": (elements[chosen] + 1).astype(np.int32),
                                    "ModelFaceID": facet_numbers(content, groups)[chosen]})
    state(data, content, groups)
    save_surface(data, path)


def _domains(content: MeshContent) -> NDArray[np.int32]:
    tags = np.array([region.tag for region in content.regions])
    return (np.searchsorted(tags, content.tetra_tags) + 1).astype(np.int32)


def _counted(count: int) -> NDArray[np.int32]:
    return np.arange(1, count + 1, dtype=np.int32)
