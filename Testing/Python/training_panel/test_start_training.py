"""The section that starts a training, by its buttons: stage, start, recipe, estimate, and what may be missing."""

from __future__ import annotations

from HeartSeg3DLib.errors import DeviceError, HeartSegError
from training_fakes import FakeWatch, TrainingPanelCase, a_job


class StartCase(TrainingPanelCase):
    def setUp(self) -> None:
        super().setUp()
        self.ui.recipeRadio.click()

    def stage(self, kind: str) -> None:
        self.ui.stageSelector.setCurrentIndex(self.ui.stageSelector.findData(kind))

    def starts(self) -> list[str]:
        selector = self.ui.startSelector
        return [selector.itemData(number) for number in range(selector.count)]

    def test_what_is_chosen_is_started_under_its_name(self) -> None:
        self.ui.recipeSelector.setCurrentIndex(1)
        self.ui.nameEdit.text = "our hearts"
        self.ui.startButton.click()
        _what, wish, name = self.logic.asked[-1]
        self.assertEqual((wish.kind, wish.recipe, wish.start, name), ("finetune", "lab", "model:tiny", "our hearts"))

    def test_a_device_can_be_chosen_and_is_the_recipe_s_otherwise(self) -> None:
        self.ui.startButton.click()
        self.assertIsNone(self.logic.asked[-1][1].changes)
        self.logic.task.finished = True
        self.turn_the_pump()
        self.ui.deviceSelector.setCurrentIndex(self.ui.deviceSelector.findData("cpu"))
        self.ui.startButton.click()
        self.assertEqual(self.logic.asked[-1][1].changes, {"device": "cpu"})
        self.assertFalse(self.ui.deviceSelector.enabled)

    def test_what_becomes_of_the_recipe_s_data_is_said(self) -> None:
        self.ui.startButton.click()
        self.logic.task.finished, self.logic.task.notes = True, ("Generated hearts are mixed in.",)
        self.turn_the_pump()
        self.assertTrue(self.ui.newMessageLabel.text.endswith("Generated hearts are mixed in."))

    def test_a_name_is_suggested_for_each_stage(self) -> None:
        self.assertTrue(self.ui.nameEdit.text.startswith("finetune-"))
        self.stage("ssl")
        self.assertTrue(self.ui.nameEdit.text.startswith("ssl-"))

    def test_refining_waits_for_a_pretraining(self) -> None:
        self.stage("ressl")
        self.assertFalse(self.ui.startButton.enabled)
        self.assertIn("pretraining job", self.ui.reasonLabel.text)
        self.show_jobs(a_job("first", "finished", "ssl"))
        self.assertTrue(self.ui.startButton.enabled)
        self.assertEqual(len(self.starts()), 1)

    def test_jobs_that_appear_do_not_change_what_is_chosen(self) -> None:
        self.ui.startSelector.setCurrentIndex(self.ui.startSelector.findData("scratch"))
        self.show_jobs(a_job("first", "finished", "ssl"))
        self.assertIn("job:", " ".join(self.starts()))
        self.assertEqual(self.starts()[self.ui.startSelector.currentIndex], "scratch")

    def test_while_a_job_starts_nothing_else_can_be_started(self) -> None:
        self.ui.startButton.click()
        self.turn_the_pump()
        self.assertFalse(self.ui.startButton.enabled)
        self.assertIn("Working", self.ui.estimateLabel.text)
        self.logic.task.finished = True
        self.turn_the_pump()
        self.assertTrue(self.ui.startButton.enabled)
        self.assertIn("goes on when 3D Slicer is closed", self.ui.newMessageLabel.text)

    def test_a_job_that_has_begun_is_selected(self) -> None:
        self.show_jobs(a_job("older"))
        FakeWatch.jobs = (a_job("older"), a_job("newer", "starting"))
        self.ui.nameEdit.text = "newer"
        self.ui.startButton.click()
        self.logic.task.finished = True
        self.turn_the_pump(2)
        self.assertEqual(self.panel.jobs.job.name, "newer")

    def test_a_job_that_cannot_begin_says_why(self) -> None:
        self.ui.startButton.click()
        self.logic.task.fail(DeviceError("There is not enough memory.", "Choose a smaller window."))
        self.turn_the_pump()
        self.assertEqual(self.ui.newMessageLabel.text, "There is not enough memory. Choose a smaller window.")
        self.assertTrue(self.ui.startButton.enabled)

    def test_choices_are_there_again_in_the_next_session(self) -> None:
        self.ui.recipeSelector.setCurrentIndex(1)
        self.ui.startSelector.setCurrentIndex(self.ui.startSelector.findData("scratch"))
        self.ui.startButton.click()
        self.close()
        self.open()
        self.assertEqual(self.ui.recipeSelector.currentText, "lab")
        self.assertEqual(self.starts()[self.ui.startSelector.currentIndex], "scratch")

    def test_an_unloaded_module_calls_nothing_and_stops_no_job(self) -> None:
        self.ui.startButton.click()
        self.panel.cleanup()
        self.turn_the_pump(2)
        self.assertNotIn("stop", [what[0] for what in self.logic.asked])


class EstimateCase(TrainingPanelCase):
    def setUp(self) -> None:
        super().setUp()
        self.ui.recipeRadio.click()

    def answer(self, **values: object) -> None:
        said = {"total_seconds": 600.0, "steps": 400, "device": "cpu", "memory_bytes": 2.1e9, "disk_bytes": 3e8,
                "warnings": [], **values}
        self.estimates.request.result, self.estimates.request.finished = {"estimate": said}, True
        self.turn_the_pump()

    def test_time_memory_and_disk_are_told(self) -> None:
        self.ui.estimateButton.click()
        self.assertEqual(self.ui.estimateButton.text, "Cancel")
        self.answer()
        self.assertEqual(self.ui.estimateLabel.text,
                         "10 min for 400 steps on cpu, 2.1 GB of memory, 0.3 GB on the disk.")
        self.assertEqual(self.ui.estimateButton.text, "Estimate")

    def test_what_does_not_fit_is_told(self) -> None:
        self.ui.estimateButton.click()
        self.answer(warnings=["Memory may not suffice."])
        self.assertIn("Memory may not suffice.", self.ui.estimateLabel.text)

    def test_another_choice_makes_it_void(self) -> None:
        self.ui.estimateButton.click()
        self.answer()
        self.ui.recipeSelector.setCurrentIndex(1)
        self.assertFalse(self.ui.estimateLabel.visible)

    def test_it_can_be_cancelled(self) -> None:
        self.ui.estimateButton.click()
        self.ui.estimateButton.click()
        self.assertTrue(self.estimates.request.closed)
        self.assertFalse(self.ui.estimateLabel.visible)

    def test_a_failure_is_a_message(self) -> None:
        self.ui.estimateButton.click()
        self.estimates.request.fail(HeartSegError("It cannot work.", "Change it."))
        self.turn_the_pump()
        self.assertEqual(self.ui.newMessageLabel.text, "It cannot work. Change it.")


class DependenciesCase(TrainingPanelCase):
    def setUp(self) -> None:
        super().setUp()
        self.ui.recipeRadio.click()
        self.dependencies.now = "missing"

    def test_what_is_missing_is_said_with_one_button(self) -> None:
        self.panel.enter()
        self.assertIn("10 MB", self.ui.newMessageLabel.text)
        self.questions.consent = True
        self.ui.newRemedyButton.click()
        self.assertEqual(self.dependencies.now, "ready")
        self.assertIn("Installed", self.ui.newMessageLabel.text)

    def test_no_means_no(self) -> None:
        for button in (self.ui.startButton, self.ui.estimateButton):
            button.click()
        self.assertEqual(len(self.questions.asked), 2)
        self.assertEqual((self.logic.asked, self.estimates.wishes), ([], []))
        self.assertIn("Nothing was installed", self.ui.newMessageLabel.text)

    def test_yes_installs_and_goes_on(self) -> None:
        self.questions.consent = True
        self.ui.startButton.click()
        self.assertEqual(self.logic.asked[-1][0], "job")

    def test_without_them_nobody_looks_for_jobs(self) -> None:
        before = FakeWatch.looks
        self.panel.jobs.look()
        self.assertEqual(FakeWatch.looks, before)
