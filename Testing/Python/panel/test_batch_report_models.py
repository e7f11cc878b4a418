"""Batch, report and models, by their buttons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from HeartSeg3DLib.errors import HeartSegError, InputError, ModelError
from HeartSeg3DLib.panel.module_panel import ModulePanel
from panel_fakes import PanelCase, a_segmentation, a_volume


class FakeBatch:
    """Two scans, of which the second fails."""

    def __init__(self, jobs: list[Any], settings: dict[str, Any], output: Path | None) -> None:
        self.jobs, self.settings, self.output = jobs, settings, output
        self.finished = self.cancelled = False

    def start(self) -> None:
        self.jobs[0].state = "running"

    def step(self) -> None:
        if self.cancelled:
            self.finished = True
            return
        if self.jobs[0].state == "running":
            self.jobs[0].state, self.jobs[1].state = "done", "running"
        else:
            self.jobs[1].state, self.jobs[1].message, self.finished = "failed", "No heart was found.", True

    def cancel(self) -> None:
        self.cancelled = True

    def summary(self) -> str:
        return "1 of 2 scans segmented; 1 failed."


def two_jobs() -> list[Any]:
    return [SimpleNamespace(name=name, state="waiting", fraction=0.5, message="") for name in ("CTA", "abdomen")]


class BatchCase(PanelCase):
    def make_panel(self) -> ModulePanel:
        panel = super().make_panel()
        batches = SimpleNamespace(Batch=FakeBatch, scene_jobs=two_jobs, folder_jobs=self.no_jobs)
        panel.context.services = replace(panel.context.services, batch=batches)
        return panel

    @staticmethod
    def no_jobs(_folder: Path) -> list[Any]:
        raise InputError("There is no scan in this folder.", "Choose another one.")

    def states(self) -> list[str]:
        table = self.ui.batchTable
        return [table.item(row, 1).text() for row in range(table.rowCount)]

    def test_each_scan_shows_its_state_and_a_failure_does_not_stop_the_rest(self) -> None:
        self.ui.batchStartButton.click()
        self.assertEqual(self.states(), ["50 %", "waiting"])
        self.assertFalse(self.ui.batchStartButton.enabled)
        self.turn_the_pump()
        self.assertEqual(self.states(), ["✔ done", "50 %"])
        self.turn_the_pump()
        self.assertEqual(self.states(), ["✔ done", "✘ failed"])
        self.assertEqual(self.ui.batchTable.item(1, 1).toolTip(), "No heart was found.")
        self.assertEqual(self.ui.batchSummaryLabel.text, "1 of 2 scans segmented; 1 failed.")
        self.assertTrue(self.ui.batchStartButton.enabled)

    def test_cancel_stops_and_allows_another_start(self) -> None:
        self.ui.batchStartButton.click()
        self.ui.batchCancelButton.click()
        self.turn_the_pump()
        self.assertTrue(self.ui.batchStartButton.enabled)

    def test_folders_are_asked_for_only_when_files_are_segmented(self) -> None:
        self.ui.batchSection.collapsed = False
        self.assertFalse(self.ui.batchFolder.visible)
        self.ui.batchSource.setCurrentIndex(2)
        self.assertTrue(self.ui.batchFolder.visible)
        self.ui.batchStartButton.click()
        self.assertIn("There is no scan in this folder.", self.ui.batchSummaryLabel.text)

    def test_closing_the_scene_stops_the_batch(self) -> None:
        self.ui.batchStartButton.click()
        self.panel.scene_about_to_close()
        self.assertFalse(self.ui.batchCancelButton.enabled)


class FakeExport:
    """Finishes at the first step."""

    made: list[Any]
    error: HeartSegError | None = None

    def __init__(self, segmentation: Any, path: Path, parameters: Any, force: bool) -> None:
        self.path, self.force, self.finished, self.cancelled = path, force, False, False
        type(self).made.append(self)

    def start(self) -> None:
        pass

    def step(self) -> None:
        self.finished = True

    def cancel(self) -> None:
        self.cancelled = True


class ReportCase(PanelCase):
    def make_panel(self) -> ModulePanel:
        panel = super().make_panel()
        FakeExport.made = []
        panel.context.services = replace(panel.context.services,
                                         report_export=SimpleNamespace(ReportExport=FakeExport))
        return panel

    def test_without_a_result_there_is_nothing_to_save(self) -> None:
        self.assertFalse(self.ui.reportHtmlButton.enabled)

    def test_saving_names_the_file(self) -> None:
        self.parameters.result = a_segmentation(a_volume())
        self.questions.path = "/somewhere/heart"
        self.ui.reportPdfButton.click()
        self.assertFalse(self.ui.reportPdfButton.enabled)
        self.turn_the_pump()
        self.assertEqual(FakeExport.made[-1].path, Path("/somewhere/heart.pdf"))
        self.assertFalse(FakeExport.made[-1].force)
        self.assertIn("heart.pdf", self.ui.reportLabel.text)
        self.assertTrue(self.ui.reportPdfButton.enabled)

    def test_only_a_file_that_the_dialog_asked_about_is_replaced(self) -> None:
        self.parameters.result = a_segmentation(a_volume())
        for path, written, force in (("/somewhere/heart.PDF", "heart.PDF", True),
                                     ("/somewhere/heart 1.5", "heart 1.5.pdf", False)):
            with self.subTest(path):
                self.questions.path = path
                self.ui.reportPdfButton.click()
                self.turn_the_pump()
                self.assertEqual((FakeExport.made[-1].path.name, FakeExport.made[-1].force), (written, force))

    def test_closing_the_file_dialog_saves_nothing(self) -> None:
        self.parameters.result = a_segmentation(a_volume())
        self.ui.reportHtmlButton.click()
        self.assertEqual(FakeExport.made, [])


@dataclass(frozen=True)
class FakeModel:
    id: str
    title: str
    shipped: bool
    version: str = "1.0"
    role: str = "segmenter"
    problem: str = ""
    modalities: tuple[str, ...] = ("ct", "mr")
    card_html: str = "<p>card</p>"


class FakeModels:
    """A shipped model, and an imported one."""

    def __init__(self) -> None:
        self.models = [FakeModel("tiny", "tiny", True), FakeModel("mine", "mine", False)]

    def model_choices(self) -> list[FakeModel]:
        return list(self.models)

    def import_model(self, path: Path, replace: bool = False) -> FakeModel:
        if path.name == "broken.zip":
            raise ModelError("The weights are altered.", "Import the model again.")
        self.models.append(FakeModel(path.stem, path.stem, False))
        return self.models[-1]

    def verify_model(self, id: str) -> None:
        if id == "mine":
            raise ModelError("The weights are altered.", "Import the model again.")

    def remove_model(self, id: str) -> None:
        self.models = [model for model in self.models if model.id != id]


class ModelsCase(PanelCase):
    def make_panel(self) -> ModulePanel:
        self.models = FakeModels()
        panel = super().make_panel()
        panel.context.services = replace(panel.context.services, model_choices=self.models)
        panel.models.refresh()
        panel.segment.choices.refresh_models()
        return panel

    def names(self) -> list[str]:
        table = self.ui.modelsTable
        return [table.item(row, 0).text() for row in range(table.rowCount)]

    def test_an_imported_model_is_listed_and_offered(self) -> None:
        self.questions.path = "/downloads/new.zip"
        self.ui.importModelButton.click()
        self.assertEqual(self.names(), ["tiny", "mine", "new"])
        self.assertGreaterEqual(self.ui.modelSelector.findData("new"), 0)

    def test_a_broken_file_is_refused_with_the_reason(self) -> None:
        self.questions.path = "/downloads/broken.zip"
        self.ui.importModelButton.click()
        self.assertIn("The weights are altered.", self.ui.modelsMessageLabel.text)
        self.assertEqual(self.names(), ["tiny", "mine"])

    def test_shipped_models_cannot_be_removed(self) -> None:
        self.ui.modelsTable.setCurrentCell(0, 0)
        self.assertFalse(self.ui.removeModelButton.enabled)
        self.assertTrue(self.ui.verifyModelButton.enabled)

    def test_verify_says_how_it_went(self) -> None:
        self.ui.modelsTable.setCurrentCell(0, 0)
        self.ui.verifyModelButton.click()
        self.assertIn("complete and unaltered", self.ui.modelsMessageLabel.text)
        self.ui.modelsTable.setCurrentCell(1, 0)
        self.ui.verifyModelButton.click()
        self.assertIn("The weights are altered.", self.ui.modelsMessageLabel.text)

    def test_removing_asks_and_no_means_no(self) -> None:
        self.ui.modelsTable.setCurrentCell(1, 0)
        self.ui.removeModelButton.click()
        self.assertEqual(self.names(), ["tiny", "mine"])
        self.questions.consent = True
        self.ui.modelsTable.setCurrentCell(1, 0)
        self.ui.removeModelButton.click()
        self.assertEqual(self.names(), ["tiny"])
