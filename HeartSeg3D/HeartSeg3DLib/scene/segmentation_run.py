"""One segmentation of a scan of the scene, from its voxels to the shown result, without holding up the GUI."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import slicer

from HeartSeg3DLib.errors import CancelledError, DependencyError, HeartSegError, InputError
from HeartSeg3DLib.scene import child, dependencies, original, segmentation_result
from HeartSeg3DLib.scene.failures import error_of, unexpected
from HeartSeg3DLib.scene.run_report import report_of_run
from HeartSeg3DLib.scene.run_settings import RunSettings
from HeartSeg3DLib.scene.sequence_result import SequencePlacement, check_sequence_target
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.transfer import BackgroundTask, FrameResult, read_frame, write_scan
from HeartSeg3DLib.scene.volumes import ScanSource
from HeartSeg3DLib.scene.waiting import work_until
from HeartSeg3DLib.scene.workspace import Workspace
from HeartSeg3DLib.worker.failures import where_from

FINISHED = ("done", "failed", "cancelled")

_JOB = "segment"
_WRITTEN, _SEGMENTED = 0.05, 0.97
"""Shares of the progress bar after writing and after the child's work."""



class SegmentationRun:
    """Segments one scan in the background; `step` moves it on and never takes long.

    Args:
        scan: What to segment, as `volumes.scan_of` gives it.
        target: vtkMRMLSegmentationNode to update, None for a new one.
        settings: How.
        before_update: Called right before the target changes, such as to save its state for undo.
        start_child: Gives the child process, a new one by default; the run kills it at its end.

    Attributes:
        state: `ready`, `writing`, `running`, `reading`, `placing`, then `done`, `failed` or `cancelled`.
        fraction: Progress, 0-1.
        stage: What happens at the moment, a few words.
        seconds: Time since the start; fixed once the run has ended.
        error: Why it failed; None otherwise.
        warnings: Sentences for the user.
        segmentation: The result; None until `done`.
        frames: What the child found, in order of time.
    """

    def __init__(self, scan: ScanSource, target: Any = None, settings: RunSettings | None = None,
                 before_update: Callable[[], None] | None = None, *,
                 start_child: Callable[[], Any] | None = None) -> None:
        self.scan = scan
        self.target = target
        self.settings = settings or RunSettings()
        self.state, self.stage, self.fraction = "ready", "", 0.0
        self.error: HeartSegError | None = None
        self.warnings: list[str] = []
        self.segmentation: Any = None
        self.frames: list[FrameResult] = []
        self._before_update = before_update
        self._start_child = start_child
        self._detail = ""
        self._facts: Mapping[str, Any] = {}
        self._times: dict[str, float] = {}
        self._started = self._stage_began = self._ended = 0.0
        self._stop = threading.Event()
        self._written = 0.0
        self._child: Any = None
        self._workspace: Workspace | None = None
        self._writer: BackgroundTask[None] | None = None
        self._readers: dict[int, BackgroundTask[FrameResult]] = {}
        self._closing: BackgroundTask[None] | None = None
        self._placing: Generator[None, None, None] | None = None
        self._observation: int | None = None

    @property
    def seconds(self) -> float:
        """Time since the start in s; fixed once the run has ended."""
        return (self._ended or time.monotonic()) - self._started if self._started else 0.0

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.state not in ("ready", *FINISHED)

    def start(self) -> None:
        """Begin; failures, also the first, are told by `state` and `error`."""
        self._started = self._stage_began = time.monotonic()
        self._observation = slicer.mrmlScene.AddObserver(slicer.mrmlScene.StartCloseEvent, self._on_scene_close)
        self._enter("writing", _("Handing over the scan"))
        with self._failing():
            self._check_target()
            workspace = self._workspace = Workspace(child.temporary_folder())
            # The child loads its libraries while the voxels are written.
            self._child = (self._start_child or child.start_child)()
            self._writer = BackgroundTask(lambda: self._write(workspace))

    def step(self) -> None:
        """Do the next small piece of work that is due in this thread."""
        if not self.running:
            return
        with self._failing():
            self._check_nodes()
            events = self._child.poll()
            for event in events:
                self._handle(event)
            if events:
                return  # what they led to is the next piece
            if self.state == "writing":
                self._continue_writing()
            elif self.state in ("running", "reading"):
                self._collect_frames()
            elif self.state == "placing":
                self._place_one_piece()

    def cancel(self) -> None:
        """Stop; the scene is as it was. Returns at once, and `wait_closed` waits for the child's end."""
        if self.running:
            self._finish("cancelled")

    def wait(self, progress: Callable[[float, str], None] | None = None) -> Any:
        """Work until the end, for scripts; Slicer's window stays alive meanwhile.

        Args:
            progress: Called with (fraction 0-1, stage).

        Returns:
            The segmentation node.

        Raises:
            HeartSegError: Why there is none.
        """
        def step() -> None:
            self.step()
            if progress is not None:
                progress(self.fraction, self.stage)

        work_until(lambda: not self.running, step)
        self.wait_closed()
        if self.error is not None:
            raise self.error
        if self.state == "cancelled":
            raise CancelledError(_("The segmentation was cancelled."), _("The scene is as it was."))
        return self.segmentation

    def wait_closed(self) -> None:
        """Wait until the child has ended and the temporary files are gone, which a run sees to in the background."""
        if self._closing is not None:
            self._closing.join()

    def report_text(self) -> str:
        """Return what "Copy report" gives: versions, settings, times and the failure, nothing of the patient."""
        times = {**self._times, **{f"child {stage}": took for stage, took in self._facts.get("seconds", {}).items()}}
        return report_of_run(self.scan, self.settings, f"{self.state} ({self.stage})" if self.running else self.state,
                             times, self.warnings, self.error, self._detail)

    def _check_nodes(self) -> None:
        if not slicer.mrmlScene.IsNodePresent(self.scan.node):
            raise InputError(_("The scan was removed from the scene while it was being segmented."),
                             _("Load it again and start again."))
        if self.target is not None and not slicer.mrmlScene.IsNodePresent(self.target):
            raise InputError(_("The result was removed from the scene while the scan was being segmented."),
                             _("Choose another result and start again."))

    def _write(self, workspace: Workspace) -> None:
        """Runs in a thread."""
        Workspace.remove_stale(workspace.folder.parent)
        write_scan(self.scan, self.settings.modality, workspace, self._stop.is_set, self._note_written)

    def _check_target(self) -> None:
        check = check_sequence_target if self.scan.is_sequence else segmentation_result.check_target
        check(self.scan, self.target)

    def _note_written(self, share: float) -> None:
        self._written = share  # a plain number, written by the thread and read by the GUI

    def _continue_writing(self) -> None:
        assert self._writer is not None
        assert self._workspace is not None
        self.fraction = _WRITTEN * self._written
        if not self._writer.done:
            return
        self._writer.result()
        settings = self.settings
        self._child.send({
            "job": _JOB, "action": "segment", "folder": str(self._workspace.folder), "model": settings.model or None,
            "device": settings.device, "quality": settings.quality, "modality": settings.modality,
            "surfaces": settings.surfaces,
        })
        self._enter("running", _("Starting"))

    def _handle(self, event: Mapping[str, Any]) -> None:
        kind = event.get("event")
        if kind == "progress":
            share = _WRITTEN + (_SEGMENTED - _WRITTEN) * float(event["fraction"])
            self.fraction, self.stage = max(self.fraction, share), _(event["stage"])
        elif kind == "warning":
            self._warn(event["message"])
        elif kind == "frame":
            self._read(event)
        elif kind == "result":
            self._facts = event
            for text in event.get("warnings", []):
                self._warn(text)
            self._enter("reading", _("Reading the result"))
        elif kind == "error":
            self._detail = event.get("detail", "")
            raise error_of(event)

    def _read(self, event: Mapping[str, Any]) -> None:
        assert self._workspace is not None
        folder = self._workspace.folder
        self._readers[int(event["index"])] = BackgroundTask(lambda: read_frame(folder, event, self.scan))

    def _collect_frames(self) -> None:
        done = {index: reader for index, reader in self._readers.items() if reader.done}
        for index, reader in done.items():
            self.frames.append(reader.result())
            del self._readers[index]
        if self.state == "reading" and not self._readers:
            if len(self.frames) != len(self.scan.frames):
                raise HeartSegError(_("The result is incomplete."), _("Segment again."))
            self.frames.sort(key=lambda frame: frame.index)
            self._enter("placing", _("Showing the result"))
            self._placing = self._pieces()

    def _place_one_piece(self) -> None:
        assert self._placing is not None
        try:
            next(self._placing)
        except StopIteration:
            self._finish("done")

    def _pieces(self) -> Generator[None, None, None]:
        """The work in the scene, cut where the GUI may breathe; what can fail comes before what changes the scene."""
        self._check_target()
        model = str(self._facts.get("model", ""))
        if self._before_update is not None and self.target is not None:
            self._before_update()
            yield
        copy = None
        try:
            if self.settings.keep_edits_as_copy and self.target is not None:
                copy = original.keep_copy(self.target)
                segmentation_result.place_beside(copy, self.scan.node)
                yield
            if self.scan.is_sequence:
                placement = SequencePlacement(self.scan, model)
                for frame in self.frames:
                    placement.add(frame)
                    yield
                self.segmentation = placement.finish(self.target)
            else:
                self.segmentation = segmentation_result.place_frame(self.scan, self.frames[0], self.target, model=model)
        except BaseException:  # a cancellation too: the generator is closed
            if copy is not None and slicer.mrmlScene.IsNodePresent(copy):
                segmentation_result.remove_result(copy)
            raise

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _enter(self, state: str, stage: str) -> None:
        now = time.monotonic()
        if self.running:
            self._times[self.state] = self._times.get(self.state, 0.0) + now - self._stage_began
        self._stage_began = now
        self.state, self.stage = state, stage

    def _on_scene_close(self, _caller: Any, _event: str) -> None:
        if self.running:
            self._fail(InputError(_("The scene was closed while the scan was being segmented."),
                                  _("Load the scan again and start again.")), "")

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn any exception into the one failure of the run."""
        try:
            yield
        except HeartSegError as error:
            self._fail(error, self._detail or where_from(error))
        except Exception as error:
            self._fail(unexpected(error), where_from(error))

    def _fail(self, error: HeartSegError, detail: str) -> None:
        self.error, self._detail = error, detail
        if isinstance(error, DependencyError):
            dependencies.note_failure(error)
        self._finish("failed")

    def _finish(self, state: str) -> None:
        """End the run; the child, the writer and the temporary files are dealt with in the background."""
        self._enter(state, "")
        self._ended = time.monotonic()
        self.fraction = 1.0 if state == "done" else self.fraction
        if self._observation is not None:
            slicer.mrmlScene.RemoveObserver(self._observation)
            self._observation = None
        self._stop.set()
        self._closing = BackgroundTask(self._close)
        if self._placing is not None and state == "cancelled":
            self._placing.close()

    def _close(self) -> None:
        if self._child is not None:
            self._child.kill()
        for task in (self._writer, *self._readers.values()):
            if task is not None:
                task.join()
        if self._workspace is not None:
            self._workspace.close()
