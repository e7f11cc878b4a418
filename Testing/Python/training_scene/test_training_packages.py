"""What training needs beyond segmenting comes with one question, and nothing without a yes."""

from __future__ import annotations

import subprocess
import unittest
from typing import Any
from unittest import mock

import slicer

from HeartSeg3DLib.errors import DependencyError
from HeartSeg3DLib.scene import dependencies
from HeartSegTrainingLib.scene import training_dependencies


class InstallTest(unittest.TestCase):
    def setUp(self) -> None:
        self.here = {"blosc2": True, "filelock": True}
        self.base = "ready"
        self.asked: list[str] = []
        self.packages: list[list[str]] = []
        self.enterContext(mock.patch.object(training_dependencies, "_is_installed", lambda name: self.here[name]))
        self.enterContext(mock.patch.object(dependencies, "state", self.base_state))
        self.enterContext(mock.patch.object(dependencies, "explanation", return_value="PyTorch (200 MB)."))
        self.enterContext(mock.patch.object(dependencies, "install", self.install_base))
        self.enterContext(mock.patch.object(slicer.packaging, "pip_ensure", self.pip_ensure))

    def base_state(self) -> str:
        return self.base

    def install_base(self, ask: Any) -> bool:
        if not ask("HeartSeg needs PyTorch (200 MB)."):
            return False
        self.base = "ready"
        return True

    def pip_ensure(self, requirements: list[str], **options: Any) -> None:
        self.assertFalse(options["prompt_install"])
        self.packages.append(requirements)
        self.here.update(dict.fromkeys(self.here, True))

    def ask(self, answer: Any) -> Any:
        def say(text: str) -> Any:
            self.asked.append(text)
            return answer

        return say

    def test_nothing_is_asked_when_all_is_there(self) -> None:
        self.assertEqual(training_dependencies.state(), "ready")
        self.assertTrue(training_dependencies.install(self.ask(False)))
        self.assertEqual(self.asked, [])

    def test_what_is_missing_beyond_pytorch_is_named(self) -> None:
        self.here["blosc2"] = False
        self.assertEqual(training_dependencies.state(), "missing")
        self.assertTrue(training_dependencies.install(self.ask(True)))
        self.assertIn("blosc2 (10 MB)", self.asked[0])
        self.assertEqual(self.packages, [["blosc2>=3.12"]])

    def test_one_question_for_pytorch_and_the_rest(self) -> None:
        self.here["blosc2"], self.base = False, "missing"
        self.assertTrue(training_dependencies.install(self.ask(True)))
        self.assertEqual(len(self.asked), 1)
        for word in ("PyTorch", "blosc2"):
            self.assertIn(word, self.asked[0])
        self.assertEqual(len(self.packages), 1)

    def test_no_and_a_closed_question_install_nothing(self) -> None:
        for base in ("ready", "missing"):
            for no in (False, None):
                with self.subTest(base=base, no=no):
                    self.here["blosc2"], self.base = False, base
                    self.assertFalse(training_dependencies.install(self.ask(no)))
                    self.assertEqual(self.packages, [])

    def test_a_broken_pytorch_is_broken_here_too(self) -> None:
        self.base = "broken"
        self.assertEqual(training_dependencies.state(), "broken")

    def test_a_failed_download_is_one_sentence(self) -> None:
        self.here["blosc2"] = False
        failure = subprocess.CalledProcessError(1, ["pip"])
        with mock.patch.object(slicer.packaging, "pip_ensure", side_effect=failure), \
                self.assertRaisesRegex(DependencyError, "internet"):
            training_dependencies.install(self.ask(True))
