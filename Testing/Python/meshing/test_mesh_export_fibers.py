"""Fibers and their fields in every format that holds them, read back by other code, in both frames."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from exported_heart import heart_mesh, heart_patches, heart_source
from HeartSeg3DLib.meshing.export import xdmf
from HeartSeg3DLib.meshing.export.presets import PRESETS
from HeartSeg3DLib.meshing.export.registry import FORMATS
from HeartSeg3DLib.meshing.export.writing import ExportRequest, export_mesh, request_for
from HeartSeg3DLib.meshing.fibers import APICOBASAL, FIBER, SHEET, TRANSMURAL, FiberAngles
from HeartSeg3DLib.meshing.mesh import TetraMesh

meshio = pytest.importorskip("meshio")

FILES = {"vtu": "heart.vtu", "vtk": "heart.vtk", "xdmf": "heart.xdmf"}
GMSH = {"gmsh22": "heart_gmsh22_fields.msh", "gmsh41": "heart_gmsh41_fields.msh"}
MUSCLE = (2, 103)
TURN = {"LPS": np.ones(3), "RAS": np.array([-1.0, -1.0, 1.0])}
ANGLES = FiberAngles(70.0, -50.0)


@pytest.fixture(scope="module")
def heart() -> TetraMesh:
    """A heart whose muscle has fibers that differ from place to place; its cavities have none."""
    mesh = heart_mesh()
    muscle = np.isin(mesh.labels, MUSCLE)
    fiber = np.where(muscle[:, None], mesh.fields[FIBER], 0.0)
    across = np.cross(fiber, [0.3, 0.5, -0.8])
    sheet = np.where(muscle[:, None], across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9), 0.0)
    inside = np.zeros(len(mesh.points), bool)
    inside[mesh.tetrahedra[muscle]] = True
    depth = np.where(inside, mesh.points[:, 0] / 25.0, np.nan)
    fields = {FIBER: fiber, SHEET: sheet, TRANSMURAL: depth, APICOBASAL: 1.0 - depth}
    return TetraMesh(mesh.points, mesh.tetrahedra, mesh.labels, mesh.surface, fields)


def export(heart: TetraMesh, request: ExportRequest, angles: FiberAngles | None = ANGLES) -> dict[str, Any]:
    export_mesh(heart, heart_patches(heart.surface), request, source=heart_source(), angles=angles)
    statement: dict[str, Any] = json.loads(request.sidecar.read_text("utf-8"))
    return statement


def assert_same_fields(mesh: Any, heart: TetraMesh, frame: str) -> None:
    for name in (FIBER, SHEET):
        np.testing.assert_allclose(mesh.cell_data[name][0], heart.fields[name] * TURN[frame], atol=1e-11)
    for name in (TRANSMURAL, APICOBASAL):
        np.testing.assert_allclose(mesh.point_data[name], heart.fields[name], atol=1e-11)
    np.testing.assert_allclose(mesh.points, heart.points * TURN[frame], atol=1e-11)


@pytest.mark.parametrize("frame", TURN)
@pytest.mark.parametrize("format_name", FILES)
def test_fields_come_back_turned_with_the_points(
    heart: TetraMesh, format_name: str, frame: str, tmp_path: Path
) -> None:
    export(heart, ExportRequest(tmp_path, (format_name,), frame))
    assert_same_fields(meshio.read(tmp_path / FILES[format_name]), heart, frame)


def test_xdmf_without_h5py_holds_fields_as_text(
    heart: TetraMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xdmf, "has_h5py", lambda: False)
    export(heart, ExportRequest(tmp_path, ("xdmf",)))
    assert_same_fields(meshio.read(tmp_path / "heart.xdmf"), heart, "LPS")


@pytest.mark.parametrize("frame", TURN)
def test_opencarp_has_fibers_and_sheets_and_counts_placeholders(heart: TetraMesh, frame: str, tmp_path: Path) -> None:
    statement = export(heart, ExportRequest(tmp_path, ("opencarp",), frame))
    lon = tmp_path / "heart_opencarp" / "heart.lon"
    assert lon.read_text("ascii").splitlines()[0] == "2"
    rows = np.loadtxt(lon, skiprows=1)
    muscle = np.isin(heart.labels, MUSCLE)
    np.testing.assert_allclose(rows[muscle, :3], (heart.fields[FIBER] * TURN[frame])[muscle], atol=1e-6)
    np.testing.assert_allclose(rows[muscle, 3:], (heart.fields[SHEET] * TURN[frame])[muscle], atol=1e-6)
    np.testing.assert_array_equal(rows[~muscle], np.tile([1.0, 0, 0, 0, 1, 0], ((~muscle).sum(), 1)))
    assert statement["formats"]["opencarp"]["elements_with_placeholder"] == (~muscle).sum()


@pytest.mark.parametrize("frame", TURN)
def test_svmultiphysics_has_directions_at_the_centers_of_elements(
    heart: TetraMesh, frame: str, tmp_path: Path
) -> None:
    statement = export(heart, ExportRequest(tmp_path, ("svmultiphysics",), frame))
    tissue, blood = (statement["formats"]["svmultiphysics"]["parts"][name] for name in ("tissue", "blood"))
    muscle = np.isin(heart.labels, MUSCLE)
    assert tissue["fiber_files"] == ["FibersLong.vtu", "FibersSheet.vtu"]
    assert blood["fiber_files"] == []
    assert (tissue["elements_without_fibers"], blood["elements_without_fibers"]) == (0, (~muscle).sum())
    folder = tmp_path / "heart_svmultiphysics" / "tissue"
    whole = meshio.read(folder / "mesh-complete.mesh.vtu")
    for file, name in zip(tissue["fiber_files"], (FIBER, SHEET), strict=True):
        mesh = meshio.read(folder / file)
        np.testing.assert_array_equal(mesh.cells_dict["tetra"], whole.cells_dict["tetra"])
        np.testing.assert_array_equal(mesh.points, whole.points)
        np.testing.assert_allclose(mesh.cell_data["FIB_DIR"][0], heart.fields[name][muscle] * TURN[frame], atol=1e-15)


def gmsh_sections(path: Path) -> dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Numbers and values by field of a file of views, text or binary, after Gmsh's manual."""
    start, _, rest = path.read_bytes().partition(b"$EndMeshFormat\n")
    binary = start.splitlines()[1].split()[1] == b"1"
    found = {}
    while rest:
        kind, _, rest = rest.partition(b"\n")
        head = rest.split(b"\n", 8)
        assert head[0] == head[2] == b"1"
        assert (head[3], head[4], head[5]) == (b"0", b"3", b"0")
        components, count = int(head[6]), int(head[7])
        rest = head[8]
        if binary:
            layout = np.dtype([("number", "<i4"), ("values", "<f8", (components,))])
            table = np.frombuffer(rest[: count * layout.itemsize], layout)
            numbers, values = table["number"].astype(np.int64), table["values"]
            rest = rest[count * layout.itemsize + 1:]
        else:
            *lines, rest = rest.split(b"\n", count)
            rows = np.array([line.split() for line in lines], float)
            numbers, values = rows[:, 0].astype(np.int64), rows[:, 1:]
        end, _, rest = rest.partition(b"\n")
        assert end == b"$End" + kind[1:]
        found[f"{kind[1:].decode()} {head[1].decode()}"] = numbers, values
    return found


@pytest.mark.parametrize("frame", TURN)
@pytest.mark.parametrize("format_name", GMSH)
def test_gmsh_gets_views_beside_a_mesh_that_meshio_reads(
    heart: TetraMesh, format_name: str, frame: str, tmp_path: Path
) -> None:
    export(heart, ExportRequest(tmp_path, (format_name,), frame))
    mesh = meshio.read(tmp_path / GMSH[format_name].replace("_fields", ""))
    corners = mesh.cells_dict["tetra"]
    middles = {tuple(place): number for number, place in enumerate(
        (heart.points * TURN[frame])[heart.tetrahedra].mean(axis=1).round(6).tolist())}
    own = np.array([middles[tuple(place)] for place in mesh.points[corners].mean(axis=1).round(6).tolist()])
    first = sum(len(block.data) for block in mesh.cells if block.type == "triangle") + 1
    sections = gmsh_sections(tmp_path / GMSH[format_name])
    muscle = np.isin(heart.labels, MUSCLE)
    for name in (FIBER, SHEET):
        numbers, values = sections[f'ElementData "{name}"']
        elements = own[numbers - first]
        assert sorted(elements.tolist()) == np.flatnonzero(muscle).tolist()
        np.testing.assert_allclose(values, (heart.fields[name] * TURN[frame])[elements], atol=1e-11)
    for name in (TRANSMURAL, APICOBASAL):
        numbers, values = sections[f'NodeData "{name}"']
        assert (numbers - 1).tolist() == np.flatnonzero(np.isfinite(heart.fields[name])).tolist()
        np.testing.assert_allclose(values[:, 0], heart.fields[name][numbers - 1], atol=1e-11)


@pytest.mark.parametrize("format_name", GMSH)
def test_without_fields_there_are_no_views(heart: TetraMesh, format_name: str, tmp_path: Path) -> None:
    bare = TetraMesh(heart.points, heart.tetrahedra, heart.labels, heart.surface)
    export(bare, ExportRequest(tmp_path, (format_name,)), None)
    assert not (tmp_path / GMSH[format_name]).exists()


def test_the_sidecar_says_where_fibers_come_from_and_which_elements_have_none(heart: TetraMesh, tmp_path: Path) -> None:
    entry = export(heart, ExportRequest(tmp_path, ("vtu",)))["fibers"]
    assert "Bayer" in entry["rule"]
    assert entry["angles_degrees"] == asdict(ANGLES)
    assert set(entry["fields"]) == {FIBER, SHEET, TRANSMURAL, APICOBASAL}
    assert entry["elements_with_fibers"] == np.isin(heart.labels, MUSCLE).sum()
    assert entry["elements_without"] == {"LV": (heart.labels == 1).sum(), "RV": (heart.labels == 3).sum()}


def test_the_sidecar_of_tissue_counts_tissue_alone(heart: TetraMesh, tmp_path: Path) -> None:
    fibers = heart.fields[FIBER].copy()
    own = np.flatnonzero(heart.labels == 103)[:5]
    fibers[own] = 0.0
    partly = TetraMesh(heart.points, heart.tetrahedra, heart.labels, heart.surface, {**heart.fields, FIBER: fibers})
    statement = export(partly, request_for("cemrgapp", tmp_path))
    assert statement["fibers"]["elements_without"] == {"RV_WALL": 5}
    assert statement["formats"]["opencarp"]["elements_with_placeholder"] == 5


def test_fibers_of_somebody_else_have_no_rule(heart: TetraMesh, tmp_path: Path) -> None:
    assert export(heart, ExportRequest(tmp_path, ("vtu",)), None)["fibers"]["rule"] is None
    bare = TetraMesh(heart.points, heart.tetrahedra, heart.labels, heart.surface)
    assert export(bare, ExportRequest(tmp_path, ("vtu",), force=True), None)["fibers"] is None


def test_every_preset_with_fibers_has_a_format_for_them() -> None:
    for preset in PRESETS.values():
        assert preset.fibers == (preset.volume and any(FORMATS[name].fibers for name in preset.formats))
