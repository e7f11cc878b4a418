"""The data of a training, by its buttons: segmentations of the scene, an index, or generated hearts."""

from __future__ import annotations

import tempfile
from pathlib import Path

import qt
import slicer

from HeartSeg3DLib.errors import InputError
from HeartSegTrainingLib.scene.training_set import TrainingSet
from training_fakes import TrainingPanelCase, a_case


class SceneDataCase(TrainingPanelCase):
    def show_scene(self) -> None:
        """Let the panel see what was added to the scene, as its timer does."""
        slicer.app.processEvents()

    def tick(self, row: int, on: bool) -> None:
        self.ui.casesTable.item(row, 0).setCheckState(qt.Qt.Checked if on else qt.Qt.Unchecked)

    def test_an_empty_scene_says_what_to_do(self) -> None:
        self.assertFalse(self.ui.casesTable.visible)
        self.assertIn("No segmentation is in the scene", self.ui.dataLabel.text)
        self.assertFalse(self.ui.prepareButton.enabled)
        self.assertFalse(self.ui.startButton.enabled)

    def test_all_that_have_a_scan_are_ticked_and_prepared(self) -> None:
        a_case("One")
        a_case("Two")
        lonely = a_case("Lonely")
        lonely.SetNodeReferenceID("referenceImageGeometryRef", None)
        self.show_scene()
        table = self.ui.casesTable
        self.assertEqual([table.item(row, 0).checkState() == qt.Qt.Checked for row in range(3)], [True, True, False])
        self.assertIn("source volume", table.item(2, 0).toolTip())
        self.assertEqual([table.item(row, 2).text() for row in (0, 2)], ["LV, MYO", "nothing"])
        self.assertIn("Drawn: LV, MYO", table.item(0, 0).toolTip())
        self.ui.prepareButton.click()
        self.assertEqual(self.logic.asked, [("set", ["One heart", "Two heart"], False)])

    def test_prepare_then_start_learns_from_the_set(self) -> None:
        a_case()
        self.show_scene()
        self.assertIn("Prepare", self.ui.reasonLabel.text)
        self.assertFalse(self.ui.startButton.enabled)
        made = self.prepared()
        self.assertIn("LV, MYO", self.ui.dataLabel.text)
        self.assertTrue(self.ui.startButton.enabled)
        self.ui.startButton.click()
        wish = self.logic.asked[-1][1]
        self.assertEqual((wish.index, wish.store), (str(made.index), str(made.store)))

    def test_another_choice_has_to_be_prepared_again(self) -> None:
        a_case("One")
        a_case("Two")
        self.show_scene()
        self.prepared()
        self.tick(1, False)
        self.assertFalse(self.ui.startButton.enabled)
        self.ui.prepareButton.click()
        self.assertEqual(self.logic.asked[-1][1], ["One heart"])

    def test_what_nobody_edited_is_trusted_only_if_said_so(self) -> None:
        a_case()
        self.show_scene()
        self.prepared()
        self.ui.trustCheckBox.click()
        self.assertFalse(self.ui.startButton.enabled)
        self.ui.prepareButton.click()
        self.assertIs(self.logic.asked[-1][2], True)

    def test_progress_is_shown_and_cancel_leaves_nothing(self) -> None:
        a_case()
        self.show_scene()
        self.ui.prepareButton.click()
        self.turn_the_pump()
        self.assertIn("25 %", self.ui.dataLabel.text)
        self.assertFalse(self.ui.startButton.enabled)
        self.assertFalse(self.ui.casesTable.enabled)
        self.ui.cancelPrepareButton.click()
        self.turn_the_pump()
        self.assertTrue(self.logic.task.cancelled)
        self.assertIn("Nothing was prepared", self.ui.newMessageLabel.text)
        self.assertTrue(self.ui.casesTable.enabled)

    def test_a_failure_says_what_helps(self) -> None:
        a_case()
        self.show_scene()
        self.ui.prepareButton.click()
        self.logic.task.fail(InputError("All cases show one person.", "Add another person."))
        self.turn_the_pump()
        self.assertEqual(self.ui.newMessageLabel.text, "All cases show one person. Add another person.")
        self.assertFalse(self.ui.startButton.enabled)

    def test_a_case_that_is_refused_at_once_is_a_message_too(self) -> None:
        a_case()
        self.show_scene()
        self.logic.refusal = InputError("It is empty.", "Draw it.")
        self.ui.prepareButton.click()
        self.assertEqual(self.ui.newMessageLabel.text, "It is empty. Draw it.")
        self.assertTrue(self.ui.prepareButton.enabled)

    def test_warnings_of_the_set_are_told(self) -> None:
        a_case()
        self.show_scene()
        self.ui.prepareButton.click()
        self.logic.task.training_set = TrainingSet(Path("/i"), Path("/s"), 2, ("LV",), ("There are 2 people only.",))
        self.logic.task.finished = True
        self.turn_the_pump()
        self.assertTrue(self.ui.newDetailsButton.visible)
        self.assertIn("2 people", self.ui.newDetailsText.plainText)

    def test_the_scene_closed_while_preparing_forgets_all(self) -> None:
        a_case()
        self.show_scene()
        self.ui.prepareButton.click()
        task = self.logic.task
        self.panel.scene_about_to_close()
        slicer.mrmlScene.Clear()
        self.panel.enter()
        self.assertTrue(task.cancelled)
        self.assertFalse(self.ui.casesTable.visible)
        self.assertFalse(self.panel.training.data.running)


class OtherDataCase(TrainingPanelCase):
    def test_an_index_needs_its_prepared_cases(self) -> None:
        self.ui.indexRadio.click()
        self.assertTrue(self.ui.indexPath.visible)
        self.assertFalse(self.ui.casesTable.visible)
        self.assertIn("index", self.ui.reasonLabel.text)
        with tempfile.TemporaryDirectory() as folder:
            index = Path(folder) / "index.jsonl"
            index.touch()
            self.ui.indexPath.currentPath = str(index)
            self.assertFalse(self.ui.startButton.enabled)
            self.ui.storePath.currentPath = folder
            self.assertTrue(self.ui.startButton.enabled)
            self.ui.startButton.click()
            self.assertEqual(self.logic.asked[-1][1].index, str(index))
            self.assertEqual(self.settings.remembered("store"), folder)

    def test_generated_hearts_need_nothing(self) -> None:
        self.ui.recipeRadio.click()
        self.assertTrue(self.ui.startButton.enabled)
        self.ui.startButton.click()
        self.assertEqual(self.logic.asked[-1][1].index, "")
