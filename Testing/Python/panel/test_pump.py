"""The panel's timer lets threads work, also those that end a run which nobody watches any more."""

import threading
import time
import unittest
from unittest import mock

import qt

from HeartSeg3DLib.panel.pump import Pump
from HeartSeg3DLib.scene.transfer import BackgroundTask, work_in_background


class PumpTest(unittest.TestCase):
    def setUp(self):
        self.may_end = threading.Event()
        self.parent = qt.QObject()
        self.pump = Pump(self.parent)

    def tearDown(self):
        self.may_end.set()
        self.parent.deleteLater()

    def is_running(self):
        return self.pump._timer.active

    def test_rests_once_every_step_is_done(self):
        self.pump.start(lambda: True)
        self.assertTrue(self.is_running())
        self.pump.tick()
        self.assertFalse(self.is_running())

    def test_lets_threads_work_in_each_turn(self):
        task = BackgroundTask(self.may_end.wait)
        with mock.patch.object(time, "sleep", side_effect=lambda _seconds: self.may_end.set()):
            self.pump.tick()
        self.assertTrue(task.result())

    def test_goes_on_until_the_threads_have_ended_that_a_stopped_step_left_behind(self):
        def step():
            return False

        self.pump.start(step)
        task = BackgroundTask(self.may_end.wait)
        self.pump.stop(step)
        self.pump.tick()
        self.assertTrue(self.is_running())
        self.may_end.set()
        task.join()
        self.pump.tick()
        self.assertFalse(self.is_running())

    def test_a_task_that_failed_counts_as_ended(self):
        def fail():
            raise OSError("the disk is gone")

        task = BackgroundTask(fail)
        task.join()
        self.assertFalse(work_in_background())


if __name__ == "__main__":
    unittest.main()
