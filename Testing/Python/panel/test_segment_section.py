"""The section that segments, by its buttons: every state on the way from an empty scene to a result."""

from __future__ import annotations

import json
from pathlib import Path

import qt
import slicer

from HeartSeg3DLib.errors import DependencyError, InputError
from HeartSeg3DLib.panel.run_choices import ESTIMATED_SECONDS
from panel_fakes import FakeDeviceQuery, PanelCase, a_segmentation, a_volume

LEVELS = Path(__file__).resolve().parents[2] / "Benchmarks" / "results" / "quality_levels.json"


class EmptySceneCase(PanelCase):
    def test_a_sentence_and_a_button_lead_to_the_sample(self) -> None:
        self.assertTrue(self.ui.emptyRow.visible)
        self.assertFalse(self.ui.segmentButton.enabled)
        self.assertEqual(self.ui.segmentButton.toolTip, "Select a scan first.")
        self.ui.sampleButton.click()
        self.assertIsNotNone(self.parameters.scan)
        self.assertFalse(self.ui.emptyRow.visible)
        self.assertTrue(self.ui.segmentButton.enabled)

    def test_label_maps_and_vector_volumes_are_not_offered(self) -> None:
        for kind in ("vtkMRMLLabelMapVolumeNode", "vtkMRMLVectorVolumeNode"):
            slicer.mrmlScene.AddNewNodeByClass(kind)
        self.assertEqual(self.ui.scanSelector.nodeCount(), 0)

    def test_sequences_of_anything_but_volumes_are_not_offered(self) -> None:
        for node in (slicer.vtkMRMLScalarVolumeNode(), slicer.vtkMRMLSegmentationNode()):
            sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", node.GetClassName())
            sequence.SetDataNodeAtValue(node, "0")
        qt.QApplication.processEvents()
        self.assertEqual(self.ui.scanSelector.nodeCount(), 1)
        self.assertEqual(self.ui.scanSelector.nodeFromIndex(0).GetName(), "vtkMRMLScalarVolumeNode")

    def test_an_empty_volume_is_refused_with_the_reason(self) -> None:
        self.parameters.scan = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing")
        self.assertFalse(self.ui.segmentButton.enabled)
        self.assertIn("nothing", self.ui.segmentButton.toolTip)
        self.assertTrue(self.ui.reasonLabel.visible)
        self.assertIn("nothing", self.ui.reasonLabel.text)
        self.parameters.scan = a_volume()
        self.assertFalse(self.ui.reasonLabel.visible)


class DependenciesCase(PanelCase):
    def setUp(self) -> None:
        super().setUp()
        self.parameters.scan = a_volume()
        self.dependencies.now = "missing"

    def test_what_is_missing_is_said_with_one_button(self) -> None:
        self.panel.segment.show_dependencies()
        self.assertIn("200 MB", self.ui.messageLabel.text)
        self.questions.consent = True
        self.ui.remedyButton.click()
        self.assertEqual(self.dependencies.now, "ready")
        self.assertIn("ready", self.ui.messageLabel.text)

    def test_no_means_no(self) -> None:
        self.ui.segmentButton.click()
        self.assertEqual(len(self.questions.asked), 1)
        self.assertEqual(self.dependencies.now, "missing")
        self.assertEqual(self.logic.runs, [])
        self.assertIn("Nothing was installed", self.ui.messageLabel.text)

    def test_yes_installs_and_goes_on_with_the_run(self) -> None:
        self.questions.consent = True
        self.ui.segmentButton.click()
        self.assertEqual(len(self.logic.runs), 1)


class RunCase(PanelCase):
    def setUp(self) -> None:
        super().setUp()
        self.volume = a_volume()
        self.parameters.scan = self.volume

    def start(self):
        self.ui.segmentButton.click()
        return self.logic.runs[-1]

    def finish(self, run, marks=()):
        run.segmentation = run.target or a_segmentation(self.volume)
        run.segmentation.SetAttribute("HeartSeg.Marks", json.dumps(list(marks)))
        run.state = "done"
        self.turn_the_pump()

    def test_the_chosen_settings_reach_the_run(self) -> None:
        self.ui.fastRadio.click()
        self.ui.modalitySelector.setCurrentIndex(2)
        settings = self.start().settings
        self.assertEqual((settings["quality"], settings["modality"], settings["device"]), ("fast", "mr", "auto"))

    def test_progress_and_stage_are_shown_while_it_runs(self) -> None:
        run = self.start()
        run.fraction, run.stage = 0.62, "Fine window 2 of 3"
        self.turn_the_pump()
        self.assertTrue(self.ui.progressRow.visible)
        self.assertEqual(self.ui.progressBar.value, 62)
        self.assertIn("Fine window 2 of 3", self.ui.stageLabel.text)
        self.assertFalse(self.ui.segmentButton.enabled)
        self.assertTrue(self.ui.cancelButton.enabled)
        self.assertFalse(self.ui.scanSelector.enabled)

    def test_cancel_says_that_nothing_changed(self) -> None:
        run = self.start()
        self.ui.cancelButton.click()
        self.turn_the_pump()
        self.assertTrue(run.cancelled)
        self.assertIn("Cancelled", self.ui.messageLabel.text)
        self.assertTrue(self.ui.segmentButton.enabled)
        self.assertFalse(self.ui.progressRow.visible)

    def test_a_failure_shows_sentence_remedy_and_report(self) -> None:
        run = self.start()
        run.error, run.state = InputError("No heart was found.", "Choose a scan of the chest."), "failed"
        self.turn_the_pump()
        self.assertEqual(self.ui.messageLabel.text, "No heart was found. Choose a scan of the chest.")
        self.ui.copyReportButton.click()
        self.assertEqual(qt.QApplication.clipboard().text(), "HeartSeg report")
        self.assertFalse(self.ui.remedyButton.visible)

    def test_a_pytorch_that_the_child_finds_broken_can_be_installed_again_at_once(self) -> None:
        run = self.start()
        self.dependencies.now = "broken"
        run.error, run.state = DependencyError("PyTorch does not work.", "Install it again."), "failed"
        self.turn_the_pump()
        self.questions.consent = True
        self.ui.remedyButton.click()
        self.assertEqual(self.dependencies.now, "ready")
        self.assertFalse(self.ui.remedyButton.visible)

    def test_a_refused_start_leaves_the_button_as_it_was(self) -> None:
        self.logic.refusal = InputError("The volume is empty.", "Choose another one.")
        self.ui.segmentButton.click()
        self.assertIn("The volume is empty.", self.ui.messageLabel.text)
        self.assertTrue(self.ui.segmentButton.enabled)

    def test_a_result_is_chosen_and_its_time_is_remembered(self) -> None:
        run = self.start()
        self.finish(run)
        self.assertIs(self.parameters.result, run.segmentation)
        self.assertIn("Done in 6 s", self.ui.messageLabel.text)
        self.assertEqual(self.ui.standardRadio.text, "standard, 6 s")
        self.assertFalse(self.ui.detailsButton.visible)

    def test_what_to_check_stands_in_the_line_and_in_the_details(self) -> None:
        sentence = "Check RV: its wall is cut by the lower border of the scan."
        self.finish(self.start(), [{"id": "RV", "level": "amber", "sentence": sentence},
                                   {"id": "LV", "level": "grey", "sentence": ""}])
        self.assertIn(sentence, self.ui.messageLabel.text)
        self.assertFalse(self.ui.detailsText.visible)
        self.ui.detailsButton.click()
        self.assertTrue(self.ui.detailsText.visible)
        self.assertEqual(self.ui.detailsText.plainText, sentence)

    def test_a_warning_takes_the_place_of_the_mark_of_the_same_structure(self) -> None:
        run = self.start()
        run.warnings = ["Aorta: cut by the upper border of the image."]
        self.finish(run, [{"id": "AO", "level": "amber", "sentence": "Aorta: it is cut.", "only_cut": True}])
        self.assertEqual(self.ui.messageLabel.text, "Done in 6 s. Aorta: cut by the upper border of the image.")

    def test_a_warning_about_several_structures_takes_the_place_of_their_marks(self) -> None:
        run = self.start()
        run.warnings = ["2 structures are cut by the border of the image: Aorta (right), Pulmonary artery (right)."]
        self.finish(run, [{"id": id, "level": "amber", "sentence": "It is cut.", "only_cut": True}
                          for id in ("AO", "PA", "RV")])
        self.assertIn("And 1 more.", self.ui.messageLabel.text)
        self.assertEqual(len(self.ui.detailsText.plainText.splitlines()), 2)

    def test_what_is_wrong_is_said_first_although_a_warning_names_the_structure_as_cut(self) -> None:
        run = self.start()
        run.warnings = ["3 structures are cut by the border of the image: Aorta, Left atrium, Pulmonary artery."]
        wrong = "Aorta: cut by the upper border of the scan; probably wrong (85 % risk)."
        torn = "Left atrium: cut by the upper border of the scan; in 2 separate pieces, the second of 1.5 mL."
        self.finish(run, [{"id": "LA", "level": "amber", "sentence": torn, "only_cut": False},
                          {"id": "PA", "level": "amber", "sentence": "It is cut.", "only_cut": True},
                          {"id": "AO", "level": "red", "sentence": wrong, "only_cut": False}])
        self.assertEqual(self.ui.messageLabel.text, f"Done in 6 s. {wrong} And 2 more.")
        self.assertEqual(self.ui.detailsText.plainText.splitlines(), [wrong, *run.warnings, torn])

    def test_a_second_run_asks_and_closing_the_question_means_no(self) -> None:
        self.finish(self.start())
        self.ui.segmentButton.click()
        self.assertEqual(len(self.questions.asked), 1)
        self.assertEqual(len(self.logic.runs), 1)

    def test_a_second_run_may_replace(self) -> None:
        self.finish(self.start())
        result = self.parameters.result
        self.questions.replace = "replace"
        self.ui.segmentButton.click()
        self.assertIs(self.logic.runs[-1].target, result)

    def test_keeping_a_copy_is_left_to_the_run_which_makes_it_only_when_it_ends_well(self) -> None:
        self.finish(self.start())
        self.questions.replace = "copy"
        self.ui.segmentButton.click()
        self.assertTrue(self.logic.runs[-1].settings["keep_edits_as_copy"])

    def test_a_scene_that_closes_while_a_question_is_open_starts_nothing(self) -> None:
        volume = a_volume()
        self.parameters.scan, self.parameters.result = volume, a_segmentation(volume)

        def close_the_scene(*_asked: object) -> str:
            self.panel.scene_about_to_close()
            return "replace"

        self.questions.replace_result = close_the_scene
        self.panel.segment.start()
        self.assertEqual(self.logic.runs, [])
        self.assertFalse(self.panel.segment.running)

    def test_a_scene_that_closes_while_something_is_installed_starts_nothing(self) -> None:
        self.parameters.scan = a_volume()
        self.dependencies.now = "missing"

        def close_the_scene(*_asked: object) -> bool:
            self.panel.scene_about_to_close()
            return True

        self.questions.confirm = close_the_scene
        self.panel.segment.start()
        self.assertEqual(self.logic.runs, [])

    def test_closing_the_scene_stops_the_run_without_a_word(self) -> None:
        run = self.start()
        self.panel.scene_about_to_close()
        slicer.mrmlScene.Clear()
        self.panel.enter()
        self.assertTrue(run.cancelled)
        self.assertFalse(self.ui.messageRow.visible)
        self.assertTrue(self.ui.emptyRow.visible)

    def test_leaving_the_module_lets_the_run_go_on(self) -> None:
        run = self.start()
        self.panel.exit()
        self.turn_the_pump()
        self.assertEqual(run.steps, 1)
        self.assertFalse(run.cancelled)


class ExpectedTimeCase(PanelCase):
    def test_a_sequence_takes_as_long_as_all_its_phases(self) -> None:
        self.settings.times["standard", "auto"] = 6.0
        sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "cine")
        for phase in range(30):
            volume = a_volume()
            sequence.SetDataNodeAtValue(volume, str(phase))
            slicer.mrmlScene.RemoveNode(volume)
        self.parameters.scan = sequence
        self.assertEqual(self.ui.standardRadio.text, "standard, 3 min")
        self.assertEqual(self.ui.fastRadio.text, "fast, ~3 min")

    def test_a_computer_on_which_one_quality_is_slower_is_expected_to_be_so_at_the_others(self) -> None:
        self.settings.times["standard", "auto"] = 2.0 * ESTIMATED_SECONDS["standard"]
        self.panel.exit()
        self.panel.enter()
        self.assertEqual(self.ui.fastRadio.text, f"fast, ~{2 * ESTIMATED_SECONDS['fast']} s")
        self.assertEqual(self.ui.bestRadio.text, f"best, ~{2 * ESTIMATED_SECONDS['best']} s")

    def test_best_is_not_expected_to_take_longer_than_it_was_measured(self) -> None:
        measured = json.loads(LEVELS.read_text("utf-8"))["summary"]["real cine MR"]
        seconds = ESTIMATED_SECONDS
        self.assertTrue(1.0 < seconds["best"] / seconds["standard"] <= measured["best"]["times_standard"])
        self.assertTrue(measured["fast"]["times_standard"] <= seconds["fast"] / seconds["standard"] < 1.0)
        self.assertEqual(self.ui.bestRadio.text, f"best, ~{seconds['best']} s")


class DeviceCase(PanelCase):
    def test_devices_are_asked_for_once_and_shown_with_their_memory(self) -> None:
        self.panel.exit()
        self.panel.enter()
        self.assertEqual(FakeDeviceQuery.started, 1)
        self.assertEqual(self.ui.deviceSelector.count, 2)
        self.turn_the_pump(2)
        self.assertEqual(self.ui.deviceSelector.itemText(2), "RTX 3060, 9.8 GB free")
        self.ui.deviceSelector.setCurrentIndex(2)
        self.assertEqual(self.parameters.device, "cuda:0")

    def test_a_loaded_scene_s_choices_are_shown_and_what_is_not_here_becomes_the_first(self) -> None:
        self.turn_the_pump(2)
        parameters = self.parameters
        parameters.quality, parameters.modality, parameters.editMode = "best", "mr", "background"
        parameters.model, parameters.device = "trained elsewhere", "cuda:7"
        self.panel.scene_imported()
        self.assertTrue(self.ui.bestRadio.checked)
        self.assertEqual(self.ui.modalitySelector.currentIndex, 2)
        self.assertTrue(self.ui.backgroundRadio.checked)
        self.assertEqual(parameters.model, self.ui.modelSelector.itemData(0))
        self.assertEqual(parameters.device, "auto")

    def test_the_card_of_the_model_opens(self) -> None:
        self.ui.modelCardButton.click()
        titles = [dialog.windowTitle for dialog in self.form.findChildren("QDialog")]
        self.assertTrue(any("1." in title for title in titles), titles)
