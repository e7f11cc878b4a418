"""The section that lists the jobs, by its buttons: state, time left, curves, stop, resume, log, model."""

from __future__ import annotations

import slicer

from HeartSeg3DLib.errors import InputError, ModelError, UsageError
from training_fakes import COLUMNS, FakeWatch, TrainingPanelCase, a_job


class ListCase(TrainingPanelCase):
    def cells(self, row: int) -> list[str]:
        return [self.ui.jobsTable.item(row, column).text() for column in range(4)]

    def test_before_the_first_job_a_sentence(self) -> None:
        self.assertTrue(self.ui.noJobsLabel.visible)
        self.assertFalse(self.ui.jobsRow.visible)

    def test_state_and_time_left_of_each(self) -> None:
        self.show_jobs(a_job("mine"), a_job("old", "finished", "ssl"), a_job("dead", "silent", reason="Killed."))
        self.assertFalse(self.ui.noJobsLabel.visible)
        self.assertEqual(self.cells(0), ["mine", "fine-tune", "30 %", "3 min"])
        self.assertEqual(self.cells(1), ["old", "pretrain", "✔ finished", ""])
        self.assertEqual(self.cells(2)[2], "✘ ended early")

    def test_the_first_is_selected_and_described(self) -> None:
        self.show_jobs(a_job("mine"), a_job("other"))
        self.assertEqual(self.panel.jobs.job.name, "mine")
        self.assertIn("Step 120 of 400, loss 0.532, Dice 0.71", self.ui.jobLabel.text)

    def test_a_stopped_job_says_that_nothing_is_lost(self) -> None:
        self.show_jobs(a_job("mine", "stopped", reason="asked by the STOP file"))
        self.assertTrue(self.ui.jobLabel.text.endswith("Its checkpoint is written."))

    def test_a_failed_job_says_why(self) -> None:
        self.show_jobs(a_job("dead", "failed", reason="The disk is full; make room, then resume."))
        self.assertIn("make room", self.ui.jobLabel.text)

    def test_a_selection_survives_a_look_and_the_session(self) -> None:
        self.show_jobs(a_job("mine"), a_job("other"))
        self.ui.jobsTable.setCurrentCell(1, 0)
        self.show_jobs(a_job("new", "starting"), a_job("mine"), a_job("other"))
        self.assertEqual(self.panel.jobs.job.name, "other")
        self.assertEqual(self.ui.jobsTable.currentRow(), 2)
        self.close()
        self.open()
        self.assertEqual(self.panel.jobs.job.name, "other")

    def test_a_list_that_cannot_be_read_is_a_message(self) -> None:
        FakeWatch.error = InputError("The list of known jobs cannot be read.", "Remove it.")
        self.panel.jobs.look()
        self.turn_the_pump()
        self.assertIn("Remove it.", self.ui.jobMessageLabel.text)

    def test_nobody_looks_while_another_module_is_in_view(self) -> None:
        self.assertTrue(self.panel.jobs._timer.active)
        self.panel.exit()
        self.assertFalse(self.panel.jobs._timer.active)


class CurvesCase(TrainingPanelCase):
    def test_loss_and_dice_are_drawn(self) -> None:
        self.show_jobs(a_job())
        for label in (self.ui.lossCurve, self.ui.diceCurve):
            self.assertTrue(label.visible)
            self.assertFalse(label.pixmap.isNull())

    def test_a_new_line_of_figures_is_drawn(self) -> None:
        self.show_jobs(a_job())
        before = self.ui.lossCurve.pixmap.toImage()
        FakeWatch.columns = {**COLUMNS, "loss": (1.9, 1.2, 0.1)}
        self.show_jobs(a_job())
        self.assertNotEqual(self.ui.lossCurve.pixmap.toImage(), before)

    def test_more_points_than_pixels_are_drawn_up_to_the_last(self) -> None:
        steps = tuple(float(step) for step in range(20_000))
        FakeWatch.columns = {"step": steps, "loss": (*([1.0] * 19_999), 0.0)}
        self.show_jobs(a_job())
        until_the_end = self.ui.lossCurve.pixmap.toImage()
        FakeWatch.columns = {"step": steps, "loss": (1.0,) * 20_000}
        self.show_jobs(a_job())
        self.assertNotEqual(self.ui.lossCurve.pixmap.toImage(), until_the_end)

    def test_a_job_without_figures_has_none(self) -> None:
        FakeWatch.columns = {}
        self.show_jobs(a_job("new", "starting"))
        self.assertFalse(self.ui.curvesRow.visible)
        self.assertFalse(self.ui.plotButton.enabled)

    def test_the_large_plot_follows_the_job(self) -> None:
        self.show_jobs(a_job())
        self.ui.plotButton.click()
        chart = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLPlotChartNode")
        table = chart.GetNthPlotSeriesNode(0).GetTableNode()
        self.assertEqual(list(slicer.util.arrayFromTableColumn(table, "Loss (training)")), [1.9, 1.2, 0.9])
        FakeWatch.columns = {**COLUMNS, "loss": (1.9, 1.2, 0.1)}
        self.show_jobs(a_job())
        self.assertEqual(list(slicer.util.arrayFromTableColumn(table, "Loss (training)")), [1.9, 1.2, 0.1])


class ActionsCase(TrainingPanelCase):
    def test_a_running_job_can_be_stopped(self) -> None:
        self.show_jobs(a_job())
        self.assertFalse(self.ui.resumeButton.enabled)
        self.ui.stopButton.click()
        self.assertEqual(self.logic.asked, [("stop", self.panel.jobs.job.folder)])
        self.assertIn("checkpoint", self.ui.jobMessageLabel.text)

    def test_a_job_that_has_ended_meanwhile_says_so(self) -> None:
        self.show_jobs(a_job())
        self.logic.refusal = UsageError("The job is not running.", "There is nothing to stop.")
        self.ui.stopButton.click()
        self.assertIn("nothing to stop", self.ui.jobMessageLabel.text)

    def test_a_stopped_job_can_go_on(self) -> None:
        self.show_jobs(a_job(state="stopped"))
        self.assertFalse(self.ui.stopButton.enabled)
        self.ui.resumeButton.click()
        self.assertFalse(self.ui.resumeButton.enabled)
        self.logic.task.finished = True
        self.turn_the_pump()
        self.assertIn("goes on", self.ui.jobMessageLabel.text)

    def test_a_job_that_cannot_go_on_says_why(self) -> None:
        self.show_jobs(a_job(state="failed"))
        self.ui.resumeButton.click()
        self.logic.task.fail(UsageError("Its data changed.", "Restore the index."))
        self.turn_the_pump()
        self.assertEqual(self.ui.jobMessageLabel.text, "Its data changed. Restore the index.")

    def test_a_finished_job_has_nothing_left_to_do(self) -> None:
        self.show_jobs(a_job(state="finished"))
        self.assertFalse(self.ui.stopButton.enabled)
        self.assertFalse(self.ui.resumeButton.enabled)
        self.assertTrue(self.ui.useModelButton.enabled)

    def test_the_model_of_a_running_job_goes_to_heartseg3d(self) -> None:
        self.show_jobs(a_job())
        self.ui.useModelButton.click()
        self.assertFalse(self.ui.useModelButton.enabled)
        self.control.request.result, self.control.request.finished = {"id": "job-1", "title": "mine, step 100"}, True
        self.turn_the_pump()
        self.assertIn("mine, step 100", self.ui.jobMessageLabel.text)
        self.ui.jobRemedyButton.click()
        self.assertEqual(self.heartseg3d.opened, ["job-1"])

    def test_where_a_checkpoint_was_best_on_other_cases_it_can_be_chosen(self) -> None:
        self.show_jobs(a_job("mine"), a_job("other"))
        self.assertFalse(self.ui.checkpointSelector.visible)
        self.ui.useModelButton.click()
        self.control.request.fail(ModelError("There is no checkpoint yet.", "Wait for the first one."))
        self.turn_the_pump()
        FakeWatch.best = 90
        self.show_jobs(a_job("mine"), a_job("other"))
        self.assertTrue(self.ui.checkpointSelector.visible)
        self.assertIn("step 90", self.ui.checkpointSelector.itemText(1))
        self.ui.checkpointSelector.setCurrentIndex(1)
        self.show_jobs(a_job("mine"), a_job("other"))  # a look does not change what is chosen
        self.ui.useModelButton.click()
        self.assertEqual([which for _folder, which in self.control.used], ["newest", "best"])
        self.ui.jobsTable.setCurrentCell(1, 0)
        self.turn_the_pump(2)
        self.assertIn("newest", self.ui.checkpointSelector.currentText)

    def test_any_checkpoint_that_is_kept_can_be_chosen_and_stays_chosen_when_a_newer_one_comes(self) -> None:
        FakeWatch.kept = (100,)
        self.show_jobs(a_job("mine"))
        self.assertFalse(self.ui.checkpointSelector.visible)
        FakeWatch.kept, FakeWatch.best = (100, 80), 90
        self.show_jobs(a_job("mine"))
        selector = self.ui.checkpointSelector
        texts = [selector.itemText(number) for number in range(selector.count)]
        self.assertEqual(texts, ["newest, step 100", "best on other cases, step 90", "step 80"])
        selector.setCurrentIndex(2)
        FakeWatch.kept = (120, 100, 80)
        self.show_jobs(a_job("mine"))
        self.assertEqual(selector.currentText, "step 80")
        self.ui.useModelButton.click()
        self.assertEqual(self.control.used[-1][1], "step_0000080")
        self.control.request.fail(ModelError("There is no checkpoint 'step_0000080'.", "It has: step_0000120."))
        self.turn_the_pump()
        FakeWatch.kept = (120, 100)
        self.show_jobs(a_job("mine"))  # one that has been removed is not offered any more
        self.assertEqual(selector.currentText, "newest, step 120")

    def test_a_model_that_cannot_be_made_says_why(self) -> None:
        self.show_jobs(a_job())
        self.ui.useModelButton.click()
        self.control.request.fail(ModelError("There is no checkpoint yet.", "Wait for the first one."))
        self.turn_the_pump()
        self.assertIn("Wait for the first one", self.ui.jobMessageLabel.text)
        self.assertTrue(self.ui.useModelButton.enabled)

    def test_before_a_checkpoint_and_of_pretraining_there_is_no_model(self) -> None:
        self.show_jobs(a_job("new", "starting"))
        self.assertFalse(self.ui.useModelButton.enabled)
        self.show_jobs(a_job("first", "finished", "ssl"))
        self.assertFalse(self.ui.useModelButton.enabled)
        self.assertIn("Only fine-tuning", self.ui.useModelButton.toolTip)

    def test_the_log_is_folded_out(self) -> None:
        self.show_jobs(a_job("mine"))
        self.assertFalse(self.ui.logText.visible)
        self.ui.logButton.click()
        self.assertEqual(self.ui.logText.plainText, "log of mine")

    def test_a_job_that_ended_can_be_hidden(self) -> None:
        self.show_jobs(a_job())
        self.assertFalse(self.ui.forgetButton.enabled)
        self.show_jobs(a_job(state="gone"))
        self.ui.forgetButton.click()
        self.assertEqual(self.control.forgotten, [self.panel.jobs.job.folder])
