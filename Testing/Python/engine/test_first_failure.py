"""Where one process of a run fails, every other one, state.json and the log say why, not that a connection broke."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch.multiprocessing

from failing_job import one_of_two

HERE = Path(__file__).parent

REASONS = {"data": "The scan 7 cannot be read. Copy it again.",
           "preparing": "The scan 7 cannot be read. Copy it again.",
           "collapse": "The teacher gives one answer to all. Lower the learning rate.",
           "memory": "There was not enough memory. Start the run again with --resume",
           "program": "ValueError: a mistake of the program"}


def ended_by(tmp_path: Path, how: str, failing: str) -> tuple[dict, list[str]]:
    """state.json of a run of two processes in which one fails, and what ended each of the two."""
    folder = tmp_path / "job"
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    torch.multiprocessing.spawn(one_of_two, (port, str(folder), how, failing), nprocs=2)
    words = [Path(f"{folder}.{rank}").read_text("utf-8") for rank in range(2)]
    return json.loads((folder / "state.json").read_text("utf-8")), words


@pytest.mark.parametrize("how", ["data", "preparing", "collapse", "memory", "program"])
def test_the_first_process_says_why_another_one_failed(how, tmp_path):
    state, words = ended_by(tmp_path, how, "1")
    assert state["status"] == "failed"
    assert state["reason"].startswith(f"Process 1 of the run failed: {REASONS[how]}")
    assert words[0].startswith("PeerError: Process 1 of the run failed: ")
    assert "PeerError" not in words[1]
    assert (tmp_path / "job" / "memory.json").exists() == (how == "memory")


@pytest.mark.parametrize("how", ["data", "program"])
def test_the_others_say_why_the_first_process_failed(how, tmp_path):
    state, words = ended_by(tmp_path, how, "0")
    assert state["reason"].startswith(REASONS[how])
    assert words[1].startswith(f"PeerError: Process 0 of the run failed: {REASONS[how]}")


def test_a_process_that_was_killed_is_missed_in_words(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
               "--monitor-interval", "0.2", str(HERE / "failing_job.py"), str(tmp_path / "job"), "killed"]
    found = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, timeout=300)
    state = json.loads((tmp_path / "job" / "state.json").read_text("utf-8"))
    assert found.returncode != 0
    assert state["status"] == "failed"
    assert state["reason"].startswith("Another process of the run is gone without a word")
