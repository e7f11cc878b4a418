"""Silence ends for everyone when the last thread has left it."""

from __future__ import annotations

import os
import threading

import pytest

from HeartSeg3DLib.imaging.quiet import silenced


def say(text: str) -> None:
    os.write(2, text.encode())


def test_only_what_is_said_inside_is_lost(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with silenced():
            say("inside ")
            raise ValueError("stop")

    say("before ")
    with pytest.raises(ValueError, match="stop"):
        fail()
    say("after")
    assert capfd.readouterr().err == "before after"


def test_threads_that_overlap_give_standard_error_back(capfd: pytest.CaptureFixture[str]) -> None:
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with silenced():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=stay)
    with silenced():
        thread.start()
        assert inside.wait(10)
    say("still silent ")
    leave.set()
    thread.join()
    say("loud")
    assert capfd.readouterr().err == "loud"
