"""A run is the same on one process and on two, survives the death of a process, and goes on with fewer."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ball_problem import train

HERE = Path(__file__).parent
SHARED = ("batch=4", "part=1", "steps=20", "log_every=10")


def torchrun(folder: Path, *arguments: str, restarts: int = 0, **variables: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
               "--max-restarts", str(restarts), "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0",
               "--monitor-interval", "0.2", str(HERE / "ball_job.py"), str(folder), *arguments]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process: subprocess.Popen) -> str:
    said, _ = process.communicate(timeout=300)
    return f"exit {process.returncode}\n{said}"


def state_of(folder: Path) -> dict:
    return json.loads((folder / "state.json").read_text())


def weights_of(folder: Path, step: int = 20) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoints" / f"step_{step:07d}.safetensors")


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """The run on one process."""
    folder = tmp_path_factory.mktemp("runs") / "alone"
    train(folder, batch=4, part=1, steps=20, log_every=10)
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Path:
    """The same run on two processes, never disturbed."""
    folder = tmp_path_factory.mktemp("runs") / "pair"
    said = finish(torchrun(folder, *SHARED))
    assert state_of(folder)["status"] == "finished", said
    return folder


def assert_same(folder: Path, other: Path) -> None:
    expected, found = weights_of(folder), weights_of(other)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


def test_two_processes_learn_what_one_learns_to_the_bit(alone, pair):
    assert state_of(pair)["processes"] == 2
    assert state_of(pair)["loss"] == state_of(alone)["loss"]
    assert_same(alone, pair)
    assert (pair / "metrics.csv").read_text().count("\n") == (alone / "metrics.csv").read_text().count("\n")


@pytest.mark.parametrize("rank", ["0", "1"])
def test_the_death_of_a_process_costs_no_bit(pair, tmp_path, rank):
    said = finish(torchrun(tmp_path / "job", *SHARED, "checkpoint_minutes=0.0001", "--die-at", "13", restarts=1,
                           DYING_RANK=rank))
    assert (tmp_path / "job.killed").exists()
    assert state_of(tmp_path / "job")["status"] == "finished", said
    assert "Resumed at step" in (tmp_path / "job" / "log.txt").read_text()
    assert_same(pair, tmp_path / "job")


def test_a_run_of_two_goes_on_with_one(alone, tmp_path):
    finish(torchrun(tmp_path / "job", *SHARED, "checkpoint_minutes=0.0001", "--die-at", "13"))
    train(tmp_path / "job", resume=True, batch=4, part=1, steps=20, log_every=10)
    log = (tmp_path / "job" / "log.txt").read_text()
    assert "Resumed at step 1" in log
    assert_same(alone, tmp_path / "job")


def test_sigterm_to_torchrun_leaves_a_checkpoint(tmp_path):
    process = torchrun(tmp_path / "job", "batch=4", "part=1", "steps=1000000")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (tmp_path / "job" / "metrics.csv").exists():
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    said = finish(process)
    state = state_of(tmp_path / "job")
    assert state["status"] == "stopped", said
    assert state["reason"].startswith("asked by")
    assert (tmp_path / "job" / "checkpoints" / state["checkpoint"]).exists()


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path):
    said = finish(torchrun(tmp_path / "job", "batch=3", "part=1", "steps=2"))
    assert "cannot be shared by 2 processes" in said
