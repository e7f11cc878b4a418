"""Does a mesh lie where its label map is? Nothing of HeartSeg is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyvista as pv
import SimpleITK as sitk
from mesh_referee import read_surfaces, read_tetrahedra
from numpy.typing import NDArray
from scipy import ndimage

PROBES = 20_000
"""Voxels that are looked up in tetrahedra; in each closed surface a tenth as many."""

Expect = Callable[[str, bool, object], None]


def check_positions(folder: Path, stem: str, frame: str, labels: sitk.Image, expect: Expect) -> None:
    """Look voxels up in the mesh whose neighbors all have the same label, far enough from walls to be certain.

    A mesh that is shifted by more than about a voxel, turned, mirrored or in the other frame fails.

    Args:
        folder: Where the files are.
        stem: Their name.
        frame: "LPS" or "RAS", that of the mesh.
        labels: Label map with all walls, in LPS as SimpleITK has it.
        expect: Told the name of each check, whether it holds, and what was found.
    """
    points, values = certain_voxels(labels)
    if frame == "RAS":
        points = points * (-1.0, -1.0, 1.0)
    surfaces = read_surfaces(folder / f"{stem}.vtp")
    for value, surface in surfaces.items():
        chosen = np.concatenate([np.flatnonzero(values == value)[:PROBES // 20],
                                 np.flatnonzero(values != value)[:PROBES // 20]])
        inside = _inside(points[chosen], surface)
        wrong = int(np.count_nonzero(inside != (values[chosen] == value)))
        expect(f"surface of label {value} holds its voxels and no others", wrong == 0, f"{wrong} of {len(chosen)}")
    if (folder / f"{stem}.vtu").is_file():
        found = _labels_at(points[:PROBES], *read_tetrahedra(folder / f"{stem}.vtu"))
        wrong = int(np.count_nonzero(found != values[:PROBES]))
        expect("tetrahedra lie on the voxels of their labels", wrong == 0, f"{wrong} of {min(PROBES, len(points))}")


def certain_voxels(labels: sitk.Image) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return centers (N, 3), LPS, mm, and labels (N,) of voxels among their like, in random order, half background."""
    voxels = sitk.GetArrayFromImage(labels).astype(np.int64)
    alike = ndimage.maximum_filter(voxels, 3) == ndimage.minimum_filter(voxels, 3)
    chance = np.random.default_rng(0)
    labeled, empty = (chance.permutation(np.argwhere(alike & chosen)) for chosen in (voxels > 0, voxels == 0))
    places = chance.permutation(np.concatenate([labeled, empty[:len(labeled)]]))
    matrix = np.reshape(labels.GetDirection(), (3, 3)) * labels.GetSpacing()
    return places[:, ::-1] @ matrix.T + labels.GetOrigin(), voxels[tuple(places.T)]


def _inside(points: NDArray[np.float64], surface: tuple[NDArray[np.float64], NDArray[np.integer]]) -> NDArray[np.bool_]:
    closed = pv.PolyData.from_regular_faces(*surface)
    found = pv.PolyData(points).select_interior_points(closed, check_surface=False)
    return np.asarray(found.point_data["selected_points"]).astype(bool)


def _labels_at(points: NDArray[np.float64], nodes: NDArray[np.float64], tetrahedra: NDArray[np.integer],
               labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the labels of the tetrahedra around points, 0 where there is none."""
    cells = pv.UnstructuredGrid({pv.CellType.TETRA: tetrahedra}, nodes).find_containing_cell(points)
    return np.where(cells < 0, 0, np.asarray(labels)[cells])
