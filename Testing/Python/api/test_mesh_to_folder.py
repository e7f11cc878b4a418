"""A label map goes in, a checked mesh with its report comes out; or nothing does, and a sentence says why."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import meshio
import numpy as np
import pytest
import SimpleITK as sitk

from heart_of_balls import EDGE, SPACING, balls, save
from HeartSeg3DLib.api import MeshChoices, MeshedHeart, mesh_to_folder, meshing
from HeartSeg3DLib.errors import CancelledError, CheckError, DeviceError, HeartSegError, InputError, UsageError
from HeartSeg3DLib.meshing.cleaning import Pieces
from HeartSeg3DLib.meshing.export.presets import preset_of
from HeartSeg3DLib.meshing.mesh import SurfaceMesh
from HeartSeg3DLib.meshing.surface import surface_mesh

REPORTS = {"heart.json", "heart_report.html", "heart_report.json", "heart_report.png"}


@pytest.fixture
def heart(tmp_path: Path) -> Path:
    return save(tmp_path / "patient.nrrd", balls())


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def assert_refused(heart: Path, folder: Path, choices: MeshChoices, kind: type[HeartSegError], said: str) -> None:
    with pytest.raises(kind, match=said) as caught:
        mesh_to_folder(heart, folder, choices)
    assert caught.value.remedy
    assert not folder.exists()


def broken(samples: object) -> SurfaceMesh:
    whole = surface_mesh(samples)
    return SurfaceMesh(whole.points, whole.triangles[1:], whole.labels[1:])


def test_surfaces_have_the_volumes_of_the_voxels(heart: Path, tmp_path: Path) -> None:
    stages: list[tuple[float, str]] = []
    meshed = mesh_to_folder(heart, tmp_path / "out", progress=lambda *step: stages.append(step))
    assert names(tmp_path / "out") == REPORTS | {"heart.vtp", "heart_stl"}
    assert meshed.report.fit_for_use
    expected = 1e-3 * SPACING**3 * np.bincount(balls().ravel())
    sidecar = json.loads((tmp_path / "out" / "heart.json").read_text("utf-8"))
    for entry in sidecar["labels"]:
        assert entry["volume_ml"] == pytest.approx(expected[entry["tag"]], rel=0.01)
        stl = meshio.read(tmp_path / "out" / "heart_stl" / f"{entry['name']}_LPS_mm.stl")
        a, b, c = (stl.points[stl.cells_dict["triangle"][:, corner]] for corner in range(3))
        assert np.einsum("ij,ij->", a, np.cross(b, c)) / 6e3 == pytest.approx(entry["volume_ml"], rel=1e-4)
    figures = json.loads((tmp_path / "out" / "heart_report.json").read_text("utf-8"))
    assert figures["checks"] == sidecar["quality"]["checks"]
    assert {"LV_ENDO", "EPI"} <= set(figures["patches"])
    assert figures["patches"]["LV_ENDO"]["triangles"] == len(meshed.patches["LV_ENDO"])
    assert figures["changes"]["cleaning_voxels"] == {"islands": {}, "holes": 0}
    assert figures["changes"]["samples"] == {"topology": 0, "specks": {}}, "balls do not touch themselves"
    assert [fraction for fraction, _ in stages] == sorted(fraction for fraction, _ in stages)
    assert stages[-1][0] == 1.0
    assert str(tmp_path) not in (tmp_path / "out" / "heart_report.html").read_text("utf-8"), "paths name patients"


def test_tetrahedra_of_tissue_alone_for_opencarp(heart: Path, tmp_path: Path) -> None:
    meshed = mesh_to_folder(heart, tmp_path / "out", MeshChoices(edge_mm=3.5, preset="ep"))
    assert names(tmp_path / "out") == REPORTS | {"heart_opencarp", "heart_report_fibers.png"}
    assert meshed.report.fit_for_use
    assert meshed.report.kind == "tetrahedra"
    rows = (tmp_path / "out" / "heart_opencarp" / "heart.elem").read_text().splitlines()[1:]
    assert {row.split()[-1] for row in rows} == {"2"}
    assert len(rows) == meshed.report.labels[2]["tetrahedra"]
    changes = json.loads((tmp_path / "out" / "heart_report.json").read_text("utf-8"))["changes"]["tetrahedra"]
    assert (changes["topology"], changes["specks"]) == (0, {}), "balls do not touch themselves"
    assert {"0", "1", "2"} <= set(changes["smoothed"])


def test_a_mesh_that_fails_is_not_written(heart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meshing, "surface_mesh", broken)
    assert_refused(heart, tmp_path / "out", MeshChoices(edge_mm=EDGE), CheckError, "open edges: 3")


def test_a_failed_mesh_that_is_accepted_says_so_everywhere(
    heart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meshing, "surface_mesh", broken)
    meshed = mesh_to_folder(heart, tmp_path / "out", MeshChoices(accept_failed=True, edge_mm=EDGE))
    assert all(path.name.startswith("heart_FAILED") for path in meshed.files)
    assert "must not be used" in meshed.warnings[0]
    for name in ("heart_FAILED.json", "heart_FAILED_report.json"):
        statement = json.loads((tmp_path / "out" / name).read_text("utf-8"))
        assert not statement.get("quality", statement)["fit_for_use"]
    assert "Not fit for use" in (tmp_path / "out" / "heart_FAILED_report.html").read_text("utf-8")


def test_whoever_is_asked_may_accept_a_failed_mesh(
    heart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meshing, "surface_mesh", broken)
    verdicts: list[str] = []
    choices = MeshChoices(edge_mm=EDGE, formats=("vtp",))
    with pytest.raises(CheckError):
        mesh_to_folder(heart, tmp_path / "no", choices, accept=lambda said: bool(verdicts.append(said)))
    assert "open edges: 3" in verdicts[0]
    assert not (tmp_path / "no").exists()
    meshed = mesh_to_folder(heart, tmp_path / "yes", choices, accept=lambda _said: True)
    assert {path.name for path in meshed.files} == {name.replace("heart", "heart_FAILED") for name in
                                                    REPORTS | {"heart.vtp"}}


def test_a_label_map_in_memory_is_called_by_its_title(heart: Path, tmp_path: Path) -> None:
    mesh_to_folder(sitk.ReadImage(str(heart)), tmp_path, MeshChoices(edge_mm=EDGE, formats=("vtp",)), title="Case 7")
    assert "Case 7" in (tmp_path / "heart_report.html").read_text("utf-8")
    assert json.loads((tmp_path / "heart.json").read_text("utf-8"))["source"]["file"] == "Case 7"


def test_the_folder_is_looked_at_before_the_label_map(heart: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "heart_report.html").write_text("somebody's page")
    with pytest.raises(UsageError, match="exists already"):
        mesh_to_folder(tmp_path / "missing.nrrd", tmp_path / "out")
    assert (tmp_path / "out" / "heart_report.html").read_text() == "somebody's page"
    mesh_to_folder(heart, tmp_path / "out", MeshChoices(formats=("vtp",), force=True, edge_mm=EDGE))
    assert "patient.nrrd" in (tmp_path / "out" / "heart_report.html").read_text("utf-8")


def test_a_structure_in_two_pieces_raises_a_question(tmp_path: Path) -> None:
    voxels = balls()
    voxels[2:5, 2:6, 2:6] = 4
    heart = save(tmp_path / "pieces.nrrd", voxels)
    assert_refused(heart, tmp_path / "out", MeshChoices(), InputError, "2 pieces")
    largest = MeshChoices(formats=("vtp",), pieces=Pieces.KEEP_LARGEST, edge_mm=EDGE)
    kept = mesh_to_folder(heart, tmp_path / "largest", largest)
    assert _volume(kept, 4) == pytest.approx((balls() == 4).sum() * SPACING**3, rel=0.01)
    everything = MeshChoices(formats=("vtp",), pieces=Pieces.KEEP_ALL, edge_mm=EDGE)
    both = mesh_to_folder(heart, tmp_path / "all", everything)
    assert _volume(both, 4) == pytest.approx((voxels == 4).sum() * SPACING**3, rel=0.01)


@pytest.mark.parametrize("volume", [False, True])
def test_more_memory_than_is_free_is_refused(
    heart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, volume: bool
) -> None:
    monkeypatch.setattr(meshing, "free_memory", lambda: 1_000_000)
    monkeypatch.setattr("HeartSeg3DLib.meshing.memory.free_memory", lambda: 1_000_000)
    assert_refused(heart, tmp_path / "out", MeshChoices(edge_mm=0.5, volume=volume), DeviceError, "memory")


def test_choices_that_cannot_be_are_refused(heart: Path, tmp_path: Path) -> None:
    for choices, said in ((MeshChoices(edge_mm=0.0), "no length of an edge"),
                          (MeshChoices(preset="unknown"), "preset unknown"),
                          (MeshChoices(formats=("vtu",)), "needs a volume mesh"),
                          (MeshChoices(frame="xyz"), "frame xyz")):
        assert_refused(heart, tmp_path / "out", choices, UsageError, said)


def test_a_preset_of_tissue_needs_tissue(tmp_path: Path) -> None:
    blood = save(tmp_path / "blood.nrrd", np.where(balls() == 1, 1, 0).astype(np.uint8))
    assert_refused(blood, tmp_path / "out", MeshChoices(preset="ep"), InputError, "no Left ventricle myocardium")


def test_cancelling_leaves_nothing(heart: Path, tmp_path: Path) -> None:
    asked: list[None] = []

    def at_third() -> bool:
        asked.append(None)
        return len(asked) == 3

    with pytest.raises(CancelledError):
        mesh_to_folder(heart, tmp_path / "out", cancelled=at_third)
    assert not (tmp_path / "out").exists()


def test_who_cancels_after_the_files_are_in_place_comes_too_late(heart: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    meshed = mesh_to_folder(heart, out, MeshChoices(edge_mm=EDGE, formats=("vtp",)),
                            cancelled=lambda: (out / "heart.json").exists())
    assert {path.name for path in meshed.files} == names(out) == REPORTS | {"heart.vtp"}


@pytest.mark.parametrize("part", ["export_mesh", "write_mesh_report", "put_in_place"])
def test_a_failure_while_files_are_written_leaves_nothing(
    heart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(meshing, part, full)
    with pytest.raises(UsageError, match=r"/out could not be written") as caught:
        mesh_to_folder(heart, tmp_path / "out", MeshChoices(edge_mm=EDGE, formats=("vtp",)))
    assert ".partial" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_written_for_another_reason_keeps_its_remedy(
    heart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise UsageError("The mesh has too many triangles for this format.", "Choose ply.")

    monkeypatch.setattr(meshing, "export_mesh", refuse)
    with pytest.raises(UsageError, match="too many triangles") as caught:
        mesh_to_folder(heart, tmp_path / "out", MeshChoices(edge_mm=EDGE, formats=("vtp",)))
    assert caught.value.remedy == "Choose ply."
    assert not (tmp_path / "out").exists()


def test_text_in_xdmf_is_warned_about(heart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meshing, "has_h5py", lambda: False)
    choices = MeshChoices(edge_mm=5.0, preset="mechanics")
    meshed = mesh_to_folder(heart, tmp_path / "text", choices)
    assert any("h5py is not installed" in sentence and "XDMFFile.Encoding.ASCII" in sentence
               for sentence in meshed.warnings)
    monkeypatch.setattr(meshing, "has_h5py", lambda: True)
    assert not any("h5py" in sentence for sentence in mesh_to_folder(heart, tmp_path / "arrays", choices).warnings)


@pytest.mark.parametrize(("file", "encoding"), [("heart.h5", "HDF5"), ("heart.xdmf", "ASCII")])
def test_the_line_for_fenicsx_opens_either_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, encoding: str
) -> None:
    opened: list[tuple[object, ...]] = []

    def open_file(*arguments: object) -> MagicMock:
        opened.append(arguments)
        return MagicMock()

    open_file.Encoding = SimpleNamespace(HDF5="HDF5", ASCII="ASCII")  # type: ignore[attr-defined]
    for name, module in (("mpi4py", SimpleNamespace(MPI=SimpleNamespace(COMM_WORLD="world"))), ("dolfinx", None),
                         ("dolfinx.io", SimpleNamespace(XDMFFile=open_file))):
        monkeypatch.setitem(sys.modules, name, module)
    (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    _, _, code = shlex.split(preset_of("mechanics").opens_with)
    exec(code, {})
    assert opened == [("world", "heart.xdmf", "r", encoding)]


def test_one_frame_of_several_is_meshed(heart: Path, tmp_path: Path) -> None:
    frames = [sitk.ReadImage(str(heart)), sitk.ReadImage(str(heart)) * 0]
    sitk.WriteImage(sitk.JoinSeries(frames[::-1]), str(tmp_path / "cine.nrrd"))
    cine, formats = tmp_path / "cine.nrrd", ("vtp",)
    assert_refused(cine, tmp_path / "out", MeshChoices(), InputError, r"holds 2 label maps \(4-D\)")
    assert_refused(cine, tmp_path / "out", MeshChoices(time_frame=2), UsageError, "no frame 2: cine.nrrd has 2")
    assert_refused(cine, tmp_path / "out", MeshChoices(time_frame=0), InputError, "empty")
    meshed = mesh_to_folder(cine, tmp_path / "out", MeshChoices(edge_mm=EDGE, formats=formats, time_frame=1))
    assert _volume(meshed, 4) == pytest.approx((balls() == 4).sum() * SPACING**3, rel=0.01)
    figures = json.loads((tmp_path / "out" / "heart_report.json").read_text("utf-8"))
    assert figures["settings"]["Time frame"] == "1, counted from 0"


def test_the_report_of_tissue_tells_what_is_written(heart: Path, tmp_path: Path) -> None:
    meshed = mesh_to_folder(heart, tmp_path / "out", MeshChoices(edge_mm=4.0, preset="ep", walls_mm={4: 4.0}))
    figures = json.loads((tmp_path / "out" / "heart_report.json").read_text("utf-8"))
    written, labels = figures["whole"]["written"], figures["labels"]
    assert written["labels"] == [2, 104]
    assert written["tetrahedra"] == labels["2"]["tetrahedra"] + labels["104"]["tetrahedra"]
    assert written["pieces"] == 1
    assert "LV_ENDO" in figures["patches"]
    blood = np.isin(meshed.mesh.surface.labels, (2, 104)).any(axis=1)
    for name, patch in meshed.patches.items():
        assert figures["patches"].get(name, {"triangles": 0})["triangles"] == blood[patch].sum()
    page = (tmp_path / "out" / "heart_report.html").read_text("utf-8")
    assert "Left ventricle cavity, not written" in page
    assert f"{written['tetrahedra']:,} written".replace(",", " ") in page
    assert not any("pieces" in sentence for sentence in meshed.warnings)


def test_tissue_in_two_pieces_is_warned_about(tmp_path: Path) -> None:
    voxels = np.pad(balls(), ((0, 24), (0, 0), (0, 0)))
    voxels[voxels == 4] = 0
    z, y, x = np.indices(voxels.shape)
    voxels[np.hypot(np.hypot(x - 13, y - 13), z - 45) < 7] = 4
    apart = save(tmp_path / "apart.nrrd", voxels)
    meshed = mesh_to_folder(apart, tmp_path / "out", MeshChoices(edge_mm=4.0, preset="ep", walls_mm={4: 4.0}))
    assert meshed.report.fit_for_use
    sentence = meshed.warnings[0]
    atrium = meshed.report.whole["written"]["largest_pieces"][1]
    assert atrium["labels"] == (104,)
    assert atrium["center_mm"] == pytest.approx((-30 + 13 * SPACING, 10 + 13 * SPACING, 70 + 45 * SPACING), abs=0.5)
    assert "falls into 2 pieces" in sentence
    assert f"{atrium['volume_mm3'] / 1000:.3g} mL around (-4, 36, 160) mm in LPS (Left atrium wall)" in sentence
    assert "pieces of what is written" in (tmp_path / "out" / "heart_report.html").read_text("utf-8").lower()
    everything = mesh_to_folder(apart, tmp_path / "all", MeshChoices(edge_mm=4.0, volume=True, formats=("vtu",)))
    assert not any("pieces" in said for said in everything.warnings), "nobody said that it is one body"


def _volume(meshed: MeshedHeart, value: int) -> float:
    volume = meshed.report.labels[value]["volume_mm3"]
    assert isinstance(volume, float)
    return volume
