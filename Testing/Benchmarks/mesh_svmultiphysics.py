"""Do svMultiPhysics's folders fit together? Read with PyVista; nothing of HeartSeg is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyvista as pv
from numpy.typing import NDArray

Expect = Callable[..., None]
"""Told what should hold, whether it does, and what was found."""


def complete_meshes(folder: Path) -> list[Path]:
    """Return the folders of complete meshes: one, or those of tissue and blood."""
    return sorted(path.parent for path in folder.rglob("mesh-complete.mesh.vtu"))


def check_svmultiphysics(folder: Path, points: NDArray[np.float64], told: dict, expect: Expect) -> None:
    """Faces of the solver's folders stand on the nodes and elements that their identifiers say."""
    for part in complete_meshes(folder):
        mesh = pv.read(part / "mesh-complete.mesh.vtu")
        tetrahedra = mesh.cells_dict[pv.CellType.TETRA]
        counted = [np.array_equal(mesh.point_data["GlobalNodeID"], np.arange(1, mesh.n_points + 1)),
                   np.array_equal(mesh.cell_data["GlobalElementID"], np.arange(1, mesh.n_cells + 1))]
        expect(f"svmultiphysics: {part.name} counts nodes and elements from 1", all(counted))
        common = np.asarray(mesh.point_data["CommonNodeID"]) - 1
        same = np.allclose(mesh.points, points[common], atol=1e-9)
        expect(f"svmultiphysics: {part.name} has the nodes of vtu", same)
        for path in [part / "mesh-complete.exterior.vtp", *sorted((part / "mesh-surfaces").glob("*.vtp"))]:
            face = pv.read(path)
            nodes, elements = (np.asarray(face.point_data["GlobalNodeID"]) - 1,
                               np.asarray(face.cell_data["GlobalElementID"]) - 1)
            same = np.array_equal(face.points, mesh.points[nodes])
            corners = nodes[face.regular_faces]
            behind = (corners[:, :, None] == tetrahedra[elements][:, None, :]).any(axis=2).all()
            expect(f"svmultiphysics: {part.name}/{path.stem} stands on its nodes and elements",
                   bool(same and behind))
    if "parts" in told:
        _check_interfaces(folder, told["interfaces"], expect)


def _check_interfaces(folder: Path, listed: list[str], expect: Expect) -> None:
    """Every face under one name in both folders is listed, and is the same face seen from its two sides."""
    tissue, blood = ({path.stem: pv.read(path) for path in sorted((folder / part / "mesh-surfaces").glob("*.vtp"))}
                     for part in ("tissue", "blood"))
    expect("svmultiphysics: faces of one name are the interfaces", sorted(tissue.keys() & blood) == listed,
           sorted(tissue.keys() & blood))
    for name in tissue.keys() & blood:
        here, there = tissue[name], blood[name]
        same = (np.array_equal(here.point_data["CommonNodeID"], there.point_data["CommonNodeID"])
                and np.array_equal(here.points, there.points))
        expect(f"svmultiphysics: {name} has the same nodes in both", same,
               f"{here.n_points} in tissue, {there.n_points} in blood")
        expect(f"svmultiphysics: {name} is one face seen from both sides",
               np.array_equal(_sides_of(here), _sides_of(there, turned=True)),
               f"{here.n_cells} triangles in tissue, {there.n_cells} in blood")
    others = [{tuple(side) for name in faces.keys() - set(listed)
               for side in _sides_of(faces[name], turned).tolist()}
              for faces, turned in ((tissue, False), (blood, True))]
    expect("svmultiphysics: no other face is shared", not others[0] & others[1], len(others[0] & others[1]))


def _sides_of(face: pv.PolyData, turned: bool = False) -> NDArray[np.int64]:
    """Return sorted triangles (M, 3) of common nodes, the lowest first; seen from behind where they are turned."""
    corners = np.asarray(face.point_data["CommonNodeID"], np.int64)[face.regular_faces]
    corners = corners[:, ::-1] if turned else corners
    first = np.argmin(corners, axis=1)[:, None]
    rows = np.take_along_axis(corners, (first + np.arange(3)) % 3, axis=1)
    return rows[np.lexsort(rows.T)]
