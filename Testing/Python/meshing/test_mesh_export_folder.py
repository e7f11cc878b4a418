"""The output folder: all or nothing, never over somebody's files, with a sidecar that can be checked."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from exported_heart import ORIGIN, PITCH, VOXEL_MM3, heart_mesh, heart_patches, heart_source, write
from HeartSeg3DLib import __version__
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.meshing.export import registry, staging
from HeartSeg3DLib.meshing.export.content import content_of
from HeartSeg3DLib.meshing.export.registry import FORMATS
from HeartSeg3DLib.meshing.export.writing import ExportRequest, check_export, export_mesh, remove_partial_export
from HeartSeg3DLib.notice import NOTE_SENTENCE


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_formats_can_be_written_at_once_and_nothing_else_is_left(tmp_path: Path) -> None:
    written = write(tmp_path, *FORMATS)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in written)
    assert written[-1].name == "heart.json"


def test_the_sidecar_says_what_is_there(tmp_path: Path) -> None:
    mesh = heart_mesh()
    export_mesh(mesh, heart_patches(mesh.surface), ExportRequest(tmp_path, ("vtu", "opencarp", "stl")),
                source=heart_source(), quality={"passed": True})
    statement = json.loads((tmp_path / "heart.json").read_text("utf-8"))
    files = [entry for details in statement["formats"].values() for entry in details["files"]]
    there = contents(tmp_path)
    assert sorted(entry["path"] for entry in files) == sorted(set(there) - {"heart.json"})
    for entry in files:
        assert entry["sha256"] == hashlib.sha256(there[entry["path"]]).hexdigest()
        assert entry["bytes"] == len(there[entry["path"]])
    assert statement["software"] == {"name": "HeartSeg", "version": __version__}
    assert statement["note"] == NOTE_SENTENCE
    assert (statement["frame"], statement["units"]) == ("LPS", "mm")
    assert {name: details["units"] for name, details in statement["formats"].items()} == {
        "vtu": "mm", "opencarp": "um", "stl": "mm"}
    lv = statement["labels"][0]
    assert (lv["tag"], lv["name"], lv["labels"], lv["tetrahedra"]) == (1, "LV", [1], 24 * 6)
    assert lv["volume_ml"] == pytest.approx(24 * VOXEL_MM3 / 1000)
    patches = {entry["name"]: entry for entry in statement["patches"]}
    assert patches["EPI"]["in_smaller"] == patches["BASE"]["triangles"] == 2 * (6 * 8 - 1)
    assert patches["BASE"]["area_mm2"] == pytest.approx((6 * 8 - 1) * PITCH**2)
    assert statement["source"]["file"] == "labels.nrrd", "no folders: they may name a patient"
    assert statement["source"]["origin_mm"] == [value + PITCH / 2 for value in ORIGIN]
    assert statement["quality"] == {"passed": True}


def test_nothing_is_replaced_without_being_asked(tmp_path: Path) -> None:
    write(tmp_path, "vtu")
    before = contents(tmp_path)
    for formats in (("vtu",), ("stl", "vtu"), ("stl",)):
        with pytest.raises(UsageError, match="exists already"):
            write(tmp_path, *formats)
    assert contents(tmp_path) == before


def test_force_replaces_an_export_and_nothing_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "vtu", "opencarp")
    for name in ("notes.txt", "heart_opencarp/mine.surf", "heart_opencarp/deeper/notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    write(tmp_path, "opencarp", force=True)
    kept = [name for name, content in contents(tmp_path).items() if content == b"mine"]
    assert sorted(kept) == ["heart_opencarp/deeper/notes.md", "heart_opencarp/mine.surf", "notes.txt"]
    assert not (tmp_path / "heart.vtu").exists()
    assert list(json.loads((tmp_path / "heart.json").read_text("utf-8"))["formats"]) == ["opencarp"]


def test_force_keeps_files_in_a_folder_that_was_never_an_export(tmp_path: Path) -> None:
    (tmp_path / "heart_stl").mkdir()
    (tmp_path / "heart_stl" / "mine.txt").write_text("mine")
    (tmp_path / "heart.json").write_text('"mine"')
    write(tmp_path, "stl", force=True)
    assert (tmp_path / "heart_stl" / "mine.txt").read_text() == "mine"
    assert list(json.loads((tmp_path / "heart.json").read_text("utf-8"))["formats"]) == ["stl"]


def test_a_users_files_return_where_a_process_was_killed_before_it_moved_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "stl")
    (tmp_path / "heart_stl" / "mine.txt").write_text("mine")

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(staging, "_return_foreign", killed)
        patch.setattr(staging, "_settle", lambda _: None)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path, "stl", force=True)
    assert not (tmp_path / "heart_stl" / "mine.txt").exists()
    remove_partial_export(ExportRequest(tmp_path, ("stl",)))
    assert (tmp_path / "heart_stl" / "mine.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_failing_format_leaves_an_earlier_export_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "vtu", "opencarp")
    before = contents(tmp_path)

    def fail(_content: object, path: Path) -> dict[str, object]:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    broken = registry.Format(FORMATS["vtk"].facts, fail)
    monkeypatch.setitem(registry.FORMATS, "vtk", broken)
    with pytest.raises(UsageError, match="could not be written"):
        write(tmp_path, "vtu", "vtk", force=True)
    assert contents(tmp_path) == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("failing", range(7))
def test_a_move_that_fails_is_taken_back(failing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "vtu", "opencarp")
    before = contents(tmp_path)
    moves = []
    replace = staging.os.replace

    def sometimes(source: Path, target: Path) -> None:
        moves.append(target)
        if len(moves) == failing + 1:
            raise PermissionError(13, "in use")
        replace(source, target)

    monkeypatch.setattr(staging.os, "replace", sometimes)
    with pytest.raises(UsageError, match="could not be written"):
        write(tmp_path, "stl", "vtu", "opencarp", frame="RAS", force=True)
    assert contents(tmp_path) == before


def test_what_a_killed_process_left_can_be_removed(tmp_path: Path) -> None:
    write(tmp_path, "vtu")
    before = contents(tmp_path)
    with staging.staging_folder(tmp_path, "heart") as folder:
        (folder / "heart.vtu").write_text("half")
        shutil.copytree(folder, tmp_path / ".heart-0123abcd.partial")
    assert len(contents(tmp_path)) == len(before) + 1
    (tmp_path / ".heart-mine.partial").mkdir()
    remove_partial_export(ExportRequest(tmp_path, ("vtu",)))
    assert contents(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [".heart-mine.partial"]


def test_a_file_that_appears_while_writing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vtu = FORMATS["vtu"]

    def slow(content: object, path: Path) -> dict[str, object]:
        (tmp_path / "heart.vtu").write_text("somebody else's")
        return vtu.write(content, path)  # type: ignore[arg-type]

    monkeypatch.setitem(registry.FORMATS, "vtu", registry.Format(vtu.facts, slow))
    with pytest.raises(UsageError, match="exists already"):
        write(tmp_path, "vtu")
    assert contents(tmp_path) == {"heart.vtu": b"somebody else's"}


@pytest.mark.parametrize(
    ("formats", "options", "message"),
    [
        (("vtu", "docx"), {}, "format docx is unknown.*stl, ply"),
        ((), {}, "No mesh format was named"),
        (("vtu",), {"frame": "IJK"}, "frame IJK is unknown.*lps"),
        (("vtu",), {"stem": "../heart"}, "cannot be called"),
        (("vtu",), {"stem": "h z"}, "cannot be called"),
    ],
)
def test_a_wrong_request_is_refused_with_a_remedy(
    formats: tuple[str, ...], options: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message) as failure:
        write(tmp_path, *formats, **options)
    assert failure.value.remedy
    assert not list(tmp_path.iterdir())


def test_a_surface_cannot_be_written_where_tetrahedra_are_needed(tmp_path: Path) -> None:
    surface = heart_mesh().surface
    with pytest.raises(UsageError, match=r"vtu needs a volume mesh.*stl or vtp"):
        export_mesh(surface, {}, ExportRequest(tmp_path, ("vtu",)))


def test_a_label_volume_needs_the_label_map(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs the label map"):
        export_mesh(heart_mesh(), {}, ExportRequest(tmp_path, ("pycemrg",)))


def test_a_folder_that_is_missing_or_a_file_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        check_export(ExportRequest(tmp_path / "none", ("vtu",)), volume=True, source=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="not a folder"):
        check_export(ExportRequest(tmp_path / "file", ("vtu",)), volume=True, source=False)


def test_vtk_says_when_it_cannot_write(tmp_path: Path) -> None:
    content = content_of(heart_mesh(), {})
    with pytest.raises(OSError, match=r"VTK could not write heart\.vtk"):
        FORMATS["vtk"].write(content, tmp_path / "none" / "heart.vtk")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("HeartSeg3DLib.imaging.output.tempfile.TemporaryFile", refuse)
    with pytest.raises(UsageError, match=r"cannot be written.*Choose a folder"):
        check_export(ExportRequest(tmp_path, ("vtu",)), volume=True, source=False)
