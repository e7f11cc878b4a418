"""One question to a child process of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from HeartSeg3DLib.scene import child
from HeartSeg3DLib.scene.request import Request

MODULE = "HeartSegTrainingLib.worker"
FOLDER = Path(__file__).resolve().parents[2]
"""Where a process of its own finds HeartSegTrainingLib."""


class TrainingRequest(Request):
    """Asks a new child process of training for one thing and ends it after the answer; see `Request`."""

    def _start_child(self) -> Any:
        return child.start_child(MODULE, [FOLDER])
