"""Volume formats, read back with meshio: points, tetrahedra, tags, names, orientation, fields, frame."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from exported_heart import heart_mesh, heart_patches, write
from HeartSeg3DLib.meshing.export import xdmf
from HeartSeg3DLib.meshing.export.content import FIBER
from HeartSeg3DLib.meshing.export.facets import TETRA_FACES
from labeled_blocks import volumes_of

meshio = pytest.importorskip("meshio")

FILES = {"vtu": "heart.vtu", "vtk": "heart.vtk", "gmsh22": "heart_gmsh22.msh", "gmsh41": "heart_gmsh41.msh",
         "xdmf": "heart.xdmf", "abaqus": "heart.inp"}
NAMES = {"LV": (1, 3), "MYO": (2, 3), "RV": (3, 3), "RV_WALL": (103, 3), "LV_ENDO": (1001, 2), "RV_ENDO": (1002, 2),
         "EPI": (1005, 2), "BASE": (1006, 2), "MYO-RV_WALL": (102103, 2)}


def as_cells(mesh: meshio.Mesh, kind: str, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cells of one kind and their numbers, over all blocks."""
    blocks = [number for number, block in enumerate(mesh.cells) if block.type == kind]
    return (np.concatenate([mesh.cells[number].data for number in blocks]).astype(int),
            np.concatenate([np.ravel(mesh.cell_data[name][number]) for number in blocks]).astype(int))


def as_places(mesh: meshio.Mesh, cells: NDArray[np.int64], numbers: NDArray[np.int64]) -> set[tuple[float, ...]]:
    """Middle and number of each cell: the same for two meshes whatever the order of their nodes and cells."""
    return {(*place, number) for place, number in zip(
        mesh.points[cells].mean(axis=1).round(6).tolist(), numbers.tolist(), strict=True)}


@pytest.mark.parametrize("format_name", FILES)
@pytest.mark.parametrize("frame", ["LPS", "RAS"])
def test_tetrahedra_come_back_in_place_with_labels_and_positive_volumes(
    format_name: str, frame: str, tmp_path: Path
) -> None:
    write(tmp_path, format_name, frame=frame)
    path, heart = tmp_path / FILES[format_name], heart_mesh()
    assert f"HeartSeg SPACE={frame} UNITS=mm".encode() in path.read_bytes()[:600]
    mesh = meshio.read(path)
    if format_name == "abaqus":
        mesh.cell_data["label"] = [np.full(len(block.data), value)
                                   for block, value in zip(mesh.cells, (1, 2, 3, 103), strict=True)]
    tetrahedra, tags = as_cells(mesh, "tetra", "gmsh:physical" if "gmsh" in format_name else "label")
    assert len(mesh.points) == len(heart.points)
    assert (volumes_of(np.asarray(mesh.points, float), tetrahedra) > 0).all()
    turned = meshio.Mesh(heart.points * ([-1, -1, 1] if frame == "RAS" else [1, 1, 1]), [])
    assert as_places(mesh, tetrahedra, tags) == as_places(turned, heart.tetrahedra, heart.labels)


@pytest.mark.parametrize("format_name", ["vtu", "vtk", "xdmf"])
def test_fields_come_back_by_name(format_name: str, tmp_path: Path) -> None:
    write(tmp_path, format_name)
    mesh, heart = meshio.read(tmp_path / FILES[format_name]), heart_mesh()
    np.testing.assert_array_equal(mesh.cell_data[FIBER][0], heart.fields[FIBER])
    np.testing.assert_array_equal(mesh.point_data["transmural"], heart.fields["transmural"])
    if format_name != "xdmf":
        on_patch = np.flatnonzero(mesh.point_data["on_LV_ENDO"])
        expected = heart.surface.triangles[heart_patches(heart.surface)["LV_ENDO"]]
        np.testing.assert_array_equal(on_patch, np.unique(expected))


@pytest.mark.parametrize("format_name", ["gmsh22", "gmsh41"])
def test_gmsh_files_have_physical_names_for_labels_and_walls(format_name: str, tmp_path: Path) -> None:
    write(tmp_path, format_name)
    mesh, surface = meshio.read(tmp_path / FILES[format_name]), heart_mesh().surface
    assert {name: tuple(number) for name, number in mesh.field_data.items()} == NAMES
    triangles, tags = as_cells(mesh, "triangle", "gmsh:physical")
    patches = heart_patches(surface)
    for name in ("LV_ENDO", "RV_ENDO"):
        expected = surface.points[surface.triangles[patches[name]]]
        found = mesh.points[triangles[tags == NAMES[name][0]]]
        assert oriented_set(found) == oriented_set(expected)
    assert (tags == 1006).sum() == len(patches["BASE"]), "the smaller patch comes first, and meshio keeps one"
    assert (tags == 1005).sum() == len(patches["EPI"]) - len(patches["BASE"])


def oriented_set(corners: NDArray[np.float64]) -> set[tuple[tuple[float, ...], ...]]:
    rows = []
    for triangle in corners.tolist():
        start = triangle.index(min(triangle))
        rows.append(tuple(tuple(triangle[(start + step) % 3]) for step in range(3)))
    return set(rows)


def test_gmsh_41_keeps_a_triangle_in_all_its_patches(tmp_path: Path) -> None:
    write(tmp_path, "gmsh41")
    mesh, patches = meshio.read(tmp_path / FILES["gmsh41"]), heart_patches(heart_mesh().surface)
    counts = dict.fromkeys((1005, 1006), 0)
    data = (tmp_path / FILES["gmsh41"]).read_bytes()
    entities = data[data.index(b"$Entities\n") + 10:]
    surfaces = int(np.frombuffer(entities, np.uint64, 4)[2])
    at, sizes = 32, {}
    for block, geometry in zip(mesh.cells, mesh.cell_data["gmsh:geometrical"], strict=True):
        if block.type == "triangle":
            sizes[int(geometry[0])] = sizes.get(int(geometry[0]), 0) + len(block.data)
    for _ in range(surfaces):
        tag = int(np.frombuffer(entities, np.int32, 1, at)[0])
        physical = int(np.frombuffer(entities, np.uint64, 1, at + 52)[0])
        for number in np.frombuffer(entities, np.int32, physical, at + 60).tolist():
            if number in counts:
                counts[number] += sizes[tag]
        at += 60 + 4 * physical
        at += 8 + 4 * int(np.frombuffer(entities, np.uint64, 1, at)[0])
    assert counts == {1005: len(patches["EPI"]), 1006: len(patches["BASE"])}


@pytest.fixture(params=["HDF5", "ASCII"])
def encoding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways in which arrays are kept: with h5py, and without."""
    if request.param == "HDF5":
        pytest.importorskip("h5py")
    else:
        monkeypatch.setattr(xdmf.importlib.util, "find_spec", lambda name: None)
    return str(request.param)


def test_xdmf_facets_are_on_the_nodes_of_the_mesh_with_their_numbers(encoding: str, tmp_path: Path) -> None:
    write(tmp_path, "xdmf")
    assert (tmp_path / "heart.h5").exists() == (encoding == "HDF5")
    mesh, facets = meshio.read(tmp_path / "heart.xdmf"), meshio.read(tmp_path / "heart_facets.xdmf")
    heart = heart_mesh()
    np.testing.assert_allclose(mesh.points, heart.points, rtol=1e-11)
    np.testing.assert_array_equal(mesh.points, facets.points)
    np.testing.assert_array_equal(mesh.cells_dict["tetra"], heart.tetrahedra)
    np.testing.assert_array_equal(facets.cells_dict["triangle"], heart.surface.triangles)
    np.testing.assert_array_equal(mesh.cell_data["label"][0], heart.labels)
    np.testing.assert_allclose(mesh.cell_data[FIBER][0], heart.fields[FIBER], rtol=1e-11)
    patches = heart_patches(heart.surface)
    assert (facets.cell_data["facet"][0][patches["BASE"]] == 1006).all()
    assert {name: tuple(number) for name, number in facets.field_data.items()} == NAMES


def test_xdmf_is_what_dolfinx_asks_for(tmp_path: Path) -> None:
    """DOLFINx takes the first attribute of a grid for its tags, and arrays of the shape that the XML states."""
    import xml.etree.ElementTree as ElementTree

    write(tmp_path, "xdmf")
    for name, grid_name, kind in (("heart.xdmf", "mesh", "Tetrahedron"), ("heart_facets.xdmf", "facets", "Triangle")):
        grids = ElementTree.parse(tmp_path / name).getroot().findall("./Domain/Grid")
        assert [grid.get("Name") for grid in grids] == [grid_name]
        assert grids[0].find("Topology").get("TopologyType") == kind
        assert grids[0].find("Attribute").get("Name") in {"label", "facet"}
        if importlib.util.find_spec("h5py"):
            import h5py

            for item in grids[0].iter("DataItem"):
                file_name, _, dataset = item.text.partition(":")
                with h5py.File(tmp_path / file_name) as arrays:
                    assert " ".join(map(str, arrays[dataset].shape)) == item.get("Dimensions")


def test_abaqus_surfaces_are_the_faces_of_their_elements(tmp_path: Path) -> None:
    write(tmp_path, "abaqus")
    heart = heart_mesh()
    sets, surface, current = {}, {}, None
    for line in (tmp_path / "heart.inp").read_text("ascii").splitlines():
        if line.startswith("*"):
            current = line.rpartition("=")[2] if line.startswith(("*ELSET", "*NSET", "*SURFACE")) else None
        elif current:
            sets.setdefault(current, []).append(line)
    numbers = {name: [int(number) for line in lines for number in line.split(",")]
               for name, lines in sets.items() if "S1" not in lines[0]}
    ids = np.concatenate([np.flatnonzero(heart.labels == label) for label in (1, 2, 3, 103)])
    assert sorted(ids.tolist()) == list(range(len(heart.tetrahedra)))
    for line in sets["LV_ENDO"]:
        elements, face = line.split(", ")
        for number in numbers[elements]:
            corners = heart.tetrahedra[number - 1, TETRA_FACES[int(face[1]) - 1]]
            surface[tuple(sorted(corners.tolist()))] = heart.labels[number - 1]
    patch = heart.surface.triangles[heart_patches(heart.surface)["LV_ENDO"]]
    assert set(surface) == {tuple(sorted(corners)) for corners in patch.tolist()}
    assert set(surface.values()) == {1}
    assert numbers["LV_ENDO_NODES"] == (np.unique(patch) + 1).tolist()
