"""What developers use in a module's panel: reloading it, its settings, and parameters of Slicer's rarer widgets."""

import unittest
from pathlib import Path

import ctk
import qt
import slicer

import SlicerRuntime

MODULE = Path(__file__).parent / "example" / "ExampleModule.py"


class DeveloperSectionTest(unittest.TestCase):
    def setUp(self):
        slicer.app.userSettings().setValue("Developer/DeveloperMode", True)
        self.window = SlicerRuntime.show_module(SlicerRuntime.load_module(MODULE))

    def tearDown(self):
        SlicerRuntime.leave_module(self.window)
        slicer.app.userSettings().remove("Developer/DeveloperMode")

    def test_the_button_makes_the_widget_anew_and_leaves_it_to_enter(self):
        before = self.window.self()
        button = next(b for b in self.window.findChildren(qt.QPushButton) if b.text == "Reload")
        button.click()
        SlicerRuntime.process_events()
        self.assertIsNot(self.window.self(), before)
        self.assertIs(slicer.modules.ExampleModuleWidget, self.window.self())
        self.assertTrue(self.window.isEntered)

    def test_the_settings_of_qt_are_those_of_the_application(self):
        self.assertEqual(qt.QSettings().fileName(), slicer.app.userSettings().fileName())
        self.assertTrue(slicer.util.settingsValue("Developer/DeveloperMode", False, converter=slicer.util.toBool))


class RangeWidgetsTest(unittest.TestCase):
    def test_values_stay_within_the_range_and_are_told(self):
        for kind in (ctk.ctkRangeWidget, ctk.ctkDoubleRangeSlider, slicer.qMRMLRangeWidget):
            with self.subTest(kind=kind.__name__):
                widget, told = kind(), []
                widget.connect("valuesChanged(double,double)", lambda *values, told=told: told.append(values))
                widget.setRange(-10.0, 10.0)
                widget.setValues(-20.0, 5.0)
                self.assertEqual((widget.minimumValue, widget.maximumValue), (-10.0, 5.0))
                self.assertEqual(told[-1], (-10.0, 5.0))

    def test_a_slider_keeps_digits_that_its_steps_do_not_have(self):
        for kind in (ctk.ctkDoubleSlider, slicer.qMRMLSliderWidget, slicer.qMRMLSpinBox):
            with self.subTest(kind=kind.__name__):
                widget, told = kind(), []
                widget.connect("valueChanged(double)", told.append)
                widget.minimum, widget.maximum = 0.0, 2.0
                widget.value = 1.23
                self.assertEqual((widget.value, told), (1.23, [1.23]))
