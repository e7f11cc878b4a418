"""The whole child process: it answers, keeps its pipe clean, and leaves nothing when its parent is gone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from HeartSeg3DLib.scene.runner import ChildProcess, worker_command
from random_models import write_ct
from scan_in_folder import private_folder, put_scan
from worker_process import answer, is_alive, start_worker, wait_until

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="looks at processes as POSIX shows them")
Start = Callable[..., ChildProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts workers that are killed after the test."""
    started: list[ChildProcess] = []

    def begin(*arguments: str, **variables: str) -> ChildProcess:
        started.append(start_worker(*arguments, **variables))
        return started[-1]

    yield begin
    for child in started:
        child.kill()


def test_the_command_of_the_runner_starts_a_worker_that_says_ready_and_quits() -> None:
    child = ChildProcess(*worker_command())
    assert answer(child, ("ready", "error"))[0]["event"] == "ready"
    child.close()
    assert child.poll() == []
    assert child.exit_code == 0


@pytest.mark.usefixtures("user_data")
def test_it_segments_twice_and_the_second_time_with_loaded_models(start: Start, tmp_path: Path) -> None:
    folder = private_folder(tmp_path)
    put_scan(folder)
    child = start()
    for job in (1, "zwei"):
        child.send({"job": job, "action": "segment", "folder": str(folder), "device": "cpu", "surfaces": True})
        events = answer(child)
        assert events[-1]["event"] == "result", events[-1]
        assert events[-1]["job"] == job
        assert (folder / "labels_000.raw").stat().st_size > 0
        assert (folder / "surface_000.npz").stat().st_size > 0


@pytest.mark.parametrize("line", [{"job": 1, "action": "dance"}, {"job": 1}, {"job": 1, "action": ["segment"]}])
def test_unknown_requests_are_answered(start: Start, line: dict[str, Any]) -> None:
    child = start()
    child.send(line)
    error = answer(child)[-1]
    assert (error["event"], error["job"], error["code"]) == ("error", 1, "usage")
    assert error["remedy"]


def test_a_line_that_is_no_request_is_answered_and_the_next_is_served(start: Start) -> None:
    child = start()
    assert child._process.stdin is not None
    child._process.stdin.write(b"\xff\x00 {]\n[1]\n")
    child.send({"job": 3, "action": "segment", "folder": "/nowhere/ä"})
    errors: list[dict[str, Any]] = []
    while len(errors) < 3:
        errors += [event for event in answer(child) if event["event"] == "error"]
    assert [(error["job"], error["code"]) for error in errors] == [(None, "usage"), (None, "usage"), (3, "input")]


def test_what_libraries_print_goes_to_the_report(start: Start) -> None:
    child = start("import os\nprint('hello from python', flush=True)\n"
                  "from HeartSeg3DLib.worker import server\n"
                  "real = server.segment\n"
                  "def loud(job, models):\n"
                  "    print('printed', flush=True); os.write(1, b'written by C\\n'); real(job, models)\n"
                  "server.ACTIONS['segment'] = loud")
    child.send({"job": 1, "action": "segment", "folder": "nowhere"})
    assert [event["event"] for event in answer(child)] == ["ready", "progress", "error"]
    wait_until(lambda: "written by C" in child.stderr_tail, child.stderr_tail)
    assert "printed" in child.stderr_tail


BROKEN_TORCH = {
    "missing": None,
    "no library": "raise OSError('[WinError 126] The specified module could not be found')",
    "empty": "",
    "old": "__version__ = '2.2.2'",
    "no kernel": "__version__ = '2.9.0'\ndef __getattr__(name): raise RuntimeError('no kernel image is available')",
}


@pytest.mark.usefixtures("user_data")
@pytest.mark.parametrize("kind", BROKEN_TORCH)
@pytest.mark.parametrize("action", ["devices", "segment"])
def test_a_torch_that_does_not_work_is_a_dependency_problem(
    start: Start, tmp_path: Path, kind: str, action: str
) -> None:
    folder, code = private_folder(tmp_path), BROKEN_TORCH[kind]
    put_scan(folder)
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(code or "")
    hide = "import sys; sys.modules['torch'] = None" if code is None else \
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    child = start(hide)
    child.send({"job": 1, "action": action, "folder": str(folder)})
    error = answer(child)[-1]
    assert (error["event"], error["code"]) == ("error", "dependencies"), error
    assert "PyTorch" in error["message"]
    assert error["remedy"]


# A worker whose segmentation starts a grandchild and then works for ever.
ENDLESS = """
import os, subprocess, sys, time
from HeartSeg3DLib.worker import server
def endless(job, models):
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    job.frame(pid=os.getpid(), grandchild=grandchild.pid)
    while True:
        pass
server.ACTIONS["segment"] = endless
"""


@POSIX_ONLY
def test_without_a_parent_nothing_is_left(start: Start, tmp_path: Path) -> None:
    folder = private_folder(tmp_path)
    put_scan(folder)
    output, partial = tmp_path / "heart.nii.gz", tmp_path / ".heart-0123abcd.partial.nii.gz"
    partial.touch()
    child = start(ENDLESS)
    child.send({"job": 1, "action": "segment", "folder": str(folder), "output": str(output)})
    frame = next(event for event in answer(child, ("frame",)) if event["event"] == "frame")
    assert is_alive(frame["grandchild"])
    assert child._process.stdin is not None
    child._process.stdin.close()  # as the system does when the parent dies
    wait_until(lambda: not is_alive(frame["pid"]) and not is_alive(frame["grandchild"]), "processes are left")
    assert list(tmp_path.iterdir()) == []


@POSIX_ONLY
def test_only_private_folders_are_removed_without_a_parent(start: Start, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    child = start(ENDLESS)
    child.send({"job": 1, "action": "segment", "folder": str(tmp_path)})
    frame = next(event for event in answer(child, ("frame",)) if event["event"] == "frame")
    assert child._process.stdin is not None
    child._process.stdin.close()
    wait_until(lambda: not is_alive(frame["pid"]), "the worker is left")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


# A worker that stops in the middle of writing its label map.
STUCK_WHILE_WRITING = """
import os, time
from HeartSeg3DLib.imaging import output
def stuck(source, target):
    print("writing", flush=True)
    time.sleep(3600)
output.os.replace = stuck
"""


@POSIX_ONLY
@pytest.mark.usefixtures("user_data")
def test_a_kill_while_writing_leaves_nothing_in_the_users_folder(start: Start, tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    child = start(STUCK_WHILE_WRITING)
    child.send({"job": 1, "action": "segment_file", "input": str(scan), "output": str(tmp_path / "heart.nii.gz"),
                "device": "cpu"})
    wait_until(lambda: child.poll() is None or "writing" in child.stderr_tail, "it never wrote")
    assert len(list(tmp_path.iterdir())) == 2
    child.kill()
    assert list(tmp_path.iterdir()) == [scan]
