"""Stand-ins behind the Meshes section, and a panel whose meshes end as a test wants."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from HeartSeg3DLib.errors import HeartSegError
from HeartSeg3DLib.panel.module_panel import ModulePanel
from HeartSeg3DLib.scene.mesh_settings import PRESET_NAMES, MeshSettings
from panel_fakes import PanelCase, a_segmentation, a_volume


class FakeMeshRun:
    """A mesh that goes on until the test says how it ends."""

    made: list[FakeMeshRun]
    refusal: HeartSegError | None = None

    def __init__(self, segmentation: Any, folder: Path, settings: MeshSettings) -> None:
        self.segmentation, self.folder, self.settings = segmentation, folder, settings
        self.finished = self.cancelled = False
        self.mesh: Any = None
        self.error: HeartSegError | None = None
        self.question: str | None = None
        self.fraction, self.stage = 0.42, "Making tetrahedra"
        self.answers: list[bool] = []

    def start(self) -> None:
        if FakeMeshRun.refusal is not None:
            raise FakeMeshRun.refusal
        FakeMeshRun.made.append(self)

    def step(self) -> None:
        pass

    def answer(self, yes: bool) -> None:
        self.answers.append(yes)
        self.question = None

    def cancel(self) -> None:
        self.finished = self.cancelled = True

    def report_text(self) -> str:
        return "HeartSeg report of a mesh"

    def end(self, warnings: Sequence[str] = (), fit: bool = True) -> None:
        self.finished = True
        self.mesh = SimpleNamespace(folder=self.folder, page=self.folder / "heart_report.html", fit_for_use=fit,
                                    sentence="1 200 triangles.", warnings=tuple(warnings), seconds=12.3)


class FakeModels:
    """Models of a mesh, which remember how they are to look."""

    def __init__(self) -> None:
        self.there: list[str] = []
        self.quality = self.edges = False

    def shown_models(self, segmentation: Any) -> list[str]:
        return self.there

    def show_quality(self, models: Sequence[str], on: bool) -> None:
        self.quality = on

    def show_edges(self, models: Sequence[str], on: bool) -> None:
        self.edges = on


class MeshCase(PanelCase):
    def make_panel(self) -> ModulePanel:
        FakeMeshRun.made, FakeMeshRun.refusal = [], None
        self.models = FakeModels()
        panel = super().make_panel()
        panel.context.services = replace(panel.context.services, mesh_models=self.models,
                                         mesh_run=SimpleNamespace(MeshRun=FakeMeshRun))
        return panel

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.ui.meshSection.collapsed = False

    def choose(self, preset: str) -> None:
        self.ui.meshPresetSelector.setCurrentIndex(PRESET_NAMES.index(preset))

    def start(self, preset: str = "print") -> FakeMeshRun:
        """Choose a heart, a preset and a folder, and click."""
        if self.parameters.result is None:
            self.parameters.result = a_segmentation(a_volume())
        self.choose(preset)
        self.ui.meshFolder.currentPath = str(self.folder / "mesh")
        self.ui.meshButton.click()
        return FakeMeshRun.made[-1]
