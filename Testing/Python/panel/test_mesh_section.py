"""The Meshes section, by its widgets: questions, progress, and every end of a mesh."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from unittest import mock

import qt
import slicer

from HeartSeg3DLib.errors import CheckError, HeartSegError, InputError
from HeartSeg3DLib.panel import mesh_section
from HeartSeg3DLib.scene import mesh_models
from mesh_fakes import FakeMeshRun, MeshCase
from panel_fakes import PanelCase, a_segmentation, a_volume

PATIENCE_SECONDS = 120.0


class MeshingCase(MeshCase):
    def test_while_it_runs_there_is_progress_and_cancel(self) -> None:
        self.start()
        self.turn_the_pump()
        ui = self.ui
        self.assertTrue(ui.meshProgressRow.visible)
        self.assertEqual(ui.meshProgressBar.value, 42)
        self.assertIn("Making tetrahedra", ui.meshStageLabel.text)
        self.assertEqual([ui.meshButton.enabled, ui.meshCancelButton.enabled, ui.meshChoices.enabled],
                         [False, True, False])
        ui.meshCancelButton.click()
        self.turn_the_pump()
        self.assertTrue(FakeMeshRun.made[-1].cancelled)
        self.assertFalse(ui.meshProgressRow.visible)
        self.assertIn("Nothing half-written", ui.meshResultLabel.text)
        self.assertFalse(ui.meshDetailsButton.visible)
        self.assertTrue(ui.meshButton.enabled)

    def test_a_mesh_that_is_done_says_how_good_it_is_and_where(self) -> None:
        run = self.start()
        self.models.there = ["model"]
        run.end()
        self.turn_the_pump()
        self.assertEqual(self.ui.meshResultLabel.text, "Done in 12 s: 1 200 triangles.")
        self.assertFalse(self.ui.meshNotesButton.visible)
        with mock.patch.object(mesh_section, "open_path") as opened:
            self.ui.meshDetailsButton.click()
            self.ui.meshOpenFolderButton.click()
        self.assertEqual([call.args[0] for call in opened.call_args_list],
                         [self.folder / "mesh" / "heart_report.html", self.folder / "mesh"])
        self.assertFalse(self.parameters.showSurfaces, "the mesh is to be seen")
        self.assertEqual(self.settings.meshes, [(None, 12.3)])

    def test_notes_are_unfolded_on_request(self) -> None:
        self.start().end(["Left out: Lung.", "A wall is thin."])
        self.turn_the_pump()
        self.assertEqual(self.ui.meshNotesButton.text, "2 notes")
        self.assertFalse(self.ui.meshNotesText.visible)
        self.ui.meshNotesButton.click()
        self.assertTrue(self.ui.meshNotesText.visible)
        self.assertEqual(self.ui.meshNotesText.plainText, "Left out: Lung.\nA wall is thin.")

    def test_a_failure_gives_reason_remedy_and_report(self) -> None:
        run = self.start("ep")
        run.error, run.finished = InputError("Aorta consists of 2 pieces.", "Choose to mesh the largest alone."), True
        self.turn_the_pump()
        self.assertEqual(self.ui.meshResultLabel.text, "Aorta consists of 2 pieces. Choose to mesh the largest alone.")
        self.ui.meshCopyReportButton.click()
        self.assertEqual(qt.QApplication.clipboard().text(), "HeartSeg report of a mesh")
        self.assertFalse(self.ui.meshOpenFolderButton.visible)

    def test_a_refusal_at_the_start_is_told(self) -> None:
        FakeMeshRun.refusal = HeartSegError("The disk is full.", "Free some space.")
        self.parameters.result = a_segmentation(a_volume())
        self.ui.meshFolder.currentPath = str(self.folder)
        self.ui.meshButton.click()
        self.assertEqual(self.ui.meshResultLabel.text, "The disk is full. Free some space.")
        self.assertFalse(self.ui.meshProgressRow.visible)
        self.assertTrue(self.ui.meshButton.enabled)

    def test_a_mesh_that_failed_its_check_is_written_only_on_request(self) -> None:
        for button, yes in (("meshAcceptButton", True), ("meshRefuseButton", False)):
            with self.subTest(button):
                run = self.start()
                run.question = "The mesh failed its own check. open edges: 3."
                self.turn_the_pump()
                self.assertTrue(self.ui.meshQuestionRow.visible)
                self.assertFalse(self.ui.meshProgressRow.visible)
                self.assertIn("open edges: 3. Try another edge length", self.ui.meshQuestionLabel.text)
                getattr(self.ui, button).click()
                self.assertEqual(run.answers, [yes])
                self.assertFalse(self.ui.meshQuestionRow.visible)
                run.error, run.finished = CheckError("It failed.", "Try another edge."), True
                self.turn_the_pump()

    def test_an_existing_mesh_is_replaced_only_after_a_question(self) -> None:
        (self.folder / "mesh").mkdir()
        (self.folder / "mesh" / "heart.json").touch()
        self.parameters.result = a_segmentation(a_volume())
        self.ui.meshFolder.currentPath = str(self.folder / "mesh")
        self.ui.meshButton.click()
        self.assertEqual(FakeMeshRun.made, [])
        self.assertIn("heart.json", self.questions.asked[-1])
        self.questions.consent = True
        self.ui.meshButton.click()
        self.assertTrue(FakeMeshRun.made[-1].settings.force)

    def test_a_scene_that_closes_during_the_question_starts_nothing(self) -> None:
        (self.folder / "heart.json").touch()
        self.parameters.result = a_segmentation(a_volume())
        self.ui.meshFolder.currentPath = str(self.folder)

        def close_the_scene(*_texts: str) -> bool:
            self.panel.scene_about_to_close()
            return True

        self.questions.confirm = close_the_scene
        self.ui.meshButton.click()
        self.assertEqual(FakeMeshRun.made, [])

    def test_closing_the_scene_stops_the_mesh(self) -> None:
        run = self.start()
        self.panel.scene_about_to_close()
        self.assertTrue(run.cancelled)
        self.assertFalse(self.ui.meshProgressRow.visible)

    def test_another_result_takes_the_outcome_away_but_not_a_running_mesh(self) -> None:
        run = self.start()
        self.parameters.result = a_segmentation(a_volume("other"))
        self.turn_the_pump()
        self.assertTrue(self.ui.meshProgressRow.visible)
        run.end()
        self.turn_the_pump()
        self.assertTrue(self.ui.meshResultRow.visible)
        self.parameters.result = a_segmentation(a_volume("third"))
        self.assertFalse(self.ui.meshResultRow.visible)

    def test_models_are_shown_by_structure_or_quality_with_or_without_edges(self) -> None:
        self.assertFalse(self.ui.meshDisplayRow.visible)
        run = self.start()
        self.models.there = ["model"]
        run.end()
        self.turn_the_pump()
        self.assertTrue(self.ui.meshDisplayRow.visible)
        self.ui.meshColorSelector.setCurrentIndex(1)
        self.ui.meshEdgesCheckBox.click()
        self.assertEqual((self.models.quality, self.models.edges), (True, True))
        self.ui.meshColorSelector.setCurrentIndex(0)
        self.assertFalse(self.models.quality)


class WithTheTrueChildCase(PanelCase):
    def test_a_click_makes_files_and_models(self) -> None:
        self.parameters.result = heart = a_segmentation(a_volume(), ("LV", "RV"))
        self.parameters.meshFolder = str(Path(self.enterContext(tempfile.TemporaryDirectory())) / "mesh")
        self.panel.meshes.choices.show_parameters()
        self.ui.meshEdgeSpinBox.value = 1.5
        self.ui.meshButton.click()
        end = time.monotonic() + PATIENCE_SECONDS
        while self.panel.meshes.running and time.monotonic() < end:
            slicer.app.processEvents()
            time.sleep(0.01)
        self.assertIn("triangles", self.ui.meshResultLabel.text)
        self.assertTrue((Path(self.parameters.meshFolder) / "heart_stl" / "LV_LPS_mm.stl").is_file())
        self.assertEqual([model.GetName() for model in mesh_models.shown_models(heart)],
                         ["Left ventricle cavity", "Right ventricle cavity"])
        self.assertTrue(self.ui.meshDisplayRow.visible)
