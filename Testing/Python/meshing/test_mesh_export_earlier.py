"""What `force` removes of an earlier mesh: all that its sidecar lists, and nothing that is not the project's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from exported_heart import write
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.meshing.export import staging
from HeartSeg3DLib.meshing.export.earlier import FAILED, earlier_places, removal_sentences


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def change_sidecar(folder: Path, **entries: Any) -> None:
    path = folder / "heart.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | entries), "utf-8")


def listing(*paths: str) -> dict[str, Any]:
    return {"vtk": {"files": [{"path": path} for path in paths]}}


def test_formats_that_are_not_written_again_go(tmp_path: Path) -> None:
    write(tmp_path, "vtk", "stl", "xdmf", "vtu")
    (tmp_path / "notes.txt").write_text("mine")
    before = earlier_places(tmp_path, "heart")
    write(tmp_path, "vtu", force=True)
    assert names(tmp_path) == {"heart.json", "heart.vtu", "notes.txt"}
    (said,) = removal_sentences(before)
    assert said.startswith("Removed of the earlier mesh")
    assert all(name in said for name in ("heart.vtk", "heart_stl", "heart.xdmf", "heart_facets.xdmf"))
    assert "heart.vtu" not in said
    assert "heart.json" not in said
    assert removal_sentences(earlier_places(tmp_path, "heart")) == []


def test_without_force_nothing_goes(tmp_path: Path) -> None:
    write(tmp_path, "vtk", "stl")
    before = names(tmp_path)
    with pytest.raises(UsageError, match="exists already"):
        write(tmp_path, "vtu")
    assert names(tmp_path) == before


def test_a_mesh_that_failed_is_replaced_by_one_of_its_name(tmp_path: Path) -> None:
    write(tmp_path, "vtk", "stl", stem=f"heart{FAILED}")
    (tmp_path / "heart_FAILED_report.html").write_text("its page")
    (tmp_path / "heart_FAILED_notes.txt").write_text("mine")
    write(tmp_path, "vtk", stem=f"other{FAILED}")
    others = {"heart_FAILED_notes.txt", "other_FAILED.json", "other_FAILED.vtk"}
    write(tmp_path, "vtu", force=True)
    assert names(tmp_path) == {"heart.json", "heart.vtu"} | others


def test_a_mesh_that_failed_replaces_no_good_one(tmp_path: Path) -> None:
    write(tmp_path, "vtk")
    write(tmp_path, "vtu", stem=f"heart{FAILED}", force=True)
    assert names(tmp_path) == {"heart.json", "heart.vtk", "heart_FAILED.json", "heart_FAILED.vtu"}


def test_what_somebody_put_into_a_folder_stays_there(tmp_path: Path) -> None:
    write(tmp_path, "stl")
    (tmp_path / "heart_stl" / "printed.3mf").write_text("mine")
    write(tmp_path, "vtu", force=True)
    assert [path.name for path in (tmp_path / "heart_stl").rglob("*") if path.is_file()] == ["printed.3mf"]


def test_where_the_last_move_fails_all_of_it_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "stl", "vtk")
    (tmp_path / "heart_stl" / "printed.3mf").write_text("mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    replace = staging.os.replace

    def refuse_sidecar(source: Path, target: Path) -> None:
        if target == tmp_path / "heart.json" and source.parent.name.endswith(".partial"):
            raise PermissionError(13, "in use")
        replace(source, target)

    monkeypatch.setattr(staging.os, "replace", refuse_sidecar)
    with pytest.raises(UsageError, match="could not be written"):
        write(tmp_path, "vtu", force=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("change", [
    {"software": {"name": "Mesher"}}, {"software": "HeartSeg"}, {"formats": ["heart.vtk"]}, {"formats": {"vtk": None}},
    {"formats": listing("../heart.vtk")}, {"formats": listing("notes.txt", "heart_notes.vtk", "")},
    {"formats": {"vtk": {"files": ["heart.vtk"]}}}, {"formats": {"vtk": {"files": "heart.vtk"}}},
    {"formats": listing("heart_stl/../../notes.txt")},
])
def test_a_sidecar_that_is_not_ours_or_lists_what_we_do_not_write_moves_nothing(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    folder = tmp_path / "mesh"
    folder.mkdir()
    write(folder, "vtk")
    for name in ("notes.txt", "heart_notes.vtk", "../heart.vtk", "../notes.txt"):
        (folder / name).write_text("mine")
    change_sidecar(folder, **change)
    write(folder, "vtu", force=True)
    assert names(folder) == {"heart.json", "heart.vtu", "heart.vtk", "notes.txt", "heart_notes.vtk"}
    assert names(tmp_path) == {"mesh", "heart.vtk", "notes.txt"}


def test_a_sidecar_that_cannot_be_read_lists_nothing(tmp_path: Path) -> None:
    for text in ("{", "[]", "null"):
        (tmp_path / "heart.json").write_text(text)
        assert earlier_places(tmp_path, "heart") == []
