"""Folders for svMultiPhysics, read back with VTK: complete, closed, outward, and tissue and blood fit node by node."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkIntArray
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader, vtkXMLUnstructuredGridReader

from exported_heart import TISSUE_VOXELS, VOXEL_MM3, heart_labels, heart_mesh, heart_patches
from HeartSeg3DLib.meshing.export.content import FIBER
from HeartSeg3DLib.meshing.export.writing import ExportRequest, export_mesh, request_for
from HeartSeg3DLib.meshing.mesh import TetraMesh
from HeartSeg3DLib.meshing.patches import name_patches
from labeled_blocks import block_mesh

TISSUE, BLOOD = (2, 103), (1, 3)
TISSUE_LABELS = (2, 20, 21, 22, 103, 104, 105, 106, 107)
PARTS = {"tissue": TISSUE, "blood": BLOOD}
NEAR = {"LV_ENDO", "RV_ENDO"}
"""Surfaces between tissue and blood."""


def read_vtk(reader: vtkXMLPolyDataReader | vtkXMLUnstructuredGridReader, path: Path) -> Any:
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


@dataclass(frozen=True)
class Face:
    """A VTP file: points (N, 3), triangles (M, 3) into them, and its identifiers from 1."""

    points: NDArray[np.float64]
    triangles: NDArray[np.int64]
    nodes: NDArray[np.int32]
    common_nodes: NDArray[np.int32]
    elements: NDArray[np.int32]
    common_elements: NDArray[np.int32]

    @property
    def corners(self) -> list[tuple[int, ...]]:
        """Nodes of each triangle in their cyclic order, the lowest first: the same for the same side."""
        return [tuple(np.roll(row, -int(np.argmin(row))).tolist()) for row in self.common_nodes[self.triangles]]


def read_face(path: Path) -> Face:
    data = read_vtk(vtkXMLPolyDataReader(), path)
    points, cells = data.GetPointData(), data.GetCellData()
    return Face(vtk_to_numpy(data.GetPoints().GetData()),
                vtk_to_numpy(data.GetPolys().GetConnectivityArray()).reshape(-1, 3),
                *(vtk_to_numpy(points.GetArray(name)) for name in ("GlobalNodeID", "CommonNodeID")),
                *(vtk_to_numpy(cells.GetArray(name)) for name in ("GlobalElementID", "CommonElementID")))


def read_faces(folder: Path) -> dict[str, Face]:
    return {path.stem: read_face(path) for path in sorted(folder.iterdir())}


def volume_mm3(points: NDArray[np.float64], triangles: NDArray[np.integer]) -> float:
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def assert_closed(face: Face) -> None:
    """Every edge is run through once each way for every two triangles that meet at it."""
    edges = np.concatenate([face.nodes[face.triangles][:, [one, other]] for one, other in ((0, 1), (1, 2), (2, 0))])
    there, ways = np.unique(edges, axis=0, return_counts=True)
    back, ways_back = np.unique(edges[:, ::-1], axis=0, return_counts=True)
    np.testing.assert_array_equal(there, back)
    np.testing.assert_array_equal(ways, ways_back)


def export(mesh: TetraMesh, request: ExportRequest, patches: dict[str, NDArray[np.intp]]) -> dict[str, Any]:
    export_mesh(mesh, patches, request)
    statement: dict[str, Any] = json.loads(request.sidecar.read_text("utf-8"))
    return statement


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("both")
    mesh = heart_mesh()
    statement = export(mesh, ExportRequest(folder, ("svmultiphysics",)), heart_patches(mesh.surface))
    return folder / "heart_svmultiphysics", statement["formats"]["svmultiphysics"]


@pytest.mark.parametrize("part", PARTS)
def test_each_part_has_the_arrays_that_the_solver_reads(part: str, told: tuple[Path, dict[str, Any]]) -> None:
    heart, (folder, _) = heart_mesh(), told
    data = read_vtk(vtkXMLUnstructuredGridReader(), folder / part / "mesh-complete.mesh.vtu")
    nodes, elements = (data.GetPointData().GetArray("GlobalNodeID"), data.GetCellData().GetArray("GlobalElementID"))
    assert isinstance(nodes, vtkIntArray)
    assert isinstance(elements, vtkIntArray)
    mine = np.isin(heart.labels, PARTS[part])
    np.testing.assert_array_equal(vtk_to_numpy(nodes), np.arange(1, len(np.unique(heart.tetrahedra[mine])) + 1))
    np.testing.assert_array_equal(vtk_to_numpy(elements), np.arange(1, mine.sum() + 1))
    common = vtk_to_numpy(data.GetPointData().GetArray("CommonNodeID")) - 1
    np.testing.assert_array_equal(vtk_to_numpy(data.GetPoints().GetData()), heart.points[common])
    np.testing.assert_array_equal(
        vtk_to_numpy(data.GetCellData().GetArray("CommonElementID")) - 1, np.flatnonzero(mine))
    corners = vtk_to_numpy(data.GetCells().GetConnectivityArray()).reshape(-1, 4)
    np.testing.assert_array_equal(common[corners], heart.tetrahedra[mine])
    np.testing.assert_array_equal(vtk_to_numpy(data.GetCellData().GetArray("DOMAIN_ID")),
                                  np.searchsorted(PARTS[part], heart.labels[mine]) + 1)
    fibers = read_vtk(vtkXMLUnstructuredGridReader(), folder / part / "FibersLong.vtu").GetCellData()
    assert isinstance(fibers.GetArray("FIB_DIR"), vtkDoubleArray)
    np.testing.assert_array_equal(vtk_to_numpy(fibers.GetArray("FIB_DIR")), heart.fields[FIBER][mine])
    assert not (folder / part / "FibersSheet.vtu").exists()


@pytest.mark.parametrize(("part", "names"), [("tissue", NEAR | {"BASE", "EPI"}), ("blood", NEAR)])
def test_faces_find_their_nodes_and_elements(
    part: str, names: set[str], told: tuple[Path, dict[str, Any]]
) -> None:
    folder, statement = told
    faces = read_faces(folder / part / "mesh-surfaces")
    assert set(faces) == set(statement["parts"][part]["faces"]) == names
    data = read_vtk(vtkXMLUnstructuredGridReader(), folder / part / "mesh-complete.mesh.vtu")
    points = vtk_to_numpy(data.GetPoints().GetData())
    tetrahedra = vtk_to_numpy(data.GetCells().GetConnectivityArray()).reshape(-1, 4)
    common = vtk_to_numpy(data.GetCellData().GetArray("CommonElementID"))
    for face in [*faces.values(), read_face(folder / part / "mesh-complete.exterior.vtp")]:
        np.testing.assert_array_equal(face.points, points[face.nodes - 1])
        owners = tetrahedra[face.elements - 1]
        corners = face.nodes[face.triangles] - 1
        assert (corners[:, :, None] == owners[:, None, :]).any(axis=2).all()
        np.testing.assert_array_equal(face.common_elements, common[face.elements - 1])


@pytest.mark.parametrize(("part", "voxels"), [("tissue", TISSUE_VOXELS), ("blood", 2 * 3 * 4 * 2)])
def test_each_part_is_closed_and_looks_outward(
    part: str, voxels: int, told: tuple[Path, dict[str, Any]]
) -> None:
    folder, _ = told
    outside = read_face(folder / part / "mesh-complete.exterior.vtp")
    assert_closed(outside)
    assert volume_mm3(outside.points, outside.triangles) == pytest.approx(voxels * VOXEL_MM3)
    faces = read_faces(folder / part / "mesh-surfaces")
    assert set().union(*(face.corners for face in faces.values())) == set(outside.corners)


def assert_parts_fit(folder: Path, statement: dict[str, Any], mesh: TetraMesh) -> None:
    """Faces cover each part, a name in both stands for one face seen from both sides, and all of these are listed."""
    faces = {part: read_faces(folder / part / "mesh-surfaces") for part in PARTS}
    for part in PARTS:
        outside = read_face(folder / part / "mesh-complete.exterior.vtp")
        assert_closed(outside)
        assert set().union(*(face.corners for face in faces[part].values())) == set(outside.corners)
        assert len(set(statement["parts"][part]["faces"].values())) == len(faces[part]), "each has a number of its own"
    assert sorted(set(faces["tissue"]) & set(faces["blood"])) == statement["interfaces"]
    found = 0
    for name in statement["interfaces"]:
        tissue, blood = (faces[part][name] for part in PARTS)
        np.testing.assert_array_equal(tissue.common_nodes, blood.common_nodes)
        np.testing.assert_array_equal(tissue.points, blood.points)
        turned = [(first, third, second) for first, second, third in blood.corners]
        assert sorted(turned) == sorted(tissue.corners)
        assert statement["parts"]["tissue"]["faces"][name] == statement["parts"]["blood"]["faces"][name]
        found += len(tissue.triangles)
    tissue_sides, outer = np.isin(mesh.surface.labels, TISSUE_LABELS), mesh.surface.labels == 0
    assert found == (tissue_sides.any(axis=1) & (~tissue_sides & ~outer).any(axis=1)).sum()


def test_tissue_and_blood_have_the_same_wall_each_seen_from_its_own_side(told: tuple[Path, dict[str, Any]]) -> None:
    folder, statement = told
    assert set(statement["interfaces"]) == NEAR
    assert statement["split_patches"] == {}
    assert_parts_fit(folder, statement, heart_mesh())
    lv = read_face(folder / "blood" / "mesh-surfaces" / "LV_ENDO.vtp")
    assert volume_mm3(lv.points, lv.triangles) == pytest.approx(3 * 4 * 2 * VOXEL_MM3)


def test_what_lies_within_a_part_is_no_face_of_it(told: tuple[Path, dict[str, Any]]) -> None:
    folder, statement = told
    assert list(statement["parts"]["tissue"]["inner_surfaces"]) == ["MYO-RV_WALL"]
    assert [path.name for path in (folder / "tissue" / "inner-surfaces").iterdir()] == ["MYO-RV_WALL.vtp"]
    assert not (folder / "blood" / "inner-surfaces").exists()


def test_a_valve_is_within_the_blood_and_a_base_against_it_a_face_of_both(tmp_path: Path) -> None:
    voxels = np.full((7, 7, 12), 2, np.uint8)
    voxels[:, :, 8:] = 104
    voxels[2:5, 2:5, 2:8], voxels[1:6, 1:6, 8:11] = 1, 4
    mesh = block_mesh(voxels, (0.0, 0.0, 0.0), 1.0)
    statement = export(mesh, ExportRequest(tmp_path, ("svmultiphysics",)), name_patches(mesh.surface))
    told, folder = statement["formats"]["svmultiphysics"], tmp_path / "heart_svmultiphysics"
    assert "MV" in told["parts"]["blood"]["inner_surfaces"]
    assert told["interfaces"] == ["BASE", "LA_ENDO", "LV_ENDO"]
    assert "BASE" in told["parts"]["tissue"]["inner_surfaces"], "where the ventricle meets the atrium's wall"
    assert_parts_fit(folder, told, mesh)


def without_walls() -> TetraMesh:
    """LV (1) in MYO (2), an RV (3) and an atrium (4) without walls beside them, so that both are at the outside, too.

    The atrium covers half of the mitral plane, where the other half of the myocardium ends outside.
    """
    voxels = np.zeros((9, 7, 11), np.uint8)
    voxels[:5, :, :6], voxels[1:5, 2:5, 1:4], voxels[:5, 1:6, 6:] = 2, 1, 3
    voxels[5:, 1:6, :4] = 4
    return block_mesh(voxels, (0.0, 0.0, 0.0), 1.0)


def test_a_patch_that_lies_partly_at_the_outside_is_split(tmp_path: Path) -> None:
    mesh = without_walls()
    statement = export(mesh, ExportRequest(tmp_path, ("svmultiphysics",)), name_patches(mesh.surface))
    told, folder = statement["formats"]["svmultiphysics"], tmp_path / "heart_svmultiphysics"
    assert told["split_patches"] == {"BASE": ["BASE", "BASE-TISSUE-OUTSIDE"],
                                     "RV_ENDO": ["RV_ENDO", "RV_ENDO-BLOOD-OUTSIDE"]}
    assert told["interfaces"] == ["BASE", "LV_ENDO", "RV_ENDO"]
    assert "RV_ENDO-BLOOD-OUTSIDE" not in told["parts"]["tissue"]["faces"]
    assert "BASE-TISSUE-OUTSIDE" not in told["parts"]["blood"]["faces"]
    assert_parts_fit(folder, told, mesh)
    septum = read_face(folder / "tissue" / "mesh-surfaces" / "RV_ENDO.vtp")
    assert len(septum.triangles) == 2 * 5 * 5
    tissue, outer = np.isin(mesh.surface.labels, TISSUE), mesh.surface.labels == 0
    own = name_patches(mesh.surface)["RV_ENDO"]
    free = read_face(folder / "blood" / "mesh-surfaces" / "RV_ENDO-BLOOD-OUTSIDE.vtp")
    assert len(free.triangles) == (~tissue & ~outer)[own].any(axis=1).sum() - len(septum.triangles)


def test_a_patch_at_the_outside_of_both_parts_has_a_name_in_each(tmp_path: Path) -> None:
    mesh = without_walls()
    lid = np.flatnonzero((mesh.surface.points[mesh.surface.triangles, 2] == 0.0).all(axis=1))
    statement = export(mesh, ExportRequest(tmp_path, ("svmultiphysics",)), {"BOTTOM": lid})
    told = statement["formats"]["svmultiphysics"]
    assert told["split_patches"] == {"BOTTOM": ["BOTTOM-TISSUE-OUTSIDE", "BOTTOM-BLOOD-OUTSIDE"]}
    assert_parts_fit(tmp_path / "heart_svmultiphysics", told, mesh)


def test_the_preset_keeps_whole_patches(tmp_path: Path) -> None:
    mesh = without_walls()
    statement = export(mesh, request_for("simvascular", tmp_path), name_patches(mesh.surface))
    told = statement["formats"]["svmultiphysics"]
    assert set(told["faces"]) == {"LV_ENDO", "RV_ENDO", "EPI", "BASE"}
    assert "split_patches" not in told


def test_the_preset_writes_one_folder_with_its_faces_on_the_boundary_of_the_tissue(tmp_path: Path) -> None:
    mesh = heart_mesh()
    patches = name_patches(mesh.surface)
    assert "MYO_RV_WALL" in patches
    export(mesh, request_for("simvascular", tmp_path), patches)
    folder = tmp_path / "heart_svmultiphysics"
    outside = read_face(folder / "mesh-complete.exterior.vtp")
    faces = read_faces(folder / "mesh-surfaces")
    assert set(faces) == NEAR | {"EPI"}
    assert set().union(*(face.corners for face in faces.values())) == set(outside.corners)
    volume = read_vtk(vtkXMLUnstructuredGridReader(), folder / "mesh-complete.mesh.vtu")
    assert volume.GetNumberOfCells() == 6 * np.isin(heart_labels(), TISSUE).sum()


def test_blood_alone_is_one_mesh(tmp_path: Path) -> None:
    mesh = heart_mesh()
    request = ExportRequest(tmp_path, ("svmultiphysics",), labels=BLOOD)
    export(mesh, request, heart_patches(mesh.surface))
    folder = tmp_path / "heart_svmultiphysics"
    assert_closed(read_face(folder / "mesh-complete.exterior.vtp"))
    assert set(read_faces(folder / "mesh-surfaces")) == NEAR
