"""A judge of meshes that knows nothing of HeartSeg: PyVista, VTK's verdict filters and MeshLab.

    python mesh_referee.py MESH LABELS [PRESET]

MESH is a .vtp with `label_in` and `label_out` or a .vtu with `label`, as HeartSeg writes them, or an .npz of arrays as
`mesh_peer_tools.py` stores them; LABELS is the label map that it was made from, whose voxels its volumes are held
against, in the numbers of PRESET where the mesh was written for one. Prints the worst figures over all structures as
JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pymeshlab
import pyvista as pv
import SimpleITK as sitk
from mesh_presets import as_written
from numpy.typing import NDArray

Points = NDArray[np.float64]
Cells = NDArray[np.integer]

DEFECTS = ("open_edges", "non_manifold_edges", "non_manifold_vertices", "inconsistent_edges", "intersecting_triangles")
POOR = 0.2
"""Tetrahedra of a smaller scaled Jacobian are counted."""


def surface_figures(points: Points, triangles: Cells) -> dict[str, float]:
    """Return defects, signed volume in mm³ and scaled Jacobians of one structure's closed surface.

    Open and non-manifold edges come from VTK, separately; vertices of several fans and triangles that cut each other
    from MeshLab. An edge is inconsistent where two triangles run along it in the same direction.
    """
    mesh = pv.PolyData.from_regular_faces(points, triangles)
    quality = mesh.cell_quality("scaled_jacobian")["scaled_jacobian"]
    a, b, c = (points[triangles[:, corner]] - points[triangles[0, 0]] for corner in range(3))
    return {
        "open_edges": _lines(mesh, boundary_edges=True), "non_manifold_edges": _lines(mesh, non_manifold_edges=True),
        **_meshlab_figures(mesh), "inconsistent_edges": _inconsistent(triangles),
        "volume_mm3": float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0),
        "triangles": len(triangles), "minimum": float(quality.min()), "mean": float(quality.mean()),
    }


def tetra_figures(points: Points, tetrahedra: Cells, labels: NDArray[np.integer]) -> dict[str, object]:
    """Return how well tetrahedra are shaped, as verdict sees it, and each label's volume in mm³."""
    grid = pv.UnstructuredGrid({pv.CellType.TETRA: tetrahedra}, points)
    quality = grid.cell_quality("scaled_jacobian")["scaled_jacobian"]
    volumes = grid.compute_cell_sizes(length=False, area=False)["Volume"]
    return {
        "tetrahedra": len(tetrahedra), "minimum": float(quality.min()), "mean": float(quality.mean()),
        "poor": int(np.count_nonzero(quality < POOR - 1e-6)), "inverted": int(np.count_nonzero(volumes <= 0.0)),
        "volume_mm3": {int(value): float(volumes[labels == value].sum()) for value in np.unique(labels)},
        "locked_percent": {int(value): locked_percent(tetrahedra[labels == value]) for value in np.unique(labels)},
    }


def locked_percent(tetrahedra: Cells) -> float:
    """Return how many of a structure's tetrahedra have all corners on its surface, where nothing between can deform."""
    faces = np.sort(tetrahedra[:, [0, 1, 2, 0, 1, 3, 0, 2, 3, 1, 2, 3]].reshape(-1, 3), axis=1)
    once, counts = np.unique(faces, axis=0, return_counts=True)
    on_surface = np.zeros(int(tetrahedra.max()) + 1, bool)
    on_surface[once[counts == 1]] = True
    return 100.0 * float(on_surface[tetrahedra].all(axis=1).mean())


def label_surface(points: Points, tetrahedra: Cells, labels: NDArray[np.integer], value: int) -> tuple[Points, Cells]:
    """Return the surface that VTK finds around the tetrahedra of one label, turned outward."""
    grid = pv.UnstructuredGrid({pv.CellType.TETRA: tetrahedra[labels == value]}, points)
    surface = grid.extract_surface(algorithm="dataset_surface")
    return np.asarray(surface.points, np.float64), surface.regular_faces


def _lines(mesh: pv.PolyData, **kind: bool) -> int:
    kinds = dict.fromkeys(("boundary_edges", "non_manifold_edges", "feature_edges", "manifold_edges"), False) | kind
    return int(mesh.extract_feature_edges(**kinds).n_cells)


def _meshlab_figures(mesh: pv.PolyData) -> dict[str, int]:
    meshes = pymeshlab.MeshSet()
    meshes.add_mesh(pymeshlab.Mesh(np.asarray(mesh.points, np.float64), mesh.regular_faces))
    topology = meshes.get_topological_measures()
    meshes.compute_selection_by_self_intersections_per_face()
    return {"intersecting_triangles": int(meshes.current_mesh().selected_face_number()),
            "non_manifold_vertices": int(topology["non_two_manifold_vertices"]),
            "pieces": int(topology["connected_components_number"])}


def _inconsistent(triangles: Cells) -> int:
    """Return how many directed edges two triangles share."""
    edges = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
    return len(edges) - len(np.unique(edges[:, 0] * (int(triangles.max()) + 1) + edges[:, 1]))


def read_surfaces(path: Path) -> dict[int, tuple[Points, Cells]]:
    """Return each label's closed surface from a file of surfaces."""
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return {int(name[7:]): (arrays[name], arrays[f"triangles_{name[7:]}"])
                    for name in arrays if name.startswith("points_")}
    mesh = pv.read(path)
    points, triangles = np.asarray(mesh.points, np.float64), mesh.regular_faces
    inner, outer = mesh.cell_data["label_in"], mesh.cell_data["label_out"]
    return {int(value): (points, np.concatenate([triangles[inner == value], triangles[outer == value][:, ::-1]]))
            for value in np.union1d(inner, outer) if value}


def read_tetrahedra(path: Path) -> tuple[Points, Cells, NDArray[np.integer]] | None:
    """Return points, tetrahedra and labels, or None where the file has surfaces alone."""
    if path.suffix == ".vtp":
        return None
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return (arrays["points"], arrays["tetrahedra"], arrays["labels"]) if "labels" in arrays else None
    mesh = pv.read(path)
    return np.asarray(mesh.points, np.float64), mesh.cells_dict[pv.CellType.TETRA], mesh.cell_data["label"]


def voxel_volumes_mm3(labels: sitk.Image) -> dict[int, float]:
    """Return the volume of each label's voxels."""
    values, counts = np.unique(sitk.GetArrayViewFromImage(labels), return_counts=True)
    voxel = float(np.prod(labels.GetSpacing()))
    return {int(value): float(count) * voxel for value, count in zip(values, counts, strict=True) if value}


def judge(path: Path, labels: sitk.Image) -> dict[str, object]:
    """Return the worst figures over all structures of a mesh, and each structure's volume error."""
    found = read_tetrahedra(path)
    values = np.unique(found[2]) if found else ()
    surfaces = {int(value): label_surface(*found, value) for value in values} if found else read_surfaces(path)
    figures = {value: surface_figures(*surface) for value, surface in surfaces.items()}
    expected = voxel_volumes_mm3(labels)
    errors = {value: 100.0 * (figures[value]["volume_mm3"] / volume - 1.0) if value in figures else -100.0
              for value, volume in expected.items()}
    row = {
        "structures": len(figures), **{defect: sum(row[defect] for row in figures.values()) for defect in DEFECTS},
        "pieces": sum(row["pieces"] for row in figures.values()),
        "volume_error_percent": {value: round(error, 3) for value, error in errors.items()},
        "triangles": sum(row["triangles"] for row in figures.values()),
        "triangle_scaled_jacobian": {"minimum": round(min(row["minimum"] for row in figures.values()), 4),
                                     "mean": round(float(np.average(
                                         [row["mean"] for row in figures.values()],
                                         weights=[row["triangles"] for row in figures.values()])), 4)},
    }
    if found:
        tetra = tetra_figures(*found)
        row |= {"tetrahedra": tetra["tetrahedra"], "poor_tetrahedra": tetra["poor"],
                "inverted_tetrahedra": tetra["inverted"],
                "locked_percent": {value: round(share, 3) for value, share in tetra["locked_percent"].items()},
                "tetrahedron_scaled_jacobian": {part: round(tetra[part], 4) for part in ("minimum", "mean")}}
    return row


if __name__ == "__main__":
    print(json.dumps(judge(Path(sys.argv[1]), as_written(sitk.ReadImage(sys.argv[2]), *(sys.argv[3:] or [None])))))
