"""The parent's side: events come through, crashes are explained, and a kill leaves no process behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from HeartSeg3DLib.scene import runner
from HeartSeg3DLib.scene.runner import ChildProcess, worker_command
from HeartSeg3DLib.worker.process_group import start_options

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="looks at processes as POSIX shows them")
PATIENCE_SECONDS = 60

Start = Callable[..., ChildProcess]

ECHO = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["action"] == "quit":
        break
    print(json.dumps({"event": "result", "job": request["job"], "said": request["text"]}), flush=True)
"""

# Starts a grandchild that would live for an hour, says its id, and does the same.
WITH_GRANDCHILD = """
import json, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
print(json.dumps({"event": "started", "pid": grandchild.pid}), flush=True)
time.sleep(3600)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a Python program as a child; all of them are killed after the test."""
    started = []

    def begin(program: str, **options: Any) -> ChildProcess:
        started.append(ChildProcess([sys.executable, "-c", program], dict(os.environ), **options))
        return started[-1]

    yield begin
    for child in started:
        child.kill()


def wait_for(child: ChildProcess, kind: str) -> dict[str, Any]:
    """The next event of a kind."""
    return next(event for event in events_until(child, kind) if event["event"] == kind)


def events_until(child: ChildProcess, kind: str) -> list[dict[str, Any]]:
    """All events up to one of a kind."""
    events: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(event["event"] == kind for event in events):
        assert time.monotonic() < deadline, (events, child.stderr_tail)
        events += child.poll()
        time.sleep(0.005)
    return events


def wait_until_ended(child: ChildProcess) -> list[dict[str, Any]]:
    """Poll until the child is gone; all events."""
    events: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while child.running:
        assert time.monotonic() < deadline
        events += child.poll()
        time.sleep(0.005)
    return events


def is_alive(process: int) -> bool:
    """Whether a process runs; one that has ended and was not buried does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_requests_and_events_of_any_language_and_length_come_through(start: Start) -> None:
    child, text = start(ECHO), "Überlänge\n心臓 " * 30_000
    child.send({"job": "ä", "action": "echo", "text": text})
    assert wait_for(child, "result") == {"event": "result", "job": "ä", "said": text}


def test_a_child_that_is_asked_to_quit_is_not_a_crash(start: Start) -> None:
    codes: list[int] = []
    child = start(ECHO, on_exit=codes.append)
    child.close()
    assert child.poll() == []
    assert not child.running
    assert codes == [0]


def test_a_crash_ends_each_open_request_with_one_error(start: Start) -> None:
    codes: list[int] = []
    child = start("import sys; sys.stdin.readline(); sys.exit('the driver broke')", on_exit=codes.append)
    child.send({"job": 7, "action": "segment"})
    (error,) = wait_until_ended(child)
    assert (error["event"], error["job"], error["code"]) == ("error", 7, "crashed")
    assert "ended unexpectedly" in error["message"]
    assert error["remedy"]
    assert "the driver broke" in error["detail"]
    assert codes == [1]
    assert child.poll() == []


def test_an_answer_does_not_let_the_child_s_work_be_forgotten(start: Start, tmp_path: Path) -> None:
    child, staging = start("import time; time.sleep(3600)"), tmp_path / "mesh" / ".heart-0123abcd.partial"
    child.send({"job": 1, "action": "mesh", "output": str(staging.parent), "new_folder": True})
    child.send({"job": 1, "action": "answer", "yes": True})
    staging.mkdir(parents=True)
    child.kill()
    assert list(tmp_path.iterdir()) == []


def test_a_request_to_a_child_that_has_ended_gives_an_error(start: Start) -> None:
    child = start("")
    wait_until_ended(child)
    child.send({"job": 2, "action": "segment"})
    (error,) = child.poll()
    assert (error["job"], error["code"]) == (2, "crashed")


@POSIX_ONLY
def test_a_child_killed_by_the_system_is_explained_with_memory(start: Start) -> None:
    child = start("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    (error,) = wait_until_ended(child)
    assert "memory ran out" in error["message"]
    assert "fast" in error["remedy"]


def test_a_result_before_the_end_is_not_a_crash_of_its_request(start: Start) -> None:
    child = start("print('{\"event\": \"result\", \"job\": 1}')")
    child.send({"job": 1, "action": "segment"})
    events = wait_until_ended(child)
    assert [event["event"] for event in events if event.get("job") == 1] == ["result"]


def test_what_is_no_event_goes_to_the_report(start: Start) -> None:
    child = start("print('a library says hello'); print([1]); print('{\"event\": \"ready\"}')")
    wait_for(child, "ready")
    wait_until_ended(child)
    assert "a library says hello" in child.stderr_tail


def test_a_flood_on_stderr_neither_stops_the_child_nor_fills_the_memory(start: Start) -> None:
    child = start("import sys\nfor n in range(50000): print('warning', n, file=sys.stderr)\n"
                  "sys.stderr.write('x' * 1000000)")
    wait_until_ended(child)
    assert 0 < len(child.stderr_tail) <= 200 * 2000
    assert "warning 0\n" not in child.stderr_tail


def test_the_report_does_not_name_the_patient(start: Start) -> None:
    child = start("import sys; sys.stdin.readline(); "
                  "sys.exit('cannot read /data/Doe_Jane/ct.nii.gz, Doe_Jane is no folder')")
    child.send({"job": 1, "action": "segment_file", "input": "/data/Doe_Jane/ct.nii.gz", "output": "/out/heart.nii.gz"})
    (error,) = wait_until_ended(child)
    assert "cannot read" in error["detail"]
    assert "Doe" not in error["detail"]


@POSIX_ONLY
def test_kill_ends_children_and_grandchildren_and_is_silent(start: Start) -> None:
    child = start(WITH_GRANDCHILD)
    grandchild = wait_for(child, "started")["pid"]
    child.send({"job": 1, "action": "segment"})
    child.kill()
    assert not child.running
    assert child.poll() == []
    wait_for_death(grandchild)


@POSIX_ONLY
def test_a_kill_that_does_not_wait_is_finished_by_polling(start: Start) -> None:
    child = start(WITH_GRANDCHILD)
    grandchild = wait_for(child, "started")["pid"]
    child.kill(wait=0)
    assert wait_until_ended(child) == []
    wait_for_death(grandchild)


@POSIX_ONLY
def test_grandchildren_of_a_child_that_crashed_are_ended_too(start: Start) -> None:
    child = start(WITH_GRANDCHILD.replace("time.sleep(3600)\n", "sys.exit(3)\n"))
    events = wait_until_ended(child)
    assert [event["event"] for event in events] == ["started", "error"]
    wait_for_death(events[0]["pid"])


def wait_for_death(process: int) -> None:
    """Until the system has taken down a process that was killed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while is_alive(process):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_partial_files_of_a_killed_request_are_removed_and_others_stay(start: Start, tmp_path: Path) -> None:
    output = tmp_path / "heart.nii.gz"
    partial = [tmp_path / ".heart-0123abcd.partial.nii.gz",
               tmp_path / ".heart_resampled_image-0123abcd.partial.nii.gz"]
    others = [output, tmp_path / ".heart2-0123abcd.partial.nii.gz", tmp_path / ".heart-notes.partial.nii.gz"]
    for file in [*partial, *others]:
        file.touch()
    child = start(ECHO.replace("print", "str"))
    child.send({"job": 1, "action": "segment_file", "output": str(output), "text": ""})
    child.kill()
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_the_worker_runs_with_slicers_python_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.shutil, "which", lambda name: f"/slicer/{name}")
    command, environment = worker_command({"PYTHONPATH": "/slicer/modules", "LANG": "C"})
    assert command == ["/slicer/PythonSlicer", "-m", "HeartSeg3DLib.worker"]
    package, rest = environment["PYTHONPATH"].split(os.pathsep)
    assert (Path(package) / "HeartSeg3DLib" / "worker" / "__main__.py").is_file()
    assert rest == "/slicer/modules"
    assert environment["LANG"] == "C"


def test_the_worker_runs_with_this_python_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner.shutil, "which", lambda name: None)
    monkeypatch.setenv("PYTHONPATH", "")
    command, environment = worker_command()
    assert command[0] == sys.executable
    assert os.pathsep not in environment["PYTHONPATH"]
    assert environment["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(("platform", "options"), [
    ("linux", {"start_new_session": True}),
    ("darwin", {"start_new_session": True}),
    ("win32", {"creationflags": 0x08000200}),  # CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW
])
def test_a_child_heads_a_group_of_its_own(platform: str, options: dict[str, Any]) -> None:
    assert start_options(platform) == options


class WindowsProcess:
    """A process as Windows would show it."""

    pid = 4711

    def __init__(self) -> None:
        self.killed = False

    def poll(self) -> int | None:
        return None

    def kill(self) -> None:
        self.killed = True


@pytest.mark.parametrize("works", [True, False])
def test_on_windows_the_tree_is_killed_from_the_leaves(monkeypatch: pytest.MonkeyPatch, works: bool) -> None:
    commands = []

    def run(command: list[str], **options: Any) -> None:
        commands.append(command)
        if not works:
            raise subprocess.CalledProcessError(1, command)

    process = WindowsProcess()
    monkeypatch.setattr(runner.sys, "platform", "win32")
    monkeypatch.setattr(runner.subprocess, "run", run)
    runner.kill_tree(process)  # type: ignore[arg-type]
    assert commands == [["taskkill", "/F", "/T", "/PID", "4711"]]
    assert process.killed is not works
