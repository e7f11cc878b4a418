"""Batch, report and models, by their buttons."""

from __future__ import annotations

from collections.abc import Callable
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

    def test_a_scene_that_closes_while_the_dialog_is_open_leaves_nothing_to_save(self) -> None:
        self.parameters.result = a_segmentation(a_volume())

        def close_the_scene(*_texts: str) -> str:
            self.panel.scene_about_to_close()
            return "/somewhere/heart.html"

        self.questions.save_file = close_the_scene
        self.ui.reportHtmlButton.click()
        self.assertEqual(FakeExport.made, [])

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


class FakeRequest:
    """Answers at the second step."""

    def __init__(self, answer: Callable[[], dict[str, Any]]) -> None:
        self._answer = answer
        self.steps = 0
        self.closed = False
        self.result: dict[str, Any] | None = None
        self.error: HeartSegError | None = None

    def step(self) -> bool:
        self.steps += 1
        if self.steps < 2:
            return False
        try:
            self.result = self._answer()
        except HeartSegError as error:
            self.error = error
        return True

    def close(self) -> None:
        self.closed = True


class FakeModels:
    """A shipped model, and an imported one."""

    def __init__(self) -> None:
        self.models = [FakeModel("tiny", "tiny", True), FakeModel("mine", "mine", False)]
        self.requests: list[FakeRequest] = []
        self.refusal: HeartSegError | None = None

    def model_choices(self) -> list[FakeModel]:
        return list(self.models)

    def import_model(self, path: Path) -> FakeRequest:
        def answer() -> dict[str, Any]:
            if path.name == "broken.zip":
                raise ModelError("The weights are altered.", "Import the model again.")
            self.models.append(FakeModel(path.stem, path.stem.title(), False))
            return {"id": path.stem}

        return self._request(answer)

    def verify_model(self, id: str) -> FakeRequest:
        def answer() -> dict[str, Any]:
            if id == "mine":
                raise ModelError("The weights are altered.", "Import the model again.")
            return {"id": id}

        return self._request(answer)

    def _request(self, answer: Callable[[], dict[str, Any]]) -> FakeRequest:
        if self.refusal is not None:
            raise self.refusal
        self.requests.append(FakeRequest(answer))
        return self.requests[-1]

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
        self.turn_the_pump(2)
        self.assertEqual(self.names(), ["tiny", "mine", "New"])
        self.assertEqual(self.ui.modelsMessageLabel.text, "Imported New.")
        self.assertGreaterEqual(self.ui.modelSelector.findData("new"), 0)

    def test_a_model_that_another_module_installed_is_offered_when_the_module_is_entered(self) -> None:
        self.panel.exit()
        self.models.models.append(FakeModel("new", "New", False))
        self.assertEqual(self.ui.modelSelector.findData("new"), -1)
        self.panel.enter()
        self.assertIn("New", self.names())
        self.assertGreaterEqual(self.ui.modelSelector.findData("new"), 0)

    def test_a_broken_file_is_refused_with_the_reason(self) -> None:
        self.questions.path = "/downloads/broken.zip"
        self.ui.importModelButton.click()
        self.turn_the_pump(2)
        self.assertIn("The weights are altered.", self.ui.modelsMessageLabel.text)
        self.assertEqual(self.names(), ["tiny", "mine"])

    def test_shipped_models_cannot_be_removed(self) -> None:
        self.ui.modelsTable.setCurrentCell(0, 0)
        self.assertFalse(self.ui.removeModelButton.enabled)
        self.assertTrue(self.ui.verifyModelButton.enabled)

    def test_verify_says_how_it_went(self) -> None:
        self.ui.modelsTable.setCurrentCell(0, 0)
        self.ui.verifyModelButton.click()
        self.turn_the_pump(2)
        self.assertIn("complete and unaltered", self.ui.modelsMessageLabel.text)
        self.ui.modelsTable.setCurrentCell(1, 0)
        self.ui.verifyModelButton.click()
        self.turn_the_pump(2)
        self.assertIn("The weights are altered.", self.ui.modelsMessageLabel.text)

    def buttons(self) -> list[bool]:
        ui = self.ui
        return [button.enabled for button in (ui.importModelButton, ui.importFolderButton, ui.verifyModelButton,
                                              ui.removeModelButton)]

    def test_the_window_goes_on_while_a_model_is_verified(self) -> None:
        self.ui.modelsTable.setCurrentCell(1, 0)
        self.ui.verifyModelButton.click()
        self.assertEqual(self.models.requests[-1].steps, 0)
        self.turn_the_pump()
        self.assertEqual(self.ui.modelsMessageLabel.text, "Verifying mine… 0 s")
        self.assertFalse(self.ui.cancelModelButton.isHidden())
        self.assertEqual(self.buttons(), [False] * 4)
        self.turn_the_pump()
        self.assertTrue(self.ui.cancelModelButton.isHidden())
        self.ui.modelsTable.setCurrentCell(1, 0)
        self.assertEqual(self.buttons(), [True] * 4)

    def test_cancel_ends_the_child_and_imports_nothing(self) -> None:
        self.questions.path = "/downloads/new.zip"
        self.ui.importModelButton.click()
        self.turn_the_pump()
        self.ui.cancelModelButton.click()
        self.turn_the_pump(2)
        self.assertTrue(self.models.requests[-1].closed)
        self.assertEqual(self.ui.modelsMessageLabel.text, "Cancelled.")
        self.assertEqual(self.names(), ["tiny", "mine"])
        self.assertTrue(self.ui.importModelButton.enabled)

    def test_closing_the_scene_ends_the_child(self) -> None:
        self.questions.path = "/downloads/new.zip"
        self.ui.importModelButton.click()
        self.panel.scene_about_to_close()
        self.assertTrue(self.models.requests[-1].closed)

    def test_a_child_that_does_not_start_is_told(self) -> None:
        self.models.refusal = HeartSegError("The background process could not be started.", "Restart 3D Slicer.")
        self.ui.modelsTable.setCurrentCell(0, 0)
        self.ui.verifyModelButton.click()
        self.assertIn("Restart 3D Slicer.", self.ui.modelsMessageLabel.text)
        self.assertTrue(self.ui.importModelButton.enabled)

    def test_removing_asks_and_no_means_no(self) -> None:
        self.ui.modelsTable.setCurrentCell(1, 0)
        self.ui.removeModelButton.click()
        self.assertEqual(self.names(), ["tiny", "mine"])
        self.questions.consent = True
        self.ui.modelsTable.setCurrentCell(1, 0)
        self.ui.removeModelButton.click()
        self.assertEqual(self.names(), ["tiny"])
