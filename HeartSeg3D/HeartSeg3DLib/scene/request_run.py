"""Work that the child process does with something of the scene: handed over, asked for, taken, cleaned up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.scene import child
from HeartSeg3DLib.scene.failures import unexpected
from HeartSeg3DLib.scene.request import Request
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.transfer import BackgroundTask
from HeartSeg3DLib.scene.workspace import Workspace
from HeartSeg3DLib.worker.failures import where_from


class RequestRun(ABC):
    """Works in the background, without ever making the caller wait: begun by a subclass, then `step` until `finished`.

    Voxels are written in a thread to a folder of their own; then the child process is asked, and its answer is taken.
    Whatever the end, child and folder are gone after `wait_closed`.

    Attributes:
        finished: Whether it has ended.
        error: Why it failed, None otherwise.
        fraction: Progress, 0-1.
        stage: What is being done, a few words.
    """

    written: ClassVar[float] = 0.03
    """Share of the progress bar after everything is handed over."""

    def __init__(self, stage: str = "") -> None:
        self.finished = False
        self.error: HeartSegError | None = None
        self.fraction, self.stage = 0.0, stage
        self._detail = ""
        self._cancelled = False
        self._request: Request | None = None
        self._workspace: Workspace | None = None
        self._writer: BackgroundTask[None] | None = None
        self._closing: BackgroundTask[None] | None = None

    def step(self) -> None:
        """Do the next small piece of work that is due."""
        if self.finished or self._writer is None:
            return
        try:
            self._work()
        except HeartSegError as error:
            self._fail(error, where_from(error))
        except Exception as error:  # whatever it is, the panel shows it and goes on
            self._fail(unexpected(error), where_from(error))

    def cancel(self) -> None:
        """Stop; nothing half-made is left. Returns at once, and `wait_closed` waits for the end."""
        if not self.finished:
            self._finish()

    def wait_closed(self) -> None:
        """Wait until child process and temporary files are gone, which happens in the background."""
        if self._closing is not None:
            self._closing.join()

    def _hand_over(self, write: Callable[[Workspace], None]) -> None:
        """Begin to write into a new folder, in a thread; it should look at `_cancelled`.

        Raises:
            DiskError: The temporary folder does not accept a new folder.
        """
        Workspace.remove_stale(child.temporary_folder())
        workspace = self._workspace = Workspace(child.temporary_folder())
        self._writer = BackgroundTask(lambda: write(workspace))

    @abstractmethod
    def _ask(self, workspace: Workspace) -> Request:
        """Ask the child process, now that all is written."""

    @abstractmethod
    def _take(self, answer: Mapping[str, Any]) -> None:
        """Take the child's answer, and finish at once or later."""

    def _error_of(self, request: Request) -> HeartSegError | None:
        """What the child's failure is called here."""
        return request.error

    def _work(self) -> None:
        if self._request is None:
            self._ask_when_written()
        elif self._request.step():
            self._end_request(self._request)
        else:
            self.fraction = max(self.fraction, self.written + (1.0 - self.written) * self._request.fraction)
            self.stage = _(self._request.stage) if self._request.stage else self.stage

    def _ask_when_written(self) -> None:
        assert self._writer is not None
        assert self._workspace is not None
        if self._writer.done:
            self._writer.result()
            self.fraction = self.written
            self._request = self._ask(self._workspace)

    def _end_request(self, request: Request) -> None:
        error = self._error_of(request)
        if error is not None:
            self._fail(error, request.detail)
            return
        assert request.result is not None  # a request ends with a result or an error
        self._take(request.result)

    def _fail(self, error: HeartSegError, detail: str = "") -> None:
        self.error, self._detail = error, detail
        self._finish()

    def _finish(self) -> None:
        self.finished = self._cancelled = True
        if self._request is not None:
            self._request.close()
        self._closing = BackgroundTask(self._close)

    def _close(self) -> None:
        """Runs in a thread: wait for what still works, then remove what it worked with."""
        if self._writer is not None:
            self._writer.join()
        if self._request is not None:
            self._request.wait_closed()
        if self._workspace is not None:
            self._workspace.close()
