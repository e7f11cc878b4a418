import unittest
from pathlib import Path

import numpy as np
import slicer

import SlicerRuntime
from SlicerRuntime import dialogs

EXAMPLE = Path(__file__).parent / "example" / "ExampleModule.py"


class ExampleModuleTest(unittest.TestCase):
    def setUp(self):
        self.module = SlicerRuntime.load_module(EXAMPLE)
        self.window = SlicerRuntime.show_module(self.module)
        self.panel = self.window.self()
        self.addCleanup(SlicerRuntime.leave_module, self.window)

    def add_volume(self):
        voxels = np.zeros((8, 8, 8), np.int16)
        voxels[2:6, 2:6, 2:6] = 300
        volume = slicer.util.addVolumeFromArray(voxels, name="CT")
        SlicerRuntime.process_events()
        return volume

    def test_a_new_volume_is_chosen_and_enables_the_button(self):
        self.assertFalse(self.panel.ui.applyButton.enabled)
        volume = self.add_volume()
        self.assertIs(self.panel.parameters.scan, volume)
        self.assertTrue(self.panel.ui.applyButton.enabled)

    def test_widgets_and_parameters_follow_each_other(self):
        self.panel.ui.quality.setCurrentIndex(0)
        self.assertEqual(self.panel.parameters.quality, "fast")
        self.panel.parameters.threshold = 120.0
        self.assertEqual(self.panel.ui.threshold.value, 120.0)
        self.panel.ui.smooth.checked = False
        self.assertFalse(self.panel.parameters.smooth)
        with self.assertRaises(ValueError):
            self.panel.parameters.quality = "worst"

    def test_yes_makes_a_segmentation_that_the_editor_shows(self):
        self.add_volume()
        dialogs.answer("Yes")
        self.panel.ui.applyButton.click()
        self.assertEqual(self.panel.ui.status.text, "Done")
        self.assertEqual(self.panel.ui.editor.currentSegmentID(), "bright")
        voxels = slicer.util.arrayFromSegmentBinaryLabelmap(self.panel.parameters.result, "bright")
        self.assertEqual(int(voxels.sum()), 64)

    def test_closing_the_question_means_no(self):
        self.add_volume()
        dialogs.answer(None)
        self.panel.ui.applyButton.click()
        self.assertEqual(self.panel.ui.status.text, "No")
