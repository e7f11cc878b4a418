"""A process that is killed while it puts an export in place: afterwards the earlier one is there, or the new one."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from exported_heart import write
from HeartSeg3DLib.meshing.export import staging
from HeartSeg3DLib.meshing.export.writing import ExportRequest, remove_partial_export

KILLED = 9
EARLIER, NEW = ("vtu", "opencarp", "stl"), ("vtu", "opencarp")
MOVES = len(EARLIER) + 1 + len(NEW) + 1
"""What goes, with its sidecar, and what comes."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def die_at_move(number: int) -> None:
    """Let this process end without any cleaning up in place of a move, counted from 0; in its own folder none count."""
    replace, moves = staging.os.replace, []

    def move(source: Path, target: Path) -> None:
        moves.append(target)
        if len(moves) == number + 1:
            os._exit(KILLED)
        replace(source, target)

    staging.os.replace = move  # type: ignore[assignment]


def in_child(work: object) -> int:
    """Call a function in a process of its own and return how that ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which VTK may have and the child does not use
        child = os.fork()
    if child == 0:
        try:
            work()  # type: ignore[operator]
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an export, and something of a person's."""
    write(tmp_path, *EARLIER)
    (tmp_path / "notes.txt").write_text("mine")
    return tmp_path


def replace_export(folder: Path, killed_at: int) -> int:
    def work() -> None:
        die_at_move(killed_at)
        write(folder, *NEW, frame="RAS", force=True)

    return in_child(work)


@pytest.mark.parametrize("killed_at", range(MOVES))
def test_a_kill_between_moves_loses_nothing(folder: Path, killed_at: int) -> None:
    before = contents(folder)
    assert replace_export(folder, killed_at) == KILLED
    remove_partial_export(ExportRequest(folder, NEW))
    assert contents(folder) == before


def test_after_the_last_move_the_new_export_is_there(folder: Path) -> None:
    before = contents(folder)
    assert replace_export(folder, MOVES) == 0
    after = contents(folder)
    remove_partial_export(ExportRequest(folder, NEW))
    assert contents(folder) == after
    assert after["notes.txt"] == b"mine"
    assert after["heart.json"] != before["heart.json"]


@pytest.mark.parametrize("killed_at", range(2))
def test_a_kill_while_the_old_export_is_thrown_away_brings_none_of_it_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    remove, calls = staging.shutil.rmtree, []

    def die_late(*arguments: object, **options: object) -> None:
        calls.append(arguments)
        if len(calls) == killed_at + 1:
            os._exit(KILLED)
        remove(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(staging.shutil, "rmtree", die_late)
    assert in_child(lambda: write(folder, *NEW, frame="RAS", force=True)) == KILLED
    monkeypatch.undo()
    assert [path for path in folder.iterdir() if path.name.endswith(".partial")]
    remove_partial_export(ExportRequest(folder, NEW))
    assert {path.name for path in folder.iterdir()} == {"heart.json", "heart.vtu", "heart_opencarp", "notes.txt"}


@pytest.mark.parametrize("killed_again_at", range(4))
def test_cleaning_up_may_be_killed_and_goes_on(folder: Path, killed_again_at: int) -> None:
    before = contents(folder)
    replace_export(folder, MOVES - 1)

    def clean() -> None:
        die_at_move(killed_again_at)
        remove_partial_export(ExportRequest(folder, NEW))

    assert in_child(clean) == KILLED
    remove_partial_export(ExportRequest(folder, NEW))
    assert contents(folder) == before


def test_what_somebody_put_into_a_place_meanwhile_stays(folder: Path) -> None:
    replace_export(folder, len(EARLIER) + 1)
    (folder / "heart.vtu").write_text("somebody else's")
    remove_partial_export(ExportRequest(folder, NEW))
    assert (folder / "heart.vtu").read_text() == "somebody else's"
    assert {path.name for path in folder.iterdir()} == {"heart.json", "heart.vtu", "heart_opencarp", "heart_stl",
                                                        "notes.txt"}
