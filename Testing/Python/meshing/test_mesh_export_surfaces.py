"""Surface formats, read back with meshio or VTK: points, orientation, names, colors, frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

from exported_heart import VOXEL_MM3, heart_mesh, heart_patches, write
from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.meshing.export.writing import ExportRequest, export_mesh

meshio = pytest.importorskip("meshio")

VOXELS = {"LV": 24, "MYO": 5 * 6 * 4 - 1 - 24, "RV": 24, "RV_WALL": 5 * 6 * 4 - 24}


def volume_inside(points: NDArray[np.float64], triangles: NDArray[np.int32]) -> float:
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("format_name", ["stl", "ply"])
def test_each_structure_is_a_closed_surface_turned_outward(format_name: str, tmp_path: Path) -> None:
    write(tmp_path, format_name)
    for name, voxels in VOXELS.items():
        mesh = meshio.read(tmp_path / f"heart_{format_name}" / f"{name}_LPS_mm.{format_name}")
        triangles = mesh.cells_dict["triangle"]
        assert volume_inside(mesh.points, triangles) == pytest.approx(voxels * VOXEL_MM3, rel=1e-5)
        edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
        there = {tuple(edge) for edge in edges.tolist()}
        assert all((second, first) in there for first, second in there)


def test_stl_has_the_patches_the_frame_in_its_header_and_true_normals(tmp_path: Path) -> None:
    write(tmp_path, "stl", frame="RAS")
    path = tmp_path / "heart_stl" / "patches" / "BASE_RAS_mm.stl"
    assert path.read_bytes()[:80].startswith(b"HeartSeg SPACE=RAS UNITS=mm NAME=BASE ")
    base = meshio.read(path)
    np.testing.assert_allclose(base.points[:, 2], 30)
    assert base.points[:, 0].min() == -22
    records = np.frombuffer(path.read_bytes()[84:], np.uint8).reshape(-1, 50)
    np.testing.assert_array_equal(records[:, :12].copy().view("<f4"), np.tile([0, 0, -1], (94, 1)))
    a, b, c = (base.points[base.cells_dict["triangle"][:, corner]] for corner in range(3))
    assert (np.cross(b - a, c - a)[:, 2] < 0).all()


def test_ply_states_the_frame_and_colors_the_structure(tmp_path: Path) -> None:
    write(tmp_path, "ply")
    path = tmp_path / "heart_ply" / "LV_LPS_mm.ply"
    assert b"\ncomment HeartSeg SPACE=LPS UNITS=mm NAME=LV\n" in path.read_bytes()
    data = meshio.read(path).point_data
    # Meshio 5.3.5 takes uchar for signed.
    assert tuple(data[name].astype(np.uint8)[0] for name in ("red", "green", "blue")) == STRUCTURES[1].color


def test_obj_has_a_colored_group_a_structure_on_shared_points(tmp_path: Path) -> None:
    write(tmp_path, "obj")
    text = (tmp_path / "heart.obj").read_text("ascii").splitlines()
    assert text[:2] == ["# HeartSeg SPACE=LPS UNITS=mm", "mtllib heart.mtl"]
    assert [line for line in text if line.startswith("g ")] == ["g LV", "g MYO", "g RV", "g RV_WALL"]
    mesh = meshio.read(tmp_path / "heart.obj")
    assert len(mesh.points) == len(heart_mesh().points)
    volumes = [volume_inside(mesh.points, block.data) for block in mesh.cells]
    np.testing.assert_allclose(volumes, [voxels * VOXEL_MM3 for voxels in VOXELS.values()], rtol=1e-5)
    assert "newmtl LV\nKd 0.8353 0.3686 0.0000\n" in (tmp_path / "heart.mtl").read_text("ascii")


def test_vtp_has_both_sides_the_patch_and_the_frame(tmp_path: Path) -> None:
    write(tmp_path, "vtp")
    reader = vtkXMLPolyDataReader()
    reader.SetFileName(str(tmp_path / "heart.vtp"))
    reader.Update()
    data, surface = reader.GetOutput(), heart_mesh().surface
    cells = {name: vtk_to_numpy(data.GetCellData().GetArray(name)) for name in ("label_in", "label_out", "patch")}
    np.testing.assert_array_equal(np.column_stack([cells["label_in"], cells["label_out"]]), surface.labels)
    np.testing.assert_array_equal(vtk_to_numpy(data.GetPolys().GetConnectivityArray()).reshape(-1, 3),
                                  surface.triangles)
    np.testing.assert_array_equal(vtk_to_numpy(data.GetPoints().GetData()), surface.points)
    assert (cells["patch"][heart_patches(surface)["RV_ENDO"]] == 1002).all()
    field = data.GetFieldData()
    texts = {field.GetAbstractArray(number).GetName(): [
        field.GetAbstractArray(number).GetValue(place)
        for place in range(field.GetAbstractArray(number).GetNumberOfValues())
    ] for number in range(field.GetNumberOfArrays())}
    assert (texts["SPACE"], texts["UNITS"]) == (["LPS"], ["mm"])
    assert "103=RV_WALL" in texts["LABELS"]
    assert "1002=RV_ENDO" in texts["PATCHES"]


@pytest.mark.parametrize("format_name", ["stl", "ply", "obj", "vtp", "gmsh22", "gmsh41"])
def test_surface_formats_take_a_mesh_without_tetrahedra(format_name: str, tmp_path: Path) -> None:
    surface = heart_mesh().surface
    written = export_mesh(surface, heart_patches(surface), ExportRequest(tmp_path, (format_name,)))
    assert all(path.exists() for path in written)
    if format_name.startswith("gmsh"):
        mesh = meshio.read(written[0])
        assert set(mesh.cells_dict) == {"triangle"}
        assert len(mesh.cells_dict["triangle"]) == len(surface.triangles)
