"""The module as Slicer loads it, with the real child process: from the sample to an edited heart, and sudden ends."""

from __future__ import annotations

import ast
import sys
import time
import unittest
from pathlib import Path
from typing import Any

import slicer

FOLDER = Path(__file__).resolve().parents[3] / "HeartSeg3D"
PATIENCE_SECONDS = 120.0


def the_module() -> Any:
    """The loaded module; the test runtime loads it here, Slicer has done so at its start."""
    if not hasattr(slicer.modules, "heartseg3d"):
        import SlicerRuntime

        SlicerRuntime.load_module(FOLDER / "HeartSeg3D.py")
    return slicer.modules.heartseg3d


class FileScopeCase(unittest.TestCase):
    def test_nothing_but_slicer_and_python_is_imported_before_the_module_is_opened(self) -> None:
        tree = ast.parse((FOLDER / "HeartSeg3D.py").read_text(encoding="utf-8"))
        names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
        foreign = {name for name in names if name.split(".")[0] not in {*sys.stdlib_module_names, "slicer"}}
        self.assertEqual(foreign, set())


class SelfTestCase(unittest.TestCase):
    def test_the_self_test_of_an_installed_module_segments_the_sample(self) -> None:
        the_module()
        sys.modules["HeartSeg3D"].HeartSeg3DTest().segment_the_sample()


class ModuleCase(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        self.window = the_module().widgetRepresentation()
        self.window.show()
        self.window.enter()
        self.panel = self.window.self().panel
        self.ui = self.panel.context.ui

    def tearDown(self) -> None:
        self.window.exit()
        slicer.mrmlScene.Clear()
        self.window.close()

    def wait(self, until: Any) -> None:
        """Run Slicer's event loop until something is true."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not until() and time.monotonic() < end:
            slicer.app.processEvents()
            time.sleep(0.01)
        self.assertTrue(until())

    def start(self) -> Any:
        self.ui.sampleButton.click()
        self.ui.segmentButton.click()
        return self.panel.segment._run

    def test_from_the_sample_to_an_edited_heart_and_back_to_the_model_s(self) -> None:
        self.start()
        self.wait(lambda: not self.panel.segment.running)
        rows = {row.id: row for row in self.panel.chambers._rows}
        self.assertEqual(set(rows), {"LV", "MYO", "RV", "LA", "RA", "AO", "PA"})
        rows["RV"].edit_button.click()
        before = self.panel.chambers._volumes["RV"]
        self.ui.growButton.click()
        self.panel.chambers.measure()
        self.assertGreater(self.panel.chambers._volumes["RV"], before)
        self.assertEqual(rows["RV"].edited_label.text, "✎")
        self.ui.restoreAllButton.click()
        self.panel.chambers.measure()
        self.assertAlmostEqual(self.panel.chambers._volumes["RV"], before)
        self.assertEqual(rows["RV"].edited_label.text, "")

    def test_the_scene_closed_during_a_run_leaves_an_empty_panel(self) -> None:
        run = self.start()
        self.wait(lambda: run.fraction > 0.1)
        slicer.mrmlScene.Clear()
        run.wait_closed()
        self.assertFalse(self.panel.segment.running)
        self.assertTrue(self.ui.emptyRow.visible)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode"), 0)

    def test_the_module_reloaded_during_a_run_leaves_no_child_and_a_working_panel(self) -> None:
        run = self.start()
        self.wait(lambda: run.fraction > 0.1)
        self.window.self().onReload()
        run.wait_closed()
        self.assertFalse(run._child.running)
        panel = self.window.self().panel
        self.assertIsNot(panel, self.panel)
        self.assertEqual(panel.context.ui.scanSelector.currentNode().GetName(), "Chest CT (generated)")
        self.assertTrue(panel.context.ui.segmentButton.enabled)
        self.assertIs(slicer.util.getModuleLogic("HeartSeg3D"), self.window.self().logic)

    def test_the_module_unloaded_during_a_run_leaves_no_child(self) -> None:
        run = self.start()
        self.wait(lambda: run.fraction > 0.1)
        self.panel.cleanup()
        run.wait_closed()
        self.assertEqual(run.state, "cancelled")
        self.assertFalse(run._child.running)

    def test_the_scan_deleted_during_a_run_ends_in_one_message(self) -> None:
        run = self.start()
        self.wait(lambda: run.fraction > 0.1)
        slicer.mrmlScene.RemoveNode(self.panel.context.parameters.scan)
        self.wait(lambda: not self.panel.segment.running)
        self.assertIn("removed from the scene", self.ui.messageLabel.text)

    def test_a_scene_that_is_saved_and_loaded_shows_its_result_again(self) -> None:
        self.start()
        self.wait(lambda: not self.panel.segment.running)
        with self.subTest("saved"):
            path = str(Path(slicer.app.temporaryPath) / "heart.mrb")
            self.assertTrue(slicer.util.saveScene(path))
        slicer.mrmlScene.Clear()
        self.assertTrue(slicer.util.loadScene(path))
        self.wait(lambda: bool(self.panel.chambers._rows))
        self.assertEqual(self.panel.context.parameters.scan.GetName(), "Chest CT (generated)")
        self.wait(lambda: self.ui.scanSelector.currentNode() is self.panel.context.parameters.scan)
        self.assertIs(self.ui.resultSelector.currentNode(), self.panel.context.parameters.result)
        self.assertEqual(len(self.panel.chambers._rows), 7)
