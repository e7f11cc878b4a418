"""From segmentations of the scene to a training set: an index with folds, and its prepared cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import CancelledError, HeartSegError
from HeartSeg3DLib.scene.request import Request
from HeartSeg3DLib.scene.request_run import RequestRun
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.waiting import work_until
from HeartSeg3DLib.scene.workspace import Workspace
from HeartSegTrainingLib.scene.scene_cases import case_of
from HeartSegTrainingLib.scene.set_place import SetPlace
from HeartSegTrainingLib.scene.training_pairs import TrainingPairs
from HeartSegTrainingLib.scene.training_request import TrainingRequest


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


class TrainingSetRun(RequestRun):
    """Makes a training set in the background: `start`, then `step` until `finished`.

    Args:
        segmentations: vtkMRMLSegmentationNodes, as they are now.
        folder: Where the set goes: not there, empty, or an earlier set, which stays until this one is whole.
        trust: Whether structures that nobody edited have been found right, too.

    Attributes beside those of `RequestRun`:
        training_set: What was made, None until then; a run that finished without it and without an error was cancelled.
    """

    written = 0.2

    def __init__(self, segmentations: Sequence[Any], folder: Path, trust: bool = False) -> None:
        super().__init__(_("Handing over the scans"))
        self.training_set: TrainingSet | None = None
        self._segmentations, self._folder, self._trust = list(segmentations), folder, trust
        self._place: SetPlace | None = None

    def start(self) -> None:
        """Begin.

        Raises:
            InputError: There is no segmentation, or one of them cannot be learned from.
            UsageError: The folder holds something else, or cannot be made.
            DiskError: The temporary folder does not accept a new folder.
        """
        pairs = TrainingPairs([case_of(node, self._trust) for node in self._segmentations])
        self._place = SetPlace(self._folder)
        try:
            self._hand_over(lambda workspace: pairs.write(workspace, lambda: self._cancelled))
        except HeartSegError:
            self._place.close()
            raise

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

    def _ask(self, workspace: Workspace) -> Request:
        assert self._place is not None
        return TrainingRequest("training_set", folder=str(workspace.folder), set_folder=str(self._place.made),
                               trust=self._trust)

    def _take(self, answer: Mapping[str, Any]) -> None:
        assert self._place is not None
        index, store = (self._folder / Path(answer[name]).relative_to(self._place.made) for name in ("index", "store"))
        self._place.take()
        self.training_set = TrainingSet(index, store, int(answer["cases"]), tuple(answer["structures"]),
                                        tuple(answer["warnings"]))
        self.fraction = 1.0
        self._finish()

    def _close(self) -> None:
        super()._close()
        if self._place is not None:
            self._place.close()  # a child that was killed had begun a set there
