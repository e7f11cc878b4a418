from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path

import pytest

from HeartSeg3DLib.errors import DiskError, UsageError
from HeartSegTrainingLib.jobs import job_folder
from HeartSegTrainingLib.jobs.curves import CurveWriter
from HeartSegTrainingLib.jobs.job_folder import JobFolder, write_atomically


def test_tensorboard_gets_the_curves_where_it_is_installed(tmp_path: Path) -> None:
    if importlib.util.find_spec("tensorboard") is None:
        pytest.skip("the package tensorboard is not installed: pip install '.[tensorboard]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    writer = CurveWriter(JobFolder(tmp_path), tensorboard=True)
    writer.write({"step": 1, "loss": 2.0, "dice_1": float("nan")})
    writer.write({"step": 2, "loss": 1.0, "dice_1": 0.5})
    writer.close()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 2.0), (2, 1.0)]
    assert [event.step for event in events.Scalars("dice_1")] == [2]


def test_tensorboard_that_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match=r"TensorBoard is not installed.*pip install"):
        CurveWriter(JobFolder(tmp_path), tensorboard=True)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomically(tmp_path / "job.json", b"before")

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job_folder.os, "fsync", full)
    with pytest.raises(DiskError, match=r"No space left on device.*Make room"):
        write_atomically(tmp_path / "job.json", b"after")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"job.json": b"before"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_log_that_does_not_fit_any_more_is_explained(tmp_path: Path) -> None:
    job = JobFolder(tmp_path)
    (tmp_path / "log.txt").symlink_to("/dev/full")
    with pytest.raises(DiskError, match=r"log\.txt.*No space left on device"):
        job.log("Trained")


def test_a_curve_that_does_not_fit_any_more_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(csv.DictWriter, "writerow", full)
    with pytest.raises(DiskError, match=r"metrics\.csv.*No space left on device"):
        CurveWriter(JobFolder(tmp_path)).write({"step": 1})
