"""svMultiPhysics: the folder that SimVascular calls mesh-complete; for tissue and blood together one of each.

The solver finds nodes of faces by their coordinates, digit by digit, so all are written as 64-bit numbers; identifiers
must be 32-bit integers from 1, directions 64-bit numbers in a cell array FIB_DIR.

A face must lie on the boundary of its mesh. So where a mesh has blood and tissue, each is a mesh of its own in a folder
"tissue" or "blood". What lies between them is a face of both, under the same name, with the same nodes to the last
digit, and normals out of the mesh that it is a face of. The rest of a patch that only partly lies between them has a
name of its own, so that no name stands for two different faces. Nodes and elements are counted from 1 in each folder,
as the solver wants them; CommonNodeID and CommonElementID say which they are in the mesh that both were taken from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..mesh import OUTSIDE
from .content import FIBER, SHEET, MeshContent
from .facets import FacetGroup, facet_groups, facet_numbers, tetrahedra_behind
from .parts import MeshPart, parts_of, split_groups
from .vtk_data import Arrays, add_arrays, save_surface, save_volume, state, surface_data, volume_data

FACES, INNER = "mesh-surfaces", "inner-surfaces"

_DIRECTIONS = {FIBER: "FibersLong.vtu", SHEET: "FibersSheet.vtu"}
"""Names as in the cardiac mechanics example of the solver's guide, in the order in which solver.xml names them."""

_NUMBERING = ("GlobalNodeID and GlobalElementID count from 1 within a folder; CommonNodeID and CommonElementID are the "
              "same nodes and elements counted from 1 in the whole mesh, so nodes of two folders with the same "
              "CommonNodeID are one node, and have the same coordinates.")


def write_svmultiphysics(content: MeshContent, folder: Path) -> dict[str, Any]:
    """Writes a complete mesh, or one in "tissue" and one in "blood" where there is both.

    Each has mesh-complete.mesh.vtu, mesh-complete.exterior.vtp, mesh-surfaces/NAME.vtp, and fibers where known.
    Directions are those at the centers of elements; elements without any, such as blood, have zeros.

    Faces are the patches, and for each label what lies outside of them, so that together they cover the exterior. What
    lies within a mesh, such as a valve in blood, is no face: it goes into inner-surfaces, which no solver reads.
    Domains are counted from 1: the solver keeps them as bits, and a label of 107 would not fit.

    Of two meshes, "interfaces" names the faces that they share, and "split_patches" all faces of each patch that is in
    several.
    """
    groups, parts = facet_groups(content), parts_of(content)
    numbering = {"numbering": _NUMBERING}
    if len(parts) == 1:
        return numbering | _write_part(parts[0], folder, groups)
    split = split_groups(content, groups)
    told = {part.name: _write_part(part, folder / part.name, split.groups) for part in parts}
    return numbering | {"parts": told, "interfaces": list(split.interfaces), "split_patches": split.faces_of}


def _write_part(part: MeshPart, folder: Path, groups: tuple[FacetGroup, ...]) -> dict[str, Any]:
    """Write one complete mesh and return what the sidecar says about it."""
    content = part.content
    (folder / FACES).mkdir(parents=True)
    outer = content.labels[:, 1] == OUTSIDE
    _write_volume(part, folder / "mesh-complete.mesh.vtu", {
        "GlobalElementID": _counted(len(content.tetrahedra)), "label": content.tetra_tags,
        "DOMAIN_ID": _domains(content),
    })
    face = _FaceWriter(part, groups)
    face.write(folder / "mesh-complete.exterior.vtp", np.flatnonzero(outer))
    faces = face.write_groups(folder / FACES, outer)
    inner = face.write_groups(folder / INNER, ~outer)
    present = {name: file for name, file in _DIRECTIONS.items()
               if name in content.cell_fields and content.with_fibers.any()}
    for name, file in present.items():
        _write_volume(part, folder / file, {"FIB_DIR": content.cell_fields[name].astype(np.float64)})
    return {"domains": {region.name: number for number, region in enumerate(content.regions, start=1)},
            "faces": faces, "inner_surfaces": inner,
            "fibers": "fields of the mesh" if present else "none", "fiber_files": list(present.values()),
            "elements_without_fibers": int((~content.with_fibers).sum())}


class _FaceWriter:
    """Writes triangles of one part with the nodes and elements that they belong to."""

    def __init__(self, part: MeshPart, groups: tuple[FacetGroup, ...]) -> None:
        self._part, self._groups = part, part.own_groups(groups)
        self._elements, _ = tetrahedra_behind(part.content)
        self._numbers = facet_numbers(part.content, self._groups)

    def write_groups(self, folder: Path, chosen: NDArray[np.bool_]) -> dict[str, int]:
        """Write the chosen triangles (M,) of each group that has any, and return the numbers by name."""
        written = {}
        for group in self._groups:
            rows = group.triangles[chosen[group.triangles]]
            if len(rows):
                folder.mkdir(exist_ok=True)
                self.write(folder / f"{group.name}.vtp", rows)
                written[group.name] = group.number
        return written

    def write(self, path: Path, rows: NDArray[np.intp]) -> None:
        """Write the triangles with these indices."""
        part, content, elements = self._part, self._part.content, self._elements[rows]
        used, corners = np.unique(content.triangles[rows], return_inverse=True)
        data = surface_data(content.points[used], corners.reshape(-1, 3).astype(np.int32))
        add_arrays(data.GetPointData(), {"GlobalNodeID": _from_one(used), "CommonNodeID": _from_one(part.nodes[used])})
        add_arrays(data.GetCellData(), {"GlobalElementID": _from_one(elements),
                                        "CommonElementID": _from_one(part.tetrahedra[elements]),
                                        "ModelFaceID": self._numbers[rows]})
        state(data, content, self._groups)
        save_surface(data, path)


def _write_volume(part: MeshPart, path: Path, arrays: Arrays) -> None:
    content = part.content
    data = volume_data(content.points, content.tetrahedra)
    add_arrays(data.GetPointData(), {"GlobalNodeID": _counted(len(content.points)),
                                     "CommonNodeID": _from_one(part.nodes)})
    add_arrays(data.GetCellData(), {**arrays, "CommonElementID": _from_one(part.tetrahedra)})
    save_volume(data, content, path)


def _domains(content: MeshContent) -> NDArray[np.int32]:
    tags = np.array([region.tag for region in content.regions])
    return (np.searchsorted(tags, content.tetra_tags) + 1).astype(np.int32)


def _counted(count: int) -> NDArray[np.int32]:
    return np.arange(1, count + 1, dtype=np.int32)


def _from_one(indices: NDArray[np.integer]) -> NDArray[np.int32]:
    return (indices + 1).astype(np.int32)
