"""The module as Slicer loads it, with real jobs: trained, closed, opened again, found, and its model used."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import slicer
from filelock import FileLock

REPOSITORY = Path(__file__).resolve().parents[3]
FOLDER = REPOSITORY / "HeartSegTraining"


def the_module() -> Any:
    """The loaded module; the test runtime loads it here, Slicer has done so at its start."""
    if not hasattr(slicer.modules, "heartsegtraining"):
        import SlicerRuntime

        SlicerRuntime.load_module(FOLDER / "HeartSegTraining.py")
    return slicer.modules.heartsegtraining


class FileScopeCase(unittest.TestCase):
    def test_nothing_but_slicer_and_python_is_imported_before_the_module_is_opened(self) -> None:
        tree = ast.parse((FOLDER / "HeartSegTraining.py").read_text(encoding="utf-8"))
        names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
        foreign = {name for name in names if name.split(".")[0] not in {*sys.stdlib_module_names, "slicer"}}
        self.assertEqual(foreign, set())


class ModuleCase(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        data = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(mock.patch.dict("os.environ", {"HEARTSEG_DATA": data}))
        self.window = the_module().widgetRepresentation()
        self.window.show()
        self.window.enter()
        self.addCleanup(self.window.close)
        self.addCleanup(self.window.exit)

    @property
    def panel(self) -> Any:
        return self.window.self().panel

    def test_it_opens_lists_recipes_and_waits_for_a_segmentation(self) -> None:
        ui = self.panel.context.ui
        names = [ui.recipeSelector.itemText(number) for number in range(ui.recipeSelector.count)]
        self.assertEqual(names, ["demo", "lab", "cluster"])
        self.assertTrue(ui.recipeLabel.text)
        self.assertFalse(ui.startButton.enabled)

    def test_the_self_test_of_an_installed_module_passes(self) -> None:
        sys.modules["HeartSegTraining"].HeartSegTrainingTest().list_the_jobs()

    def test_it_can_be_reloaded_and_the_scene_closed(self) -> None:
        self.window.self().onReload()
        slicer.mrmlScene.Clear()
        self.assertTrue(self.panel.jobs._timer.active)
        self.assertIs(slicer.util.getModuleLogic("HeartSegTraining"), self.window.self().logic)

    def test_slicer_s_own_process_never_loads_pytorch(self) -> None:
        code = (f"import sys; sys.path[:0] = {sys.path!r}; import SlicerRuntime; "
                f"module = SlicerRuntime.load_module({str(FOLDER / 'HeartSegTraining.py')!r}); "
                "window = SlicerRuntime.show_module(module); panel = window.self().panel; "
                "SlicerRuntime.process_events(30, until=lambda: not panel.jobs._watch.looking); "
                "print(sorted({'torch', 'safetensors', 'blosc2'} & set(sys.modules)))")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertEqual(done.stdout.strip().splitlines()[-1:], ["[]"], done.stderr)


@unittest.skipUnless("SlicerRuntime" in sys.modules, "only the test runtime can be closed and opened again")
class RestartCase(unittest.TestCase):
    def run_program(self, part: str, data: str) -> dict[str, Any]:
        """Run one session of Slicer, a process of its own, and return what it found."""
        program = Path(__file__).with_name("training_sessions.py")
        done = subprocess.run([sys.executable, str(program), part], capture_output=True, text=True, cwd=data,
                              env={**os.environ, "HEARTSEG_DATA": data, "OMP_NUM_THREADS": "2"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def end_job(self, job: Path) -> None:
        """Stop a job that a failed test left behind."""
        if job.is_dir():
            (job / "STOP").touch()
            with FileLock(job / "LOCK", timeout=120), FileLock(job / "SUPERVISOR", timeout=120):
                pass

    def test_a_job_outlives_slicer_is_found_stopped_and_resumed_and_its_model_segments(self) -> None:
        data = self.enterContext(tempfile.TemporaryDirectory())
        self.addCleanup(self.end_job, Path(data) / "jobs" / "slow")
        first = self.run_program("train", data)
        self.assertEqual(first["structures"], ["LV", "MYO", "RV", "LA", "RA", "AO", "PA"])
        self.assertEqual(first["state"], "running")
        second = self.run_program("use", data)
        self.assertEqual((second["name"], second["found"], second["state"]), (first["name"], "running", "stopped"))
        self.assertGreater(second["step"], second["stopped"])
        self.assertEqual(second["steps"], list(range(1, second["step"] + 1)))
        self.assertEqual(second["model"], f"job-slow-step-{second['step']}")
        self.assertIn(second["model"], second["offered"])
        self.assertGreater(second["volumes"]["LV"], 50)
