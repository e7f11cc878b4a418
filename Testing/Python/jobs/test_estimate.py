from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ball_problem import build_tiny, make_ball_sampler, toy_config
from HeartSeg3DLib.errors import DeviceError, UsageError
from HeartSegTrainingLib.engine.memory_ladder import MemoryRung
from HeartSegTrainingLib.finetuning import task_maker
from HeartSegTrainingLib.jobs import estimate
from HeartSegTrainingLib.jobs.device_check import check_device
from HeartSegTrainingLib.jobs.estimate import estimate_run
from HeartSegTrainingLib.jobs.peak_memory import PeakMemory


def estimated(folder: Path, *, processes: int = 1, **changes):
    config = toy_config(**changes)
    return estimate_run(config, task_maker(config, make_ball_sampler, build=build_tiny), folder, processes=processes)


def test_an_estimate_leaves_nothing_behind(tmp_path: Path) -> None:
    found = estimated(tmp_path / "job", steps=100)
    assert found.fits
    assert found.total_seconds == pytest.approx(100 * found.step_seconds)
    assert (found.measured_steps, found.batch, found.sample[0]) == (20, 2, (1, 16, 16, 16))
    assert list(tmp_path.iterdir()) == []


def test_a_run_by_time_is_estimated_in_steps(tmp_path: Path) -> None:
    found = estimated(tmp_path, steps=None, minutes=1.0)
    assert found.total_seconds == 60
    assert found.steps == max(int(60 / found.step_seconds), 1)


def test_a_checkpoint_is_as_large_as_estimated(tmp_path: Path) -> None:
    from ball_problem import train

    found = estimated(tmp_path / "job")
    written = train(tmp_path / "job", steps=2).stat().st_size
    assert 0 < written - found.checkpoint_bytes < 20_000  # the names of tensors


def test_the_peak_of_memory_is_seen() -> None:
    memory = PeakMemory(torch.device("cpu"))
    if memory.peak() is None:
        pytest.skip("this system does not say how much memory a process takes")
    block = torch.ones(50_000_000)
    del block
    assert 180e6 < memory.peak() < 600e6
    assert PeakMemory(torch.device("cpu")).peak() < 50e6


def test_what_would_fit_is_said_where_memory_does_not_suffice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(config, state, parts, device, *, do=estimate._step):
        if len(parts[0][0]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        do(config, state, parts, device)

    monkeypatch.setattr(estimate, "_step", step)
    found = estimated(tmp_path, batch=8)
    assert not found.fits
    assert "8 samples at a time" in found.warnings[0]
    assert "part = 2" in found.warnings[0]
    assert found.memory == "activations are recomputed, 2 samples at a time"


def test_a_run_that_fits_nowhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*arguments):
        raise MemoryError

    monkeypatch.setattr(estimate, "_step", no_memory)
    with pytest.raises(DeviceError, match="smaller window or network"):
        estimated(tmp_path)


def test_a_full_disk_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    assert "make room" in estimated(tmp_path).warnings[0]


def test_an_earlier_step_down_is_taken_into_account(tmp_path: Path) -> None:
    MemoryRung(True, 1).save(tmp_path)
    found = estimated(tmp_path)
    assert found.memory == "activations are recomputed, 1 sample at a time"
    assert found.fits


def test_parts_that_processes_cannot_share_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="shared by 2 processes"):
        estimated(tmp_path, processes=2)
    assert estimated(tmp_path, processes=2, part=1).processes == 2


def test_a_device_is_checked_by_training_on_it() -> None:
    found = check_device("cpu", window=48, batch=1, steps=2)
    assert [one.precision for one in found.runs] == ["bf16", "fp32"]
    assert all(one.last_loss < one.first_loss and one.samples_per_second > 0 for one in found.runs)


def test_a_device_that_computes_nonsense_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def nonsense(self, images, labels):
        return sum(weight.sum() for weight in self.parameters()) * torch.nan, {}

    monkeypatch.setattr("HeartSegTrainingLib.finetuning.task.SegmentationModule.forward", nonsense)
    with pytest.raises(DeviceError, match="not finite"):
        check_device("cpu", window=32, batch=1, steps=2)
