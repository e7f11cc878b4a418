"""Many scans, one after the other, in one child process; a scan that fails does not stop the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import slicer
import vtk

from HeartSeg3DLib.errors import HeartSegError, InputError, UsageError
from HeartSeg3DLib.imaging import check_output, check_output_folder
from HeartSeg3DLib.scene import volume_table
from HeartSeg3DLib.scene.batch_jobs import (
    CANCELLED,
    DONE,
    FAILED,
    RUNNING,
    WARNING,
    BatchJob,
    folder_jobs,
    scene_jobs,
    selected_jobs,
)
from HeartSeg3DLib.scene.child import temporary_folder
from HeartSeg3DLib.scene.failures import error_of
from HeartSeg3DLib.scene.run_settings import RunSettings
from HeartSeg3DLib.scene.segmentation_run import SegmentationRun
from HeartSeg3DLib.scene.shared_child import LentChild, SharedChild
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.transfer import BackgroundTask
from HeartSeg3DLib.scene.volumes import scan_of
from HeartSeg3DLib.scene.workspace import Workspace

__all__ = ["Batch", "BatchJob", "folder_jobs", "scene_jobs", "selected_jobs"]

_ENDING, _SEQUENCE_ENDING = ".seg.nrrd", ".nii.gz"
"""Of outputs; the second for beating hearts, which do not fit into the first. The child sees which it is."""


class Batch:
    """Segments the scans of a list; `step` moves it on and never takes long.

    Args:
        jobs: What to segment, from `scene_jobs`, `selected_jobs` or `folder_jobs`.
        settings: Fields of `RunSettings`.
        output_folder: Where the results of scans on disk go; not needed for scans of the scene.
        force: Whether files in the output folder may be replaced.

    Attributes:
        jobs: As given; their states change.
        finished: Whether every job has ended.
        table: vtkMRMLTableNode that tells what happened to each scan; None before the end, and after a cancellation.

    Raises:
        UsageError: Nothing to do, a setting that does not exist, or no usable output folder.
    """

    def __init__(self, jobs: Sequence[BatchJob], settings: Mapping[str, Any],
                 output_folder: Path | None = None, *, force: bool = False) -> None:
        if not jobs:
            raise UsageError(_("There is no scan to segment."), _("Choose scans first."))
        self.jobs = list(jobs)
        self.finished = False
        self.table: Any = None
        self._settings = RunSettings(**settings)
        self._folder = output_folder
        self._force = force
        self._child = SharedChild()
        self._work: _SceneWork | _FileWork | None = None
        self._closing: list[BackgroundTask[None]] = []
        if any(job.source is not None for job in self.jobs):
            if output_folder is None or not str(output_folder).strip(" ."):
                raise UsageError(_("There is no folder for the results."), _("Choose a folder for the results."))
            check_output_folder(output_folder)

    def start(self) -> None:
        """Begin with the first scan; call `step` until `finished`."""
        Workspace.remove_stale(temporary_folder())
        self._start_next()

    def step(self) -> None:
        """Do the next small piece of work that is due."""
        if self.finished or self._work is None:
            return
        self._work.step()
        if self._work.job.ended:
            self._start_next()

    def cancel(self) -> None:
        """Stop; results that are there stay, and what was not done is marked as cancelled."""
        if self.finished:
            return
        if self._work is not None:
            self._closing.append(BackgroundTask(self._work.cancel()))
        for job in self.jobs:
            if not job.ended:
                job.state = CANCELLED
        self._finish()

    def wait_closed(self) -> None:
        """Wait until child processes have ended and temporary files are gone, which happens in the background."""
        for task in self._closing:
            task.join()

    def summary(self) -> str:
        """Return what happened in words: how many ended how, then each scan that a person should look at."""
        count = Counter(job.state for job in self.jobs)
        names = {DONE: _("done"), WARNING: _("done, to be checked"), FAILED: _("failed"), CANCELLED: _("cancelled")}
        lines = [", ".join(f"{count[state]} {name}" for state, name in names.items() if count[state])]
        lines += [f"{job.name}: {job.message}" for job in self.jobs if job.message]
        return "\n".join(lines)

    def _start_next(self) -> None:
        self._work = None
        for job in self.jobs:
            if job.ended:
                continue
            job.state = RUNNING
            try:
                self._work = self._start(job)
            except HeartSegError as error:
                fail(job, error)
                continue
            return
        self._finish()
        self.table = self._summary_table()

    def _summary_table(self) -> Any:
        """Make a vtkMRMLTableNode with the columns Scan, State, Message and Result."""
        table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", slicer.mrmlScene.GenerateUniqueName(
            _("HeartSeg batch")))
        columns = {_("Scan"): [job.name for job in self.jobs], _("State"): [job.state for job in self.jobs],
                   _("Message"): [job.message for job in self.jobs],
                   _("Result"): [_name_of(job.result) for job in self.jobs]}
        for name, texts in columns.items():
            column = vtk.vtkStringArray()
            column.SetName(name)
            for text in texts:
                column.InsertNextValue(text)
            table.AddColumn(column)
        return table

    def _start(self, job: BatchJob) -> _SceneWork | _FileWork:
        if job.source is None:
            return _SceneWork(job, self._settings, self._child)
        assert self._folder is not None
        return _FileWork(job, self._settings, self._folder, self._child, self._force)

    def _finish(self) -> None:
        self._work = None
        self.finished = True
        self._closing.append(BackgroundTask(self._child.close))


class _SceneWork:
    """Segments a scan of the scene."""

    def __init__(self, job: BatchJob, settings: RunSettings, child: SharedChild) -> None:
        self.job = job
        if not slicer.mrmlScene.IsNodePresent(job.node):
            raise InputError(_("The scan is no longer in the scene."), _("Load it again."))
        self._run = SegmentationRun(scan_of(job.node), None, settings, start_child=child.lend)
        self._run.start()
        self._take_over()

    def step(self) -> None:
        self._run.step()
        self._take_over()

    def cancel(self) -> Callable[[], None]:
        """Stop, and return what waits for the end."""
        self._run.cancel()
        return self._run.wait_closed

    def _take_over(self) -> None:
        run, job = self._run, self.job
        job.fraction = run.fraction
        if run.running:
            return
        if run.error is not None:
            fail(job, run.error)
        else:
            job.result = run.segmentation
            volume_table.update_table(run.segmentation)
            succeed(job, run.warnings)


class _FileWork:
    """Segments a scan on disk into a file."""

    def __init__(self, job: BatchJob, settings: RunSettings, folder: Path, child: SharedChild, force: bool) -> None:
        self.job = job
        self._settings = settings
        self._folder = folder
        self._force = force
        self._children = child
        self._workspace = Workspace(temporary_folder())
        self._child: LentChild | None = None
        try:
            self._send()
        except HeartSegError:
            self._workspace.close()
            raise

    def step(self) -> None:
        assert self._child is not None
        for event in self._child.poll():
            if event["event"] == "progress":
                self.job.fraction = float(event["fraction"])
            elif event["event"] == "result":
                self.job.result = Path(event["output"])
                succeed(self.job, event.get("warnings", []))
            elif event["event"] == "error":
                fail(self.job, error_of(event))
        if self.job.ended:
            self._workspace.close()

    def cancel(self) -> Callable[[], None]:
        """Return what stops the work and waits for its end."""
        return self._close

    def _close(self) -> None:
        if self._child is not None:
            self._child.kill()
        self._workspace.close()

    def _send(self) -> None:
        output, sequence = (self._folder / f"{self.job.stem}{ending}" for ending in (_ENDING, _SEQUENCE_ENDING))
        check_output(output, force=self._force, kinds=(_ENDING,))  # before a child loads its libraries for nothing
        self._child = self._children.lend()
        self._child.send({
            "job": str(output), "action": "segment_file", "input": str(self.job.source), "output": str(output),
            "sequence_output": str(sequence), "model": self._settings.model or None, "device": self._settings.device,
            "quality": self._settings.quality, "modality": self._settings.modality,
            "folder": str(self._workspace.folder), "force": self._force,
        })


def succeed(job: BatchJob, warnings: Sequence[str]) -> None:
    """Note that a job has ended well; warnings make it one to be looked at."""
    job.state, job.fraction, job.message = (WARNING if warnings else DONE), 1.0, " ".join(warnings)


def fail(job: BatchJob, error: HeartSegError) -> None:
    """Note that a job has failed, and why."""
    job.state, job.message = FAILED, str(error)


def _name_of(result: Any) -> str:
    if result is None:
        return ""
    return str(result) if isinstance(result, Path) else str(result.GetName())
