"""Fibers on the way from a label map to a folder: laid where they can be, and told about where they cannot."""

from __future__ import annotations

import json
from pathlib import Path

import meshio
import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.api import MeshChoices, MeshedHeart, mesh_fibers, mesh_to_folder
from HeartSeg3DLib.errors import CancelledError, CheckError, HeartSegError, InputError, UsageError
from HeartSeg3DLib.meshing.fibers import FiberAngles
from HeartSeg3DLib.meshing.mesh import TetraMesh

EDGE, SPACING = 3.5, 2.0
PICTURE = "heart_report_fibers.png"
MYO, LA, LA_WALL = 2, 4, 104


def balls() -> np.ndarray:
    """A left ventricle in its myocardium with an atrium and its wall on top, [z, y, x]."""
    z, y, x = np.indices((34, 26, 26))
    voxels = np.zeros(z.shape, np.uint8)
    from_middle = np.hypot(np.hypot(x - 13, y - 13), z - 12)
    from_atrium = np.hypot(np.hypot(x - 13, y - 13), z - 23)
    voxels[from_atrium < 9] = LA_WALL
    voxels[from_atrium < 6] = LA
    voxels[from_middle < 10] = MYO
    voxels[from_middle < 6] = 1
    return voxels


def image(voxels: np.ndarray) -> sitk.Image:
    labels = sitk.GetImageFromArray(voxels)
    labels.SetSpacing([SPACING] * 3)
    return labels


@pytest.fixture(scope="module")
def tissue(tmp_path_factory: pytest.TempPathFactory) -> tuple[MeshedHeart, Path]:
    """What the preset for openCARP makes by itself."""
    folder = tmp_path_factory.mktemp("ep")
    stages: list[tuple[float, str]] = []
    meshed = mesh_to_folder(image(balls()), folder, MeshChoices(edge_mm=EDGE, preset="ep"),
                            progress=lambda *step: stages.append(step))
    assert [fraction for fraction, _ in stages] == sorted(fraction for fraction, _ in stages)
    assert len([name for _, name in stages if name == "Laying fibers"]) > 5
    assert len([name for _, name in stages if name == "Drawing fibers"]) > 5
    return meshed, folder


def test_a_preset_of_tissue_lays_the_usual_fibers(tissue: tuple[MeshedHeart, Path]) -> None:
    meshed, folder = tissue
    assert isinstance(meshed.mesh, TetraMesh)
    assert meshed.fibers is not None
    assert meshed.fibers.angles == FiberAngles(60.0, -60.0)
    assert meshed.fibers.figures.share == 1.0
    lon = np.loadtxt(folder / "heart_opencarp" / "heart.lon", skiprows=1)
    tags = np.loadtxt(folder / "heart_opencarp" / "heart.elem", skiprows=1, usecols=5)
    own = np.isin(meshed.mesh.labels, (MYO, LA_WALL))
    np.testing.assert_allclose(lon[tags == MYO], np.hstack(
        [meshed.mesh.fields["fiber"], meshed.mesh.fields["sheet"]])[own & (meshed.mesh.labels == MYO)], atol=1e-6)
    assert (lon[tags == LA_WALL] == [1, 0, 0, 0, 1, 0]).all()


def test_placeholders_are_never_silent(tissue: tuple[MeshedHeart, Path]) -> None:
    meshed, folder = tissue
    told = [sentence for sentence in meshed.warnings if "placeholder" in sentence]
    assert len(told) == 1
    count = int((meshed.mesh.labels == LA_WALL).sum())
    assert f"{count:,} elements".replace(",", " ") in told[0]
    assert "Left atrium wall" in told[0]
    assert "myocardium" not in told[0]
    sidecar = json.loads((folder / "heart.json").read_text("utf-8"))
    assert sidecar["fibers"]["elements_without"] == {"LA_WALL": count}
    assert sidecar["formats"]["opencarp"]["elements_with_placeholder"] == count


def test_the_report_shows_fibers(tissue: tuple[MeshedHeart, Path]) -> None:
    meshed, folder = tissue
    assert {PICTURE, "heart_report.html"} <= {path.name for path in meshed.files}
    assert sitk.ReadImage(str(folder / PICTURE)).GetSize()[0] > 1000
    figures = json.loads((folder / "heart_report.json").read_text("utf-8"))["fibers"]
    assert figures["angles_degrees"]["endocardium"] == 60.0
    assert figures["share_with_fibers"] == 1.0
    first, *_, last = figures["helix_degrees"]["left"]
    assert first["median"] == pytest.approx(53.0, abs=12.0)
    assert last["median"] == pytest.approx(-53.0, abs=12.0)
    page = (folder / "heart_report.html").read_text("utf-8")
    for words in ("<h2>Fibers</h2>", "Helix angle through the wall", "Left ventricle, endocardium", "Bayer"):
        assert words in page
    assert page.count("data:image/png") == 2


def test_fibers_that_are_asked_for_make_tetrahedra(tmp_path: Path) -> None:
    meshed = mesh_to_folder(image(balls()), tmp_path, MeshChoices(edge_mm=EDGE, fibers=FiberAngles(80.0, -40.0),
                                                                  frame="ras"))
    assert (tmp_path / "heart.vtu").is_file()
    mesh = meshio.read(tmp_path / "heart.vtu")
    assert isinstance(meshed.mesh, TetraMesh)
    np.testing.assert_allclose(mesh.cell_data["fiber"][0], meshed.mesh.fields["fiber"] * [-1, -1, 1])
    assert {"transmural", "apicobasal"} <= set(mesh.point_data)
    sidecar = json.loads((tmp_path / "heart.json").read_text("utf-8"))
    assert sidecar["fibers"]["angles_degrees"]["endocardium"] == 80.0
    assert meshed.fibers is not None
    assert meshed.fibers.figures.left[0].median == pytest.approx(73.0, abs=12.0)


def without_cavity() -> np.ndarray:
    voxels = balls()
    voxels[voxels == 1] = 0
    return voxels


def test_a_preset_goes_on_without_fibers_and_says_why(tmp_path: Path) -> None:
    meshed = mesh_to_folder(image(without_cavity()), tmp_path, MeshChoices(edge_mm=EDGE, preset="ep"))
    assert meshed.fibers is None
    assert any("no fibers" in sentence and "no left endocardium" in sentence for sentence in meshed.warnings)
    assert any("placeholder along x in every element" in sentence for sentence in meshed.warnings)
    assert not (tmp_path / PICTURE).exists()
    assert json.loads((tmp_path / "heart.json").read_text("utf-8"))["fibers"] is None
    assert json.loads((tmp_path / "heart_report.json").read_text("utf-8"))["fibers"] is None


def test_a_picture_of_earlier_fibers_does_not_stay(tmp_path: Path) -> None:
    (tmp_path / PICTURE).write_bytes(b"an earlier heart")
    choices = MeshChoices(edge_mm=EDGE, volume=True, formats=("vtu",))
    with pytest.raises(UsageError, match="exists already"):
        mesh_to_folder(image(balls()), tmp_path, choices)
    mesh_to_folder(image(balls()), tmp_path, MeshChoices(edge_mm=EDGE, volume=True, formats=("vtu",), force=True))
    assert not (tmp_path / PICTURE).exists()


def test_blood_alone_needs_no_word_about_fibers(tmp_path: Path) -> None:
    blood = np.where(balls() == LA, LA, 0).astype(np.uint8)
    meshed = mesh_to_folder(image(blood), tmp_path, MeshChoices(edge_mm=EDGE, volume=True, formats=("svmultiphysics",)))
    assert meshed.fibers is None
    assert not any("fibers" in sentence for sentence in meshed.warnings)


def assert_refused(
    voxels: np.ndarray, folder: Path, choices: MeshChoices, kind: type[HeartSegError], said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        mesh_to_folder(image(voxels), folder, choices)
    assert caught.value.remedy
    assert not folder.exists()


def test_what_cannot_be_is_refused_before_meshing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("meshed")

    monkeypatch.setattr("HeartSeg3DLib.api.meshing.cut_into_tetrahedra", never)
    fibers = FiberAngles()
    assert_refused(without_cavity(), tmp_path / "a", MeshChoices(fibers=fibers), InputError, "no left endocardium")
    assert_refused(balls()[8:], tmp_path / "b", MeshChoices(fibers=fibers, preset="ep"), InputError, "the apex")
    assert_refused(balls(), tmp_path / "c", MeshChoices(fibers=fibers, preset="print"), UsageError, "makes surfaces")
    assert_refused(balls(), tmp_path / "d", MeshChoices(fibers=fibers, formats=("stl", "abaqus")), UsageError,
                   "No fibers fit into stl, abaqus")


def test_a_failure_of_the_rule_stops_only_those_who_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> TetraMesh:
        raise CheckError("The fields could not be computed.", "Choose another edge.")

    monkeypatch.setattr(mesh_fibers, "with_fibers", failing)
    assert_refused(balls(), tmp_path / "asked", MeshChoices(edge_mm=EDGE, fibers=FiberAngles()), CheckError, "fields")
    meshed = mesh_to_folder(image(balls()), tmp_path / "preset", MeshChoices(edge_mm=EDGE, preset="mechanics"))
    assert meshed.fibers is None
    assert any("fields could not be computed" in sentence for sentence in meshed.warnings)


@pytest.mark.parametrize("stage", ["Laying fibers", "Drawing fibers"])
def test_cancelling_within_a_stage_leaves_nothing(tmp_path: Path, stage: str) -> None:
    told: list[str] = []
    with pytest.raises(CancelledError):
        mesh_to_folder(image(balls()), tmp_path / "out", MeshChoices(edge_mm=EDGE, preset="mechanics"),
                       progress=lambda _, name: told.append(name), cancelled=lambda: told.count(stage) == 3)
    assert told.count(stage) == 3
    assert not (tmp_path / "out").exists()
