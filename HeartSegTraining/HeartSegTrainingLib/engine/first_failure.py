"""The first reason for which a process of a run failed: it is told to the others, whose connection merely breaks."""

from __future__ import annotations

import json
import time
from typing import Any

import torch.distributed as dist

from HeartSeg3DLib.errors import HeartSegError

from .memory_ladder import is_out_of_memory

_KEY = "first failure"
_LISTEN_S = 3.0
"""So long a process waits for another one's reason, once the connection between them broke."""

_LOOK_EVERY_S = 0.05


class PeerError(HeartSegError):
    """Another process of the run failed; this one had no fault.

    Args:
        message: Its reason.
        remedy: What to do about it.
        exit_code: Its exit code.
    """

    code = "peer"

    def __init__(self, message: str, remedy: str = "", exit_code: int = 1) -> None:
        super().__init__(message, remedy)
        self.exit_code = exit_code


class FirstFailure:
    """Where the processes of a run tell each other why the first of them failed.

    Args:
        store: Store by which they found each other.
        rank: Number of this process.
    """

    def __init__(self, store: dist.Store, rank: int) -> None:
        self._store, self._rank = store, rank

    def tell(self, error: BaseException) -> None:
        """Tell the others why this process fails, unless one of them failed before."""
        if isinstance(error, PeerError):
            return
        try:
            self._store.compare_set(_KEY, "", json.dumps({"process": self._rank, **_words(error)}))
        except RuntimeError:  # the process that keeps the store is gone
            return

    def heard(self) -> PeerError:
        """Why another process failed: in its own words, or that it left without any."""
        end = time.monotonic() + _LISTEN_S
        while True:
            try:
                if self._store.check([_KEY]):
                    return _told(json.loads(self._store.get(_KEY)))
            except RuntimeError:
                return _left()
            if time.monotonic() > end:
                return _left()
            time.sleep(_LOOK_EVERY_S)


def reason_of(error: BaseException) -> str:
    """Why a run failed, in words."""
    if is_out_of_memory(error):
        return "There was not enough memory."
    return str(error) if isinstance(error, HeartSegError) else f"{type(error).__name__}: {error}"


def _words(error: BaseException) -> dict[str, Any]:
    if isinstance(error, HeartSegError):
        return {"message": error.message, "remedy": error.remedy, "exit_code": error.exit_code}
    if is_out_of_memory(error):
        return {"message": reason_of(error), "exit_code": 5,
                "remedy": "Start the run again with --resume: it goes on with less, as its log says."}
    return {"message": reason_of(error), "remedy": "The run's log says where.", "exit_code": 1}


def _told(said: dict[str, Any]) -> PeerError:
    return PeerError(f"Process {said['process']} of the run failed: {said['message']}", said["remedy"],
                     said["exit_code"])


def _left() -> PeerError:
    return PeerError("Another process of the run is gone without a word: it was killed, most likely because memory ran "
                     "out, or its machine was switched off or cut off.", "The newest checkpoint is kept; resume.")
