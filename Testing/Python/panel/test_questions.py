"""The dialogs themselves, answered by the test runtime: inside Slicer they would wait for a person."""

from __future__ import annotations

import sys
import unittest

import qt

from HeartSeg3DLib.panel.questions import Questions


@unittest.skipUnless("SlicerRuntime" in sys.modules, "only the test runtime can answer dialogs")
class QuestionsCase(unittest.TestCase):
    def setUp(self) -> None:
        from SlicerRuntime import dialogs

        dialogs.clear()
        self.dialogs = dialogs
        self.parent = qt.QWidget()
        self.questions = Questions(self.parent)

    def replace(self, answer: str | None, edited: list[str]) -> str:
        self.dialogs.answer(answer)
        return self.questions.replace_result("CTA heart", edited)

    def test_each_answer_has_its_meaning(self) -> None:
        self.assertEqual(self.replace("Replace", ["Aorta"]), "replace")
        self.assertEqual(self.replace("Keep edits as a copy", ["Aorta"]), "copy")
        self.assertEqual(self.replace("Cancel", ["Aorta"]), "cancel")
        self.assertIn("Aorta", self.dialogs.asked[-1][2])

    def test_closing_the_question_means_cancel(self) -> None:
        self.assertEqual(self.replace(None, []), "cancel")

    def test_consent_is_given_by_its_button_alone(self) -> None:
        for answer, expected in (("Install", True), ("Cancel", False), (None, False)):
            self.dialogs.answer(answer)
            self.assertIs(self.questions.confirm("Install PyTorch?", "Install"), expected)

    def test_no_file_is_an_empty_text(self) -> None:
        self.dialogs.answer("", None)
        self.assertEqual(self.questions.open_file("Import", "*.zip"), "")
        self.assertEqual(self.questions.save_file("Save", "report.html", "*.html"), "")
