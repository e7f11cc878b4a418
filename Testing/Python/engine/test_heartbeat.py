"""A run renews the time of its state while it is busy with something long."""

import os
import time

from HeartSegTrainingLib.engine import heartbeat
from HeartSegTrainingLib.engine.heartbeat import Heartbeat


def test_the_states_time_is_renewed_until_the_run_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(heartbeat, "_EVERY_S", 0.01)
    state = tmp_path / "state.json"
    with Heartbeat(state):
        time.sleep(0.05)  # not written yet
        state.write_text("{}")
        os.utime(state, (1, 1))
        deadline = time.monotonic() + 10
        while state.stat().st_mtime == 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert state.stat().st_mtime > 1
    os.utime(state, (1, 1))
    time.sleep(0.05)
    assert state.stat().st_mtime == 1
