"""What simulators are given: openCARP, the pycemrg label volume, and the presets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray

from exported_heart import TISSUE_VOXELS, VOXEL_MM3, heart_labels, heart_mesh, heart_patches, write
from exported_heart import heart_source as source
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.meshing.export.content import FIBER, SHEET, MeshSource
from HeartSeg3DLib.meshing.export.format_table import VOLUME
from HeartSeg3DLib.meshing.export.presets import PRESETS
from HeartSeg3DLib.meshing.export.registry import FORMATS
from HeartSeg3DLib.meshing.export.writing import ExportRequest, export_mesh, request_for
from HeartSeg3DLib.meshing.mesh import TetraMesh
from labeled_blocks import volumes_of

MICROMETERS = 1000


def read_rows(path: Path, columns: tuple[int, ...], header: int = 1) -> NDArray[np.float64]:
    """Numbers of a text file whose first line counts the rows."""
    rows = np.loadtxt(path, skiprows=header, usecols=columns, ndmin=2)
    assert int(path.read_text("ascii").split(None, 1)[0]) == len(rows)
    return rows


def export(mesh: TetraMesh, request: ExportRequest) -> dict[str, Any]:
    export_mesh(mesh, heart_patches(mesh.surface), request, source=source())
    return json.loads(request.sidecar.read_text("utf-8"))


def test_opencarp_points_are_micrometers_and_tetrahedra_positive(tmp_path: Path) -> None:
    write(tmp_path, "opencarp")
    base, heart = tmp_path / "heart_opencarp" / "heart", heart_mesh()
    points = read_rows(base.with_suffix(".pts"), (0, 1, 2))
    elements = read_rows(base.with_suffix(".elem"), (1, 2, 3, 4, 5)).astype(int)
    np.testing.assert_allclose(points, heart.points * MICROMETERS, atol=1e-3)
    np.testing.assert_array_equal(elements[:, :4], heart.tetrahedra)
    np.testing.assert_array_equal(elements[:, 4], heart.labels)
    assert volumes_of(points, elements[:, :4]).min() == pytest.approx(VOXEL_MM3 / 6 * MICROMETERS**3)
    assert {line.split()[0] for line in base.with_suffix(".elem").read_text("ascii").splitlines()[1:]} == {"Tt"}


def test_opencarp_patches_are_triangles_and_nodes_of_the_mesh(tmp_path: Path) -> None:
    write(tmp_path, "opencarp")
    folder, heart = tmp_path / "heart_opencarp", heart_mesh()
    triangles = read_rows(folder / "LV_ENDO.surf", (1, 2, 3)).astype(int)
    np.testing.assert_array_equal(triangles, heart.surface.triangles[heart_patches(heart.surface)["LV_ENDO"]])
    assert (folder / "LV_ENDO.vtx").read_text("ascii").splitlines()[1] == "extra"
    np.testing.assert_array_equal(read_rows(folder / "LV_ENDO.vtx", (0,), header=2).ravel(), np.unique(triangles))
    assert not (folder / "MV.surf").exists(), "a patch without triangles has no file"


def test_opencarp_fibers_have_one_or_two_directions(tmp_path: Path) -> None:
    heart = heart_mesh()
    request = ExportRequest(tmp_path, ("opencarp",))
    assert export(heart, request)["formats"]["opencarp"]["fibers"] == "fields of the mesh"
    lon = tmp_path / "heart_opencarp" / "heart.lon"
    assert lon.read_text("ascii").splitlines()[0] == "1"
    np.testing.assert_allclose(np.loadtxt(lon, skiprows=1), heart.fields[FIBER], atol=1e-6)
    sheet = np.roll(heart.fields[FIBER], 1, axis=1)
    both = TetraMesh(heart.points, heart.tetrahedra, heart.labels, heart.surface, {**heart.fields, SHEET: sheet})
    export(both, ExportRequest(tmp_path, ("opencarp",), force=True))
    assert lon.read_text("ascii").splitlines()[0] == "2"
    np.testing.assert_allclose(np.loadtxt(lon, skiprows=1), np.hstack([heart.fields[FIBER], sheet]), atol=1e-6)


def test_opencarp_without_fibers_says_that_its_directions_are_placeholders(tmp_path: Path) -> None:
    heart = heart_mesh()
    bare = TetraMesh(heart.points, heart.tetrahedra, heart.labels, heart.surface)
    statement = export(bare, ExportRequest(tmp_path, ("opencarp",)))
    assert statement["formats"]["opencarp"]["fibers"] == "placeholder along x, not anatomical"
    lon = np.loadtxt(tmp_path / "heart_opencarp" / "heart.lon", skiprows=1)
    np.testing.assert_array_equal(lon, np.tile([1, 0, 0], (len(heart.tetrahedra), 1)))


def test_opencarp_elements_without_a_direction_are_no_bath(tmp_path: Path) -> None:
    heart = heart_mesh()
    fiber = heart.fields[FIBER].copy()
    fiber[3], fiber[5] = 0, np.nan
    sheet = np.tile([0.0, 0.0, 1.0], (len(fiber), 1))
    partly = TetraMesh(heart.points, heart.tetrahedra, heart.labels, heart.surface, {FIBER: fiber, SHEET: sheet})
    statement = export(partly, ExportRequest(tmp_path, ("opencarp",)))
    assert statement["formats"]["opencarp"]["elements_with_placeholder"] == 2
    lon = np.loadtxt(tmp_path / "heart_opencarp" / "heart.lon", skiprows=1)
    np.testing.assert_array_equal(lon[[3, 5]], [[1, 0, 0, 0, 1, 0]] * 2)
    np.testing.assert_allclose(np.delete(lon, [3, 5], axis=0)[:, :3], np.delete(fiber, [3, 5], axis=0), atol=1e-6)


def test_the_label_volume_has_the_numbers_and_axes_of_pycemrg(tmp_path: Path) -> None:
    labels = heart_labels()
    labels[0, 1, 1] = 20
    image = sitk.GetImageFromArray(labels)
    image.SetDirection((0, -1, 0, 1, 0, 0, 0, 0, 1))
    image.SetOrigin((5, 6, 7))
    mesh = heart_mesh()
    export_mesh(mesh, {}, ExportRequest(tmp_path, ("pycemrg",)), source=MeshSource("labels.nrrd", image))
    written = sitk.ReadImage(str(tmp_path / "heart_pycemrg.nrrd"))
    assert written.GetPixelID() == sitk.sitkUInt8
    np.testing.assert_allclose(written.GetDirection(), np.eye(3).ravel())
    assert set(np.unique(sitk.GetArrayViewFromImage(written)).tolist()) == {0, 1, 2, 3, 103}
    for index in ((1, 1, 0), (6, 4, 2), (0, 0, 0), (7, 5, 4)):
        place = image.TransformIndexToPhysicalPoint(index)
        value = image[index]
        assert written[written.TransformPhysicalPointToIndex(place)] == (2 if value == 20 else value)


@pytest.mark.parametrize("name", ["ep", "mechanics", "cemrgapp"])
def test_presets_for_tissue_write_tissue_alone(name: str, tmp_path: Path) -> None:
    statement = export(heart_mesh(), request_for(name, tmp_path))
    assert statement["preset"] == name
    assert statement["tetrahedra"] == 6 * TISSUE_VOXELS
    assert sum(label["volume_ml"] for label in statement["labels"]) == pytest.approx(
        TISSUE_VOXELS * VOXEL_MM3 / 1000, abs=1e-3)
    tags = {label["name"]: label["tag"] for label in statement["labels"]}
    assert tags == ({"MYO": 1, "RV_WALL": 2} if name == "cemrgapp" else {"MYO": 2, "RV_WALL": 103})


def test_the_cemrgapp_preset_writes_the_tags_of_its_pipeline(tmp_path: Path) -> None:
    export(heart_mesh(), request_for("cemrgapp", tmp_path))
    elements = read_rows(tmp_path / "myocardium_opencarp" / "myocardium.elem", (5,)).ravel()
    labels = heart_mesh().labels
    np.testing.assert_array_equal(elements, np.where(labels == 2, 1, 2)[np.isin(labels, (2, 103))])
    volume = sitk.ReadImage(str(tmp_path / "myocardium_pycemrg.nrrd"))
    assert set(np.unique(sitk.GetArrayViewFromImage(volume)).tolist()) == {0, 1, 2, 3, 103}


def test_every_preset_is_complete(tmp_path: Path) -> None:
    assert set(PRESETS) == {"print", "ep", "mechanics", "simvascular", "cemrgapp"}
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert preset.notes
        assert preset.volume == any(FORMATS[each].needs == VOLUME for each in preset.formats)
        folder = tmp_path / name
        folder.mkdir()
        written = export_mesh(heart_mesh(), {}, request_for(name, folder), source=source())
        assert all(path.exists() for path in written)
        stem = preset.stem
        assert stem in preset.opens_with or name == "simvascular"


def test_named_formats_replace_those_of_a_preset(tmp_path: Path) -> None:
    statement = export(heart_mesh(), request_for("ep", tmp_path, formats=("vtu",), frame="ras"))
    assert list(statement["formats"]) == ["vtu"]
    assert (statement["frame"], statement["tetrahedra"]) == ("RAS", 6 * TISSUE_VOXELS)


def test_an_unknown_preset_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ep, mechanics"):
        request_for("lammps", tmp_path)


def test_the_sidecar_says_how_a_simulator_takes_the_files(tmp_path: Path) -> None:
    statement = export(heart_mesh(), request_for("mechanics", tmp_path))
    assert statement["preset"] == "mechanics"
    assert "heart_facets.xdmf" in statement["use"]["notes"]
    assert "heart.xdmf" in statement["use"]["opens_with"]
