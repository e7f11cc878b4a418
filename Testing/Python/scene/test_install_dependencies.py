"""Nothing is installed without a yes; PyTorch comes through its extension, whichever version of it is there."""

from __future__ import annotations

import importlib.machinery
import platform
import subprocess
import sys
import types
import unittest
from collections.abc import Callable
from typing import Any
from unittest import mock

import slicer

from HeartSeg3DLib.errors import DependencyError
from HeartSeg3DLib.scene import dependencies


class FakeTorchLogic:
    """PyTorchUtils as it is today."""

    def __init__(self, installed: dict[str, str | None]) -> None:
        self.installed = installed
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def installTorch(self, askConfirmation: bool = False, forceComputationBackend: str | None = None,
                     torchVersionRequirement: str | None = None) -> Any:
        self.calls.append(("install", {"ask": askConfirmation, "torch": torchVersionRequirement}))
        self.installed["torch"] = "2.9.0"
        return types.ModuleType("torch")

    def uninstallTorch(self) -> None:
        self.calls.append(("uninstall", {}))
        self.installed["torch"] = None


class OldTorchLogic:
    """PyTorchUtils of some years ago, without most keyword arguments."""

    def __init__(self, installed: dict[str, str | None]) -> None:
        self.installed = installed
        self.calls: list[Any] = []

    def installTorch(self, askConfirmation: bool = False) -> Any:
        self.calls.append(askConfirmation)
        self.installed["torch"] = "2.9.0"
        return types.ModuleType("torch")


class DeclinedTorchLogic(OldTorchLogic):
    def installTorch(self, askConfirmation: bool = False) -> Any:
        return None


class InstallTest(unittest.TestCase):
    def setUp(self) -> None:
        self.installed: dict[str, str | None] = {"torch": "2.9.0", "safetensors": "0.5.0"}
        self.asked: list[str] = []
        self.packages: list[Any] = []
        self.enterContext(mock.patch.object(dependencies, "_version", self.version))
        self.enterContext(mock.patch.object(dependencies, "_reported", []))
        self.enterContext(mock.patch.object(slicer.packaging, "pip_ensure", self.pip_ensure))

    def version(self, name: str) -> str | None:
        return self.installed[name]

    def pip_ensure(self, requirements: list[str], **options: Any) -> None:
        self.packages.append((requirements, options))
        self.installed["safetensors"] = "0.5.0"

    def with_extension(self, kind: Callable[..., Any] = FakeTorchLogic) -> Any:
        logic = kind(self.installed)
        module = types.ModuleType("PyTorchUtils")
        module.__spec__ = importlib.machinery.ModuleSpec("PyTorchUtils", None)
        module.PyTorchUtilsLogic = lambda: logic  # type: ignore[attr-defined]
        self.enterContext(mock.patch.dict(sys.modules, {"PyTorchUtils": module}))
        return logic

    def answer(self, yes: Any) -> Callable[[str], Any]:
        def ask(text: str) -> Any:
            self.asked.append(text)
            return yes

        return ask

    def test_nothing_is_asked_when_all_is_there(self) -> None:
        self.assertEqual(dependencies.state(), "ready")
        self.assertTrue(dependencies.install(self.answer(False)))
        self.assertEqual(self.asked, [])

    def test_looking_imports_nothing(self) -> None:
        code = (f"import sys; sys.path[:0] = {sys.path!r}; import SlicerRuntime; SlicerRuntime.start();"
                "from HeartSeg3DLib.scene import dependencies, segmentation_run; dependencies.state();"
                "print(sorted({'torch', 'safetensors'} & set(sys.modules)))")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip().splitlines()[-1], "[]")

    def test_one_question_names_both_and_their_size(self) -> None:
        self.installed.update(torch=None, safetensors=None)
        logic = self.with_extension()
        self.assertEqual(dependencies.state(), "missing")
        self.assertTrue(dependencies.install(self.answer(True)))
        self.assertEqual(len(self.asked), 1)
        for word in ("PyTorch", "safetensors", "MB"):
            self.assertIn(word, self.asked[0])
        self.assertEqual(self.packages[0][0], ["safetensors>=0.4.3"])
        self.assertFalse(self.packages[0][1]["prompt_install"])
        self.assertEqual(logic.calls, [("install", {"ask": False, "torch": ">=2.4"})])

    def test_no_and_a_closed_question_install_nothing(self) -> None:
        for no in (False, None, 0):
            with self.subTest(no=no):
                self.installed.update(torch=None, safetensors=None)
                logic = self.with_extension()
                self.assertFalse(dependencies.install(self.answer(no)))
                self.assertEqual((self.packages, logic.calls), ([], []))

    def test_without_the_extension_one_sentence_and_no_question(self) -> None:
        self.installed["torch"] = None
        with self.assertRaises(DependencyError) as caught:
            dependencies.install(self.answer(True))
        self.assertIn("extension PyTorch", str(caught.exception))
        self.assertEqual((self.asked, self.packages), ([], []))

    def test_without_the_extension_safetensors_alone_can_come(self) -> None:
        self.installed["safetensors"] = None
        self.assertTrue(dependencies.install(self.answer(True)))
        self.assertNotIn("PyTorch", self.asked[0])

    def test_an_old_extension_gets_the_arguments_that_it_knows(self) -> None:
        self.installed["torch"] = None
        logic = self.with_extension(OldTorchLogic)
        self.assertTrue(dependencies.install(self.answer(True)))
        self.assertEqual(logic.calls, [False])

    def test_an_extension_that_installs_nothing_is_a_failure(self) -> None:
        self.installed["torch"] = None
        self.with_extension(DeclinedTorchLogic)
        with self.assertRaisesRegex(DependencyError, "did not succeed"):
            dependencies.install(self.answer(True))

    def test_a_failed_download_is_one_sentence(self) -> None:
        self.installed["safetensors"] = None
        failure = subprocess.CalledProcessError(1, ["pip"])
        with mock.patch.object(slicer.packaging, "pip_ensure", side_effect=failure), \
                self.assertRaisesRegex(DependencyError, "internet"):
            dependencies.install(self.answer(True))

    def test_what_the_child_reports_as_broken_is_repaired(self) -> None:
        logic = self.with_extension()
        dependencies.note_failure(DependencyError("PyTorch is installed but does not work (OSError: DLL)."))
        self.assertEqual(dependencies.state(), "broken")
        self.assertTrue(dependencies.install(self.answer(True)))
        self.assertIn("does not work", self.asked[0])
        self.assertEqual([name for name, _details in logic.calls], ["uninstall", "install"])
        self.assertEqual(dependencies.state(), "ready")

    def test_half_installed_and_old_versions_are_broken(self) -> None:
        for version in ("", "2.2.2"):
            self.installed["torch"] = version
            self.assertEqual(dependencies.state(), "broken", version)

    def test_slicer_5_10_installs_with_its_own_function(self) -> None:
        self.installed["safetensors"] = None
        found: list[str] = []

        def pip_install(requirement: str) -> None:
            found.append(requirement)
            self.installed["safetensors"] = "0.5.0"

        with mock.patch.object(dependencies, "_has_packaging", return_value=False), \
                mock.patch.object(slicer.util, "pip_install", pip_install):
            self.assertTrue(dependencies.install(self.answer(True)))
        self.assertEqual(found, ["safetensors>=0.4.3"])

    def test_a_mac_that_gets_only_an_old_pytorch_is_told_so(self) -> None:
        self.installed["torch"] = "2.2.2"
        with mock.patch.object(platform, "system", return_value="Darwin"), \
                mock.patch.object(platform, "machine", return_value="x86_64"), \
                self.assertRaisesRegex(DependencyError, r"ends at 2\.2"):
            dependencies.install(self.answer(True))
        self.assertEqual(self.asked, [])
