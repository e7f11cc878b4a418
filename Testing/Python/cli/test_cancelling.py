"""Ctrl-C and SIGTERM end a command with 130 and leave nothing half-written."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from command_line import start
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


def test_a_signal_waits_for_the_end_of_writing() -> None:
    cancelled, written = Cancellation(), []
    with cancelled.listening():
        with cancelled.held_back():
            signal.raise_signal(signal.SIGINT)
            written.append("both files")
        assert cancelled()
    assert written == ["both files"]


def test_the_signals_get_their_handlers_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Cancellation().listening():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
