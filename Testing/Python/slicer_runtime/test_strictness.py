"""The runtime refuses what PythonQt refuses."""

import unittest

import ctk
import qt
import slicer

import SlicerRuntime
from SlicerRuntime import dialogs
from SlicerRuntime.dialogs import UnansweredDialogError


class PropertiesTest(unittest.TestCase):
    def test_properties_are_attributes(self):
        button = qt.QPushButton("Run")
        button.enabled = False
        self.assertEqual((button.text, button.isEnabled()), ("Run", False))
        with self.assertRaisesRegex(TypeError, "not callable"):
            button.text()

    def test_nothing_can_be_invented_on_objects_of_cpp(self):
        for widget in (qt.QPushButton(), ctk.ctkCollapsibleButton(), slicer.qMRMLNodeComboBox(), slicer.app):
            with self.subTest(widget=widget), self.assertRaisesRegex(AttributeError, "not allowed"):
                widget.enable = True
        with self.assertRaisesRegex(AttributeError, "not allowed"):
            qt.QLabel()._mine = 1

    def test_python_classes_may_have_attributes_of_their_own(self):
        class Row(qt.QWidget):
            pass

        row = Row()
        row.chamber = "LV"
        self.assertEqual(row.chamber, "LV")

    def test_methods_cannot_be_replaced(self):
        with self.assertRaisesRegex(AttributeError, "cannot be replaced"):
            qt.QPushButton().setText = "Run"

    def test_values_of_the_wrong_type_are_refused(self):
        with self.assertRaises(ValueError):
            qt.QProgressBar().value = "half"
        with self.assertRaises(ValueError):
            slicer.qMRMLNodeComboBox().noneEnabled = "yes"

    def test_read_only_properties_are_refused(self):
        with self.assertRaisesRegex(AttributeError, "read-only"):
            qt.QComboBox().count = 3

    def test_single_shot_is_a_function(self):
        timer = qt.QTimer()
        with self.assertRaises(AttributeError):
            timer.singleShot = True
        timer.setSingleShot(True)
        called = []
        qt.QTimer.singleShot(0, lambda: called.append(1))
        self.assertTrue(SlicerRuntime.process_events(1, until=lambda: called))

    def test_methods_of_cpp_take_no_keywords(self):
        with self.assertRaisesRegex(TypeError, "keyword"):
            qt.QPushButton().setText(text="Run")


class SignalsTest(unittest.TestCase):
    def test_surplus_arguments_are_dropped(self):
        button, calls = qt.QPushButton(), []
        button.connect("clicked(bool)", lambda: calls.append("none"))
        button.connect("clicked(bool)", lambda checked: calls.append(checked))
        button.click()
        self.assertEqual(calls, ["none", False])

    def test_unknown_signals_fail(self):
        for widget, signal in (
            (qt.QPushButton(), "pushed()"),
            (qt.QPushButton(), "clicked(int)"),
            (slicer.qMRMLNodeComboBox(), "currentNodeChanged(int)"),
            (ctk.ctkCollapsibleButton(), "collapsed(bool)"),
        ):
            with self.subTest(signal=signal), self.assertRaisesRegex(ValueError, "has no signal"):
                widget.connect(signal, print)

    def test_disconnect_undoes_one_connection(self):
        button, calls = qt.QPushButton(), []

        def called():
            calls.append(1)

        button.connect("clicked()", called)
        self.assertTrue(button.disconnect("clicked()", called))
        self.assertFalse(button.disconnect("clicked()", called))
        button.click()
        self.assertEqual(calls, [])

    def test_signals_of_stand_ins_have_their_cpp_signature(self):
        box, folds = ctk.ctkCollapsibleButton(), []
        box.connect("contentsCollapsed(bool)", folds.append)
        box.collapsed = True
        self.assertEqual(folds, [True])

    def test_errors_in_slots_are_kept(self):
        button = qt.QPushButton()
        button.connect("clicked()", lambda: 1 / 0)
        button.click()
        self.assertIsInstance(SlicerRuntime.slot_failures()[0], ZeroDivisionError)


class DialogsTest(unittest.TestCase):
    def test_a_question_without_an_answer_fails(self):
        with self.assertRaises(UnansweredDialogError):
            slicer.util.confirmYesNoDisplay("Really?")

    def test_answers_press_buttons(self):
        dialogs.answer("Yes", "No", None)
        answers = [slicer.util.confirmYesNoDisplay("Really?") for _ in range(3)]
        self.assertEqual(answers, [True, False, False])

    def test_buttons_of_ones_own_are_answered_by_their_text(self):
        box = qt.QMessageBox()
        box.addButton("Replace", qt.QMessageBox.AcceptRole)
        copy = box.addButton("Keep edits as a copy", qt.QMessageBox.AcceptRole)
        dialogs.answer("Keep edits as a copy")
        box.exec_()
        self.assertIs(box.clickedButton(), copy)

    def test_file_dialogs_give_text(self):
        dialogs.answer("/tmp/report.html", None)
        self.assertEqual(qt.QFileDialog.getSaveFileName(None, "Save", "", "*.html"), "/tmp/report.html")
        self.assertEqual(qt.QFileDialog.getOpenFileName(), "")


class FindingTest(unittest.TestCase):
    def test_children_are_found_by_the_name_of_their_class(self):
        widget = qt.QWidget()
        layout = qt.QVBoxLayout(widget)
        for name in ("one", "two"):
            button = qt.QPushButton(name)
            button.name = name
            layout.addWidget(button)
        self.assertEqual([b.name for b in widget.findChildren("QPushButton")], ["one", "two"])
        self.assertEqual(widget.findChild(qt.QPushButton, "two").className(), "QPushButton")
        self.assertEqual(slicer.qMRMLNodeComboBox().className(), "qMRMLNodeComboBox")
