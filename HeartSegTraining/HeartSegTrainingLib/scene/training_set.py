"""From segmentations of the scene to a training set: an index with folds, and its prepared cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import CancelledError, HeartSegError
from HeartSeg3DLib.scene import child
from HeartSeg3DLib.scene.failures import unexpected
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.transfer import BackgroundTask
from HeartSeg3DLib.scene.waiting import work_until
from HeartSeg3DLib.scene.workspace import Workspace
from HeartSegTrainingLib.scene.scene_cases import case_of
from HeartSegTrainingLib.scene.set_place import SetPlace
from HeartSegTrainingLib.scene.training_pairs import TrainingPairs
from HeartSegTrainingLib.scene.training_request import TrainingRequest

_WRITTEN = 0.2


@dataclass(frozen=True)
class TrainingSet:
    """A training set on this computer.

    Attributes:
        index: Its index file, split into folds.
        store: Folder of its prepared cases.
        cases: How many there are.
        structures: Ids of the structures that at least one of them shows.
        warnings: What the user should know.
    """

    index: Path
    store: Path
    cases: int
    structures: tuple[str, ...]
    warnings: tuple[str, ...]


class TrainingSetRun:
    """Makes a training set in the background: `start`, then `step` until `finished`.

    Args:
        segmentations: vtkMRMLSegmentationNodes, as they are now.
        folder: Where the set goes: not there, empty, or an earlier set, which stays until this one is whole.
        trust: Whether structures that nobody edited have been found right, too.

    Attributes:
        finished: Whether it has ended; without `training_set` and `error` it was cancelled.
        training_set: What was made, None until then.
        error: Why there is none.
        fraction: Progress, 0-1.
        stage: What is being done, a few words.
    """

    def __init__(self, segmentations: Sequence[Any], folder: Path, trust: bool = False) -> None:
        self.finished = False
        self.training_set: TrainingSet | None = None
        self.error: HeartSegError | None = None
        self.fraction, self.stage = 0.0, _("Handing over the scans")
        self._segmentations, self._folder, self._trust = list(segmentations), folder, trust
        self._cancelled = False
        self._place: SetPlace | None = None
        self._workspace: Workspace | None = None
        self._writer: BackgroundTask[None] | None = None
        self._request: TrainingRequest | None = None
        self._closing: BackgroundTask[None] | None = None

    def start(self) -> None:
        """Begin.

        Raises:
            InputError: There is no segmentation, or one of them cannot be learned from.
            UsageError: The folder holds something else, or cannot be made.
            DiskError: The temporary folder does not accept a new folder.
        """
        pairs = TrainingPairs([case_of(node, self._trust) for node in self._segmentations])
        Workspace.remove_stale(child.temporary_folder())
        self._place = SetPlace(self._folder)
        try:
            workspace = self._workspace = Workspace(child.temporary_folder())
        except HeartSegError:
            self._place.close()
            raise
        self._writer = BackgroundTask(lambda: pairs.write(workspace, lambda: self._cancelled))

    def step(self) -> None:
        """Do the next small piece of work that is due."""
        if self.finished or self._writer is None:
            return
        try:
            if self._request is None:
                self._ask_when_written()
            elif self._request.step():
                self._take_answer(self._request)
            else:
                self.fraction = max(self.fraction, _WRITTEN + (1.0 - _WRITTEN) * self._request.fraction)
                self.stage = _(self._request.stage) if self._request.stage else self.stage
        except HeartSegError as error:
            self._fail(error)
        except Exception as error:  # whatever it is, the panel shows it and goes on
            self._fail(unexpected(error))

    def cancel(self) -> None:
        """Stop; nothing half-made is left. Returns at once, and `wait_closed` waits for the end."""
        if not self.finished:
            self._finish()

    def wait(self, progress: Callable[[float, str], None] | None = None) -> TrainingSet:
        """Work until the end, for scripts; Slicer's window stays alive.

        Raises:
            HeartSegError: Why there is no set.
        """
        def step() -> None:
            self.step()
            if progress is not None:
                progress(self.fraction, self.stage)

        work_until(lambda: self.finished, step)
        self.wait_closed()
        if self.error is not None:
            raise self.error
        if self.training_set is None:
            raise CancelledError(_("The training set was cancelled."), _("Nothing half-made was left behind."))
        return self.training_set

    def wait_closed(self) -> None:
        """Wait until child process and temporary files are gone, which happens in the background."""
        if self._closing is not None:
            self._closing.join()

    def _ask_when_written(self) -> None:
        assert self._writer is not None
        assert self._workspace is not None
        assert self._place is not None
        if self._writer.done:
            self._writer.result()
            self.fraction = _WRITTEN
            self._request = TrainingRequest("training_set", folder=str(self._workspace.folder),
                                            set_folder=str(self._place.made), trust=self._trust)

    def _take_answer(self, request: TrainingRequest) -> None:
        if request.error is not None:
            self._fail(request.error)
            return
        said = request.result
        assert said is not None  # a request ends with a result or an error
        assert self._place is not None
        index, store = (self._folder / Path(said[name]).relative_to(self._place.made) for name in ("index", "store"))
        self._place.take()
        self.training_set = TrainingSet(index, store, int(said["cases"]), tuple(said["structures"]),
                                        tuple(said["warnings"]))
        self.fraction = 1.0
        self._finish()

    def _fail(self, error: HeartSegError) -> None:
        self.error = error
        self._finish()

    def _finish(self) -> None:
        self.finished = self._cancelled = True
        if self._request is not None:
            self._request.close()
        self._closing = BackgroundTask(self._close)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.join()
        if self._request is not None:
            self._request.wait_closed()
        if self._workspace is not None:
            self._workspace.close()
        if self._place is not None:
            self._place.close()  # a child that was killed had begun a set there

