"""The loop of the child process: one request after the other, while a thread watches whether the parent lives."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.worker.devices_action import devices
from HeartSeg3DLib.worker.events import EventPipe, Job, ParentGoneError
from HeartSeg3DLib.worker.file_action import segment_file
from HeartSeg3DLib.worker.folder import OWN_GROUP, remove_folder
from HeartSeg3DLib.worker.leftovers import remove_partial_outputs
from HeartSeg3DLib.worker.loaded_models import LoadedModels
from HeartSeg3DLib.worker.mesh_action import mesh
from HeartSeg3DLib.worker.models_action import import_model, verify_model
from HeartSeg3DLib.worker.report_action import report
from HeartSeg3DLib.worker.segment_action import segment

_LONGEST_REQUEST = 1 << 24

Action = Callable[[Job, LoadedModels], None]


class Server:
    """Serves requests until the parent says quit or is gone.

    Args:
        requests: Pipe of requests.
        events: Unbuffered pipe of events.
        actions: What requests may ask for; HeartSeg3D's by default.
    """

    def __init__(self, requests: BinaryIO, events: BinaryIO, actions: Mapping[str, Action] | None = None) -> None:
        self._requests = requests
        self._actions = ACTIONS if actions is None else actions
        self._pipe = EventPipe(events)
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._current: dict[str, Any] = {}
        self._models = LoadedModels()

    def serve(self) -> None:
        """Announce this process and work; never returns."""
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        try:
            self._pipe.send({"event": "ready", "pid": os.getpid()})
            while True:
                self._work(self._waiting.get())
        except ParentGoneError:
            self._abandon()

    def _read(self) -> None:
        """Read requests; the end of the pipe is the end of the parent, and there is nobody left to work for."""
        while line := self._requests.readline(_LONGEST_REQUEST):
            request = _parse(line)
            if request.get("action") == "quit":
                os._exit(0)
            if request.get("action") == "answer":
                self._answers.put(request.get("yes") is True)
            else:
                self._waiting.put(request)
        self._abandon()

    def _work(self, request: dict[str, Any]) -> None:
        self._current = request
        job = Job(request, self._pipe, self._answers.get)
        try:
            action = self._actions.get(str(request.get("action")))
            if action is None:
                raise UsageError(f"The worker does not know the request '{request.get('action')}'.",
                                 "Restart 3D Slicer: HeartSeg may have been updated while it was running.")
            with _temporary_files_in(request.get("folder")):
                action(job, self._models)
        except ParentGoneError:
            raise
        except BaseException as error:  # whatever happens, the parent is told and the next request is served
            job.error(error)
        self._current = {}

    def _abandon(self) -> None:
        """Remove what would be left behind, and end this process and its children at once."""
        request = self._current
        if folder := request.get("folder"):
            remove_folder(Path(folder))
        remove_partial_outputs(request)
        if os.environ.get(OWN_GROUP) == "1" and hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(1)


def _parse(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError:
        request = None
    return request if isinstance(request, dict) else {"action": "unreadable"}


@contextlib.contextmanager
def _temporary_files_in(folder: str | None) -> Iterator[None]:
    """Let libraries make their temporary files in the private folder, which is removed whatever happens."""
    before = tempfile.tempdir
    tempfile.tempdir = folder or before
    try:
        yield
    finally:
        tempfile.tempdir = before


ACTIONS: dict[str, Action] = {
    "devices": devices,
    "report": report,
    "import_model": import_model,
    "mesh": mesh,
    "segment": segment,
    "segment_file": segment_file,
    "verify_model": verify_model,
}
