"""A mesh appears in the user's folder as a whole or not at all, and a failed one only where a person says so."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.api import meshing
from HeartSeg3DLib.errors import CheckError, InputError, UsageError
from HeartSeg3DLib.meshing.mesh import SurfaceMesh
from HeartSeg3DLib.meshing.surface import surface_mesh
from HeartSeg3DLib.worker.events import EventPipe, Job
from HeartSeg3DLib.worker.leftovers import remove_partial_outputs
from HeartSeg3DLib.worker.loaded_models import LoadedModels
from HeartSeg3DLib.worker.mesh_action import mesh
from scan_in_folder import Recorder, private_folder, put_scan
from worker_process import answer, start_worker

SPACING = 2.0
REPORTS = {"heart.json", "heart_report.html", "heart_report.json", "heart_report.png"}


def balls() -> np.ndarray:
    """A left ventricle in its myocardium with an atrium on top, [z, y, x]."""
    z, y, x = np.indices((34, 26, 26))
    voxels = np.zeros(z.shape, np.uint8)
    voxels[np.hypot(np.hypot(x - 13, y - 13), z - 23) < 7] = 4
    from_middle = np.hypot(np.hypot(x - 13, y - 13), z - 12)
    voxels[from_middle < 10] = 2
    voxels[from_middle < 6] = 1
    return voxels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A private folder with a label map."""
    labels = sitk.GetImageFromArray(balls())
    labels.SetSpacing([SPACING] * 3)
    labels.SetOrigin([-30.0, 10.0, 70.0])
    folder = private_folder(tmp_path)
    put_scan(folder, [labels])
    return folder


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mesher that loses a triangle."""
    def without_first(samples: Any) -> SurfaceMesh:
        whole = surface_mesh(samples)
        return SurfaceMesh(whole.points, whole.triangles[1:], whole.labels[1:])

    monkeypatch.setattr(meshing, "surface_mesh", without_first)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_surfaces_go_to_the_user_and_to_the_scene(folder: Path, tmp_path: Path, recorder: Recorder) -> None:
    job = recorder.job(folder=str(folder), output=str(tmp_path / "mesh"), title="Series 3/4", edge_mm=3.0,
                       formats=["vtp"])
    mesh(job, LoadedModels())
    assert names(tmp_path / "mesh") == REPORTS | {"heart.vtp"}
    (result,) = recorder.events("result")
    assert {Path(file).name for file in result["files"]} == REPORTS | {"heart.vtp"}
    assert result["quality"]["fit_for_use"]
    assert "Series 3_4" in (tmp_path / "mesh" / "heart_report.html").read_text("utf-8")
    with np.load(folder / result["surfaces"]) as arrays:
        for value in (1, 2, 4):
            points, triangles = arrays[f"points_{value}"].astype(float), arrays[f"triangles_{value}"]
            a, b, c = (points[triangles[:, corner]] for corner in range(3))
            volume = np.einsum("ij,ij->", a, np.cross(b, c)) / 6
            assert volume == pytest.approx((balls() == value).sum() * SPACING**3, rel=0.02)
            outward = np.cross(b - a, c - a)
            assert (np.einsum("ij,ij->i", outward, arrays[f"normals_{value}"][triangles[:, 0]]) > 0).mean() > 0.98
            assert arrays[f"quality_{value}"].shape == (len(triangles),)
            assert (arrays[f"quality_{value}"] > 0).all()
    fractions = [event["fraction"] for event in recorder.events("progress")]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_of_tetrahedra_the_surfaces_of_what_is_written_are_shown(
    folder: Path, tmp_path: Path, recorder: Recorder
) -> None:
    mesh(recorder.job(folder=str(folder), output=str(tmp_path / "mesh"), preset="ep", volume=True, edge_mm=4.0,
                      walls_mm={"4": 5.0}), LoadedModels())
    assert names(tmp_path / "mesh") >= REPORTS | {"heart_opencarp"}
    (result,) = recorder.events("result")
    with np.load(folder / result["surfaces"]) as arrays:
        assert {name.split("_")[1] for name in arrays.files} == {"2", "104"}, "the tissue alone"
        points, triangles = arrays["points_2"].astype(float), arrays["triangles_2"]
        a, b, c = (points[triangles[:, corner]] for corner in range(3))
        assert np.einsum("ij,ij->", a, np.cross(b, c)) / 6 == pytest.approx(
            result["quality"]["labels"]["2"]["volume_mm3"], rel=1e-4)
        assert arrays["quality_2"].min() >= result["quality"]["labels"]["2"]["tetrahedron_scaled_jacobian"]["minimum"]
        assert arrays["quality_2"].max() <= 1.0001


def test_nothing_is_overwritten_unasked(folder: Path, tmp_path: Path, recorder: Recorder) -> None:
    output = tmp_path / "mesh"
    output.mkdir()
    (output / "heart.vtp").write_text("mine")
    request = {"folder": str(folder), "output": str(output), "edge_mm": 3.0, "formats": ["vtp"]}
    with pytest.raises(UsageError, match="exists already"):
        mesh(recorder.job(**request), LoadedModels())
    assert names(output) == {"heart.vtp"}
    assert (output / "heart.vtp").read_text() == "mine"
    assert recorder.events("progress") == [], "it is refused before any work"
    mesh(recorder.job(**request, force=True), LoadedModels())
    assert names(output) == REPORTS | {"heart.vtp"}
    assert "mine" not in (output / "heart.vtp").read_bytes().decode("latin-1")


def test_of_a_mesh_that_is_replaced_nothing_stays(folder: Path, tmp_path: Path, recorder: Recorder) -> None:
    output = tmp_path / "mesh"
    output.mkdir()
    for name in ("heart_report_fibers.png", "heart_gmsh22_fields.msh", "notes.txt"):
        (output / name).write_text("of an earlier mesh with fibers")
    mesh(recorder.job(folder=str(folder), output=str(output), edge_mm=3.0, formats=["gmsh22"], force=True),
         LoadedModels())
    assert names(output) == REPORTS | {"heart_gmsh22.msh", "notes.txt"}


def test_what_is_removed_of_an_earlier_mesh_is_said(folder: Path, tmp_path: Path, recorder: Recorder) -> None:
    request = {"folder": str(folder), "output": str(tmp_path / "mesh"), "edge_mm": 3.0}
    mesh(recorder.job(**request, formats=["vtp", "obj"]), LoadedModels())
    mesh(recorder.job(**request, formats=["vtp"], force=True), LoadedModels())
    assert names(tmp_path / "mesh") == REPORTS | {"heart.vtp"}
    first, second = recorder.events("result")
    assert not [said for said in first["warnings"] if "earlier mesh" in said]
    (said,) = [said for said in second["warnings"] if "earlier mesh" in said]
    assert "heart.mtl, heart.obj" in said


def test_nobody_cleans_up_while_files_are_put_in_place(
    folder: Path, tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parent that goes is noticed in another thread, which would take back what this one is still moving."""
    request = {"action": "mesh", "folder": str(folder), "output": str(tmp_path / "mesh"), "edge_mm": 3.0,
               "formats": ["vtp"]}
    cleaning = threading.Thread(target=remove_partial_outputs, args=(request,))
    put_in_place, waited = meshing.put_in_place, []

    def disturbed(*arguments: Any, **options: Any) -> tuple[Path, ...]:
        cleaning.start()
        cleaning.join(timeout=0.5)
        waited.append(cleaning.is_alive())
        return put_in_place(*arguments, **options)

    monkeypatch.setattr(meshing, "put_in_place", disturbed)
    mesh(recorder.job(**request), LoadedModels())
    cleaning.join()
    assert waited == [True]
    assert names(tmp_path / "mesh") == REPORTS | {"heart.vtp"}


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("yes", [True, False])
def test_a_mesh_that_fails_its_check_is_asked_about(
    folder: Path, tmp_path: Path, recorder: Recorder, yes: bool
) -> None:
    request = {"job": 5, "folder": str(folder), "output": str(tmp_path / "mesh"), "edge_mm": 3.0, "formats": ["vtp"]}
    job = Job(request, recorder.pipe, lambda: yes)
    if yes:
        mesh(job, LoadedModels())
        assert names(tmp_path / "mesh") == {name.replace("heart", "heart_FAILED") for name in REPORTS | {"heart.vtp"}}
    else:
        with pytest.raises(CheckError):
            mesh(job, LoadedModels())
        assert not (tmp_path / "mesh").exists()
    (question,) = recorder.events("question")
    assert "open edges: 3" in question["message"]


def test_a_failure_leaves_no_folder(folder: Path, tmp_path: Path, recorder: Recorder) -> None:
    blood = sitk.GetImageFromArray(np.where(balls() == 1, 1, 0).astype(np.uint8))
    put_scan(folder, [blood])
    with pytest.raises(InputError):  # the preset writes tissue alone
        mesh(recorder.job(folder=str(folder), output=str(tmp_path / "mesh"), preset="ep"), LoadedModels())
    assert not (tmp_path / "mesh").exists()


@pytest.mark.parametrize(("preset", "stem"), [(None, "heart"), ("ep", "heart"), ("cemrgapp", "myocardium")])
def test_what_a_killed_child_was_writing_goes_and_the_rest_stays(
    tmp_path: Path, preset: str | None, stem: str
) -> None:
    output = tmp_path / "mesh"
    staging = output / f".{stem}-0123abcd.partial"
    (staging / "heart_stl").mkdir(parents=True)
    (staging / "heart_stl" / "LV.stl").touch()
    request = {"action": "mesh", "output": str(output), "preset": preset, "new_folder": True}
    remove_partial_outputs(request)
    assert not output.exists()
    staging.mkdir(parents=True)
    (output / f"{stem}.json").touch()
    remove_partial_outputs(request)
    assert names(output) == {f"{stem}.json"}
    (staging / "replaced").mkdir(parents=True)
    (output / f"{stem}.json").rename(staging / "replaced" / f"{stem}.json")
    remove_partial_outputs(request)
    assert names(output) == {f"{stem}.json"}, "an earlier mesh comes back"
    staging.mkdir()
    (output / f"{stem}.json").unlink()
    remove_partial_outputs({**request, "new_folder": False})
    assert names(output) == set(), "the folder was the user's"


# A worker whose mesh asks twice and tells what it was answered.
ASKING = """
from HeartSeg3DLib.worker import server
def asking(job, models):
    job.result(answers=[job.ask("one?"), job.ask("two?")])
server.ACTIONS["mesh"] = asking
"""


def test_a_question_waits_for_the_answer_of_the_parent() -> None:
    child = start_worker(ASKING)
    try:
        child.send({"job": 1, "action": "mesh"})
        assert answer(child, ("question",))[-1]["message"] == "one?"
        assert child.poll() == []
        child.send({"job": 1, "action": "answer", "yes": True})
        assert answer(child, ("question",))[-1]["message"] == "two?"
        child.send({"job": 1, "action": "answer", "yes": "perhaps"})
        assert answer(child)[-1]["answers"] == [True, False]
    finally:
        child.kill()


def test_without_a_person_nobody_agrees() -> None:
    stream = io.BytesIO()
    assert Job({"job": 1}, EventPipe(stream)).ask("Really?") is False
    assert json.loads(stream.getvalue())["event"] == "question"
