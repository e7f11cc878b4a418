"""Ctrl-C and SIGTERM end a command with 130 and leave nothing half-written."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from command_line import start
from HeartSeg3DLib.cli import cancellation
from HeartSeg3DLib.cli.cancellation import Cancellation
from random_models import write_ct

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals between processes are POSIX")

# The command line of a process of its own, with a segmenter that works for ever.
WORKS_FOR_EVER = """
import sys, time
from pathlib import Path
from HeartSeg3DLib import resources
from HeartSeg3DLib.api import loading
from HeartSegTrainingLib.cli import main

class Segmenter:
    def segment(self, image, modality, *, progress, cancelled, **rest):
        progress(0.5, "Segmenting")
        while True:
            time.sleep(0.01)

resources.folders = lambda: (Path("nowhere"),)
loading.SegmentationModels.segmenter = lambda self: Segmenter()
main()
"""

# One whose label map is written in two halves, so that a signal can arrive between them.
WRITES_SLOWLY = """
import sys, time
from pathlib import Path
from HeartSeg3DLib import resources
from HeartSeg3DLib.api import files
from HeartSegTrainingLib.cli import main

real = files.write_segmentation

def write(path, labels):
    print("writing", file=sys.stderr, flush=True)
    time.sleep(1.0)
    real(path, labels)

resources.folders = lambda: (Path("nowhere"),)
files.write_segmentation = write
main()
"""


# One that waits after each of a mesh's outputs has been moved to its place.
MOVES_SLOWLY = """
import sys, time
from HeartSeg3DLib.meshing.export import staging
from HeartSegTrainingLib.cli import main

class Slowly:
    replace, path = staticmethod(staging.os.replace), staging.os.path

real = Slowly.replace
def replace(source, target):
    real(source, target)
    if str(target).endswith("heart_report.json"):
        print("moving", file=sys.stderr, flush=True)
        time.sleep(1.0)

Slowly.replace = staticmethod(replace)
staging.os = Slowly
main()
"""

# One that waits while the mesh is written to files that are not in place yet.
WRITES_A_MESH_SLOWLY = """
import sys, time
from HeartSeg3DLib.api import meshing
from HeartSegTrainingLib.cli import main

real = meshing.write_mesh_report
def write(*arguments, **options):
    print("writing", file=sys.stderr, flush=True)
    time.sleep(60.0)
    return real(*arguments, **options)

meshing.write_mesh_report = write
main()
"""


def write_atrium(path: Path) -> Path:
    z, y, x = np.indices((20, 20, 20)) - 9.5
    labels = sitk.GetImageFromArray(np.where(np.hypot(np.hypot(x, y), z) < 6, 4, 0).astype(np.uint8))
    labels.SetSpacing([2.0] * 3)
    sitk.WriteImage(labels, str(path))
    return path


def mesh_until(program: str, word: str, labels: Path, output: Path) -> tuple[int, str, str]:
    """Send Ctrl-C to a mesh command once it says a word; return exit code, stdout and stderr."""
    process = start(program, "mesh", labels, "-o", output, "--edge", "3", "--formats", "vtp")
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            break
    os.kill(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout, stderr


def test_a_signal_while_a_mesh_is_put_in_place_comes_too_late(tmp_path: Path) -> None:
    labels = write_atrium(tmp_path / "atrium.nrrd")
    exit_code, stdout, stderr = mesh_until(MOVES_SLOWLY, "moving", labels, tmp_path / "out")
    assert exit_code == 0, stderr
    assert "Cancelled" not in stderr
    assert "heart_report.html" in stdout, "the summary is complete"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "heart.json", "heart.vtp", "heart_report.html", "heart_report.json", "heart_report.png"}


def test_a_signal_while_a_mesh_is_written_leaves_nothing(tmp_path: Path) -> None:
    labels = write_atrium(tmp_path / "atrium.nrrd")
    exit_code, _, stderr = mesh_until(WRITES_A_MESH_SLOWLY, "writing", labels, tmp_path / "out")
    assert exit_code == 130, stderr
    assert "Error: Cancelled." in stderr
    assert list(tmp_path.iterdir()) == [labels]


@pytest.mark.usefixtures("user_data")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_work_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    process = start(WORKS_FOR_EVER, "segment", scan, "-o", tmp_path / "heart.nii.gz", "--json")
    assert process.stderr is not None
    for line in process.stderr:
        if "Segmenting" in line:
            break
    os.kill(process.pid, number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Error: Cancelled." in stderr
    assert "Traceback" not in stderr
    assert '"exit_code": 130' in stdout
    assert list(tmp_path.iterdir()) == [scan]


@pytest.mark.usefixtures("user_data")
def test_a_signal_while_files_are_put_in_place_comes_too_late(tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scan.nii.gz")
    process = start(WRITES_SLOWLY, "segment", scan, "-o", tmp_path / "heart.nii.gz", "--device", "cpu")
    assert process.stderr is not None
    for line in process.stderr:
        if "writing" in line:
            break
    os.kill(process.pid, signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heart.nii.gz", "scan.nii.gz"]


def test_a_signal_interrupts_and_is_remembered() -> None:
    cancelled = Cancellation()
    with cancelled.listening():
        assert not cancelled()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        assert cancelled()
        with pytest.raises(KeyboardInterrupt), cancelled.held_back():
            pytest.fail("nothing is written after the user has cancelled")


def test_a_second_signal_does_not_interrupt_the_cleaning_up_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned = []

    def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            cleaned.append("all")

    with Cancellation().listening():
        with pytest.raises(KeyboardInterrupt):
            work()
        monkeypatch.setattr(cancellation, "_CLEANING_UP_S", 0.0)  # long after it, one that hangs can be ended
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert cleaned == ["all"]


def test_a_signal_waits_until_a_module_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loads_slowly.py").write_text(
        "import signal, time\nsignal.raise_signal(signal.SIGINT)\ntime.sleep(0.3)\nloaded = True\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    cancelled, seen = Cancellation(), []

    def work() -> None:
        seen.append(importlib.import_module("loads_slowly").loaded)
        assert cancelled()
        time.sleep(10.0)

    with cancelled.listening(), pytest.raises(KeyboardInterrupt):
        work()
    assert seen == [True]
    del sys.modules["loads_slowly"]


@pytest.mark.parametrize("twice", [False, True])
def test_before_a_command_begins_a_signal_ends_the_process_in_words(twice: bool) -> None:
    program = f"""
import signal
from HeartSegTrainingLib import cli

def begins(prog_name):
    for _ in range({1 + twice}):
        signal.raise_signal(signal.SIGTERM)

cli.full_app = lambda: begins
cli.main()
"""
    stdout, stderr = (process := start(program)).communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (130, "", "Error: Cancelled.\n")


def test_signals_after_a_command_was_cancelled_come_too_late_and_find_no_libraries_to_crash() -> None:
    program = """
import atexit, signal, sys
from HeartSeg3DLib.cli.command_run import command_run
from HeartSegTrainingLib import cli

def app(prog_name):
    try:
        with command_run("work"):
            signal.raise_signal(signal.SIGINT)
    except BaseException:
        signal.raise_signal(signal.SIGINT)
        sys.exit(130)

atexit.register(lambda: print("taken down"))
cli.full_app = lambda: app
cli.main()
"""
    stdout, stderr = (process := start(program)).communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    assert stderr.startswith("Error: Cancelled.")
    assert "Traceback" not in stderr


def test_a_signal_waits_for_the_end_of_writing() -> None:
    cancelled, written = Cancellation(), []
    with cancelled.listening():
        with cancelled.held_back():
            signal.raise_signal(signal.SIGINT)
            written.append("both files")
        assert cancelled()
    assert written == ["both files"]


def test_after_the_last_files_a_signal_is_too_late() -> None:
    cancelled = Cancellation()
    with cancelled.listening():
        with cancelled.held_back(last=True):
            pass
        signal.raise_signal(signal.SIGINT)
        assert cancelled()


def test_files_that_could_not_be_put_in_place_can_be_cancelled() -> None:
    cancelled = Cancellation()
    with cancelled.listening():
        with pytest.raises(OSError, match="full"), cancelled.held_back(last=True):
            raise OSError("the disk is full")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_signals_get_their_handlers_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Cancellation().listening():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
