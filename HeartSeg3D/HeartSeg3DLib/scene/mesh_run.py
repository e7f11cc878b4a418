"""One mesh of a segmentation of the scene, made in the child process and shown as models."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from HeartSeg3DLib.errors import CancelledError, CheckError, HeartSegError
from HeartSeg3DLib.scene.mesh_labels import MeshLabels
from HeartSeg3DLib.scene.mesh_models import place_models
from HeartSeg3DLib.scene.mesh_quality import findings, quality_sentence, verdict_sentence
from HeartSeg3DLib.scene.mesh_settings import MeshSettings
from HeartSeg3DLib.scene.request import Request
from HeartSeg3DLib.scene.request_run import RequestRun
from HeartSeg3DLib.scene.run_report import report_of_mesh
from HeartSeg3DLib.scene.text import _
from HeartSeg3DLib.scene.transfer import BackgroundTask, Surface, read_surfaces
from HeartSeg3DLib.scene.waiting import work_until
from HeartSeg3DLib.scene.workspace import Workspace


@dataclass(frozen=True)
class Mesh:
    """A mesh that was made.

    Attributes:
        models: One vtkMRMLModelNode for each structure.
        folder: Where the files are.
        files: New files and folders.
        page: The report, an HTML file.
        fit_for_use: Whether it passed every hard check.
        sentence: What its quality is.
        warnings: What the user should know.
        quality: All figures, as in the report's JSON file.
        edge_mm: Mean edge that was asked for.
        seconds: Time that it took.
    """

    models: tuple[Any, ...]
    folder: Path
    files: tuple[Path, ...]
    page: Path
    fit_for_use: bool
    sentence: str
    warnings: tuple[str, ...]
    quality: Mapping[str, Any]
    edge_mm: float
    seconds: float


class MeshRun(RequestRun):
    """Makes one mesh in the background: `start`, then `step` until `finished`.

    Args:
        segmentation: vtkMRMLSegmentationNode of any origin, as it is now; of a sequence, the phase that is shown.
        folder: Where the mesh goes; made if its parent is there.
        settings: How.

    Attributes beside those of `RequestRun`:
        mesh: What was made, None until then; a run that finished without it and without an error was cancelled.
        question: What has to be answered with `answer` before it goes on, None where nothing is asked.
    """

    def __init__(self, segmentation: Any, folder: Path, settings: MeshSettings | None = None) -> None:
        super().__init__(_("Handing over the segmentation"))
        self.mesh: Mesh | None = None
        self._segmentation = segmentation
        self._folder = Path(folder).expanduser().absolute()
        self._settings = settings or MeshSettings()
        self._title = segmentation.GetName() if segmentation is not None else ""
        self._started = 0.0
        self._labels: MeshLabels | None = None
        self._reader: BackgroundTask[dict[int, Surface]] | None = None

    @property
    def question(self) -> str | None:
        """What the child process asks and waits for."""
        return self._request.question if self._request is not None and not self.finished else None

    def start(self) -> None:
        """Begin.

        Raises:
            InputError: Nothing in the segmentation is known as a structure of the heart.
            DiskError: The temporary folder does not accept a new folder.
        """
        self._started = time.monotonic()
        labels = self._labels = MeshLabels(self._segmentation, max(self._settings.walls_mm.values(), default=0.0))
        self._hand_over(lambda workspace: labels.write(workspace, lambda: self._cancelled))

    def answer(self, yes: bool) -> None:
        """Say whether a mesh that failed its check is written all the same."""
        if self._request is not None:
            self._request.answer(yes)

    def wait(self, progress: Callable[[float, str], None] | None = None) -> Mesh:
        """Work until the end, for scripts; a mesh that fails its check is not written. Slicer's window stays alive.

        Args:
            progress: Called with (fraction 0-1, stage).

        Raises:
            HeartSegError: Why there is no mesh.
        """
        def step() -> None:
            self.step()
            if self.question is not None:
                self.answer(False)
            if progress is not None:
                progress(self.fraction, self.stage)

        work_until(lambda: self.finished, step)
        self.wait_closed()
        if self.error is not None:
            raise self.error
        if self.mesh is None:
            raise CancelledError(_("The mesh was cancelled."), _("Nothing half-written was left behind."))
        return self.mesh

    def report_text(self) -> str:
        """Return what developers need to find a fault, without the name of the segmentation or of the folder."""
        warnings = self._labels.sentences if self._labels is not None else []
        return report_of_mesh(self._settings, self.stage, warnings, self.error, self._detail)

    def _ask(self, workspace: Workspace) -> Request:
        return Request("mesh", folder=str(workspace.folder), output=str(self._folder),
                       new_folder=not self._folder.exists(), title=self._title, **self._settings.request())

    def _error_of(self, request: Request) -> HeartSegError | None:
        error = request.error
        if isinstance(error, CheckError):  # the child's remedy is for the command line
            return CheckError(error.message, _("Try another edge length, or correct the segmentation."))
        return error

    def _take(self, answer: Mapping[str, Any]) -> None:
        assert self._workspace is not None
        file = self._workspace.folder / answer["surfaces"]
        self.stage = _("Showing the mesh")
        self._reader = BackgroundTask(lambda: read_surfaces(file))

    def _work(self) -> None:
        if self._reader is not None:
            self._show_when_read()
        else:
            super()._work()

    def _show_when_read(self) -> None:
        assert self._reader is not None
        assert self._request is not None
        assert self._labels is not None
        if not self._reader.done:
            return
        surfaces, said = self._reader.result(), self._request.result
        assert said is not None
        quality, files = said["quality"], tuple(Path(file) for file in said["files"])
        page = next(file for file in files if file.suffix == ".html")
        models = place_models(self._segmentation, self._name(), str(page.with_suffix("")), surfaces)
        sentence = f"{quality_sentence(quality, surfaces)} {verdict_sentence(quality)}"
        warnings = (*self._labels.sentences, *said["warnings"], *findings(quality))
        self.mesh = Mesh(tuple(models), self._folder, files, page, quality["fit_for_use"], sentence, warnings, quality,
                         said["edge_mm"], time.monotonic() - self._started)
        self.fraction = 1.0
        self._finish()

    def _name(self) -> str:
        return _("{name} mesh ({preset})").format(name=self._title, preset=self._settings.preset)

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.join()
        super()._close()
