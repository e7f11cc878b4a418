"""The private folder: nobody else reads it, it never stays behind, and a full disk is a sentence."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from HeartSeg3DLib.errors import CancelledError, DiskError
from HeartSeg3DLib.scene import workspace as workspace_module
from HeartSeg3DLib.scene.workspace import Workspace
from HeartSeg3DLib.worker.folder import folder_name


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a long name of many alphabets in the place of the system's."""
    folder = tmp_path / ("ordner_mit_umlaut_ä_und_心臓_" + "x" * 100)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_only_the_user_can_read_it_and_closing_removes_it(temporary_folder: Path) -> None:
    with Workspace() as workspace:
        (workspace.folder / "scan.json").write_text("{}")
        if os.name == "posix":
            assert workspace.folder.stat().st_mode & 0o777 == 0o700
        assert list(temporary_folder.iterdir()) == [workspace.folder]
    assert list(temporary_folder.iterdir()) == []
    workspace.close()


@pytest.mark.parametrize("kind", [">i2", "<f8", "u1"])
@pytest.mark.parametrize("slab", [1, 1 << 23])
def test_voxels_are_written_little_endian_in_c_order(kind: str, slab: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_module, "_SLAB_BYTES", slab)
    voxels = np.arange(60).astype(kind).reshape(3, 5, 4).transpose(1, 0, 2)
    with Workspace() as workspace:
        workspace.write_voxels("frame.raw", voxels)
        found = np.fromfile(workspace.folder / "frame.raw", np.dtype(kind).newbyteorder("<"))
    np.testing.assert_array_equal(found.reshape(voxels.shape), voxels)


def test_writing_stops_between_slabs_when_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_module, "_SLAB_BYTES", 1)
    asked = iter([False, False, True])
    with Workspace() as workspace:
        with pytest.raises(CancelledError):
            workspace.write_voxels("frame.raw", np.ones((9, 2, 2), np.int16), lambda: next(asked))
        assert (workspace.folder / "frame.raw").stat().st_size == 2 * 8


def test_too_little_space_is_said_before_writing() -> None:
    with Workspace() as workspace:
        workspace.require(1000)
        with pytest.raises(DiskError, match="GB free, and this scan needs 1000000") as failure:
            workspace.require(10**15)
    assert failure.value.remedy


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a full disk to write to is there on Linux alone")
def test_a_disk_that_fills_up_while_writing_is_a_sentence() -> None:
    with Workspace() as workspace:
        (workspace.folder / "frame.raw").symlink_to("/dev/full")
        with pytest.raises(DiskError, match="disk is full"):
            workspace.write_voxels("frame.raw", np.ones((4, 4, 4)))


def test_a_temporary_folder_that_refuses_is_a_sentence(temporary_folder: Path) -> None:
    temporary_folder.rmdir()
    with pytest.raises(DiskError, match="temporary folder") as failure:
        Workspace()
    assert isinstance(failure.value.__cause__, OSError)
    assert failure.value.__cause__.errno == errno.ENOENT


def test_it_lies_where_the_user_wants_it_and_stale_ones_are_looked_for_there_too(
        temporary_folder: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "chosen in Slicer"
    chosen.mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for parent in (chosen, temporary_folder):
        (parent / folder_name(ended.pid, "0123456789abcdef")).mkdir()
    with Workspace(chosen) as workspace:
        Workspace.remove_stale(chosen)
        assert list(chosen.iterdir()) == [workspace.folder]
        assert list(temporary_folder.iterdir()) == []
    with pytest.raises(DiskError, match="missing") as failure:
        Workspace(tmp_path / "missing")
    assert "Application Settings" in failure.value.remedy


def test_folders_of_processes_that_have_ended_are_removed_and_no_others(temporary_folder: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    stale = temporary_folder / folder_name(ended.pid, "0123456789abcdef")
    others = [temporary_folder / name for name in ("heartseg-results", f"heartseg-{ended.pid}-mine", "heartseg-1-")]
    for folder in [stale, *others]:
        folder.mkdir()
        (folder / "frame_000.raw").touch()
    with Workspace() as own:
        Workspace.remove_stale()
        assert sorted(temporary_folder.iterdir()) == sorted([own.folder, *others])


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_that_is_called_like_a_private_folder_is_not_followed(temporary_folder: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").touch()
    (temporary_folder / folder_name(2**22 + 7, "0123456789abcdef")).symlink_to(precious)
    Workspace.remove_stale()
    assert (precious / "thesis.txt").exists()
