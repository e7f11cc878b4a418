"""A mesh of any segmentation: what the child is told, what appears in the scene, and every other end."""

from __future__ import annotations

import json
import tempfile
import time
import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import slicer

from hearts import a_segmentation
from HeartSeg3DLib.errors import CancelledError, CheckError, InputError, UsageError
from HeartSeg3DLib.meshing.export.format_table import USUAL_SURFACE_FORMATS, USUAL_VOLUME_FORMATS, VOLUME
from HeartSeg3DLib.meshing.export.registry import FORMATS
from HeartSeg3DLib.meshing.fibers import FiberAngles
from HeartSeg3DLib.scene import child
from HeartSeg3DLib.scene.logic import HeartSegLogic
from HeartSeg3DLib.scene.mesh_models import models_of
from HeartSeg3DLib.scene.mesh_run import MeshRun
from HeartSeg3DLib.scene.mesh_settings import FORMATS as OFFERED
from HeartSeg3DLib.scene.mesh_settings import USUAL_FIBERS, MeshSettings, existing_mesh, expected_size
from HeartSeg3DLib.worker.scan_folder import ScanDescription
from scans import use_temporary_folder

SHAPE = {"minimum": 0.21, "percentile_0_1": 0.22, "percentile_1": 0.3, "mean": 0.84, "maximum": 1.0}
PASSED = {"name": "open edges", "value": 0, "limit": 0, "passed": True, "hard": True, "where": []}
MISSED = {"name": "largest distance in voxels", "value": 1.62, "limit": 1.5, "passed": False, "hard": False,
          "where": ["1", "mesh"]}
TETRAHEDRA = {"kind": "tetrahedra", "fit_for_use": True, "checks": [PASSED, MISSED],
              "whole": {"tetrahedra": 51243},
              "labels": {"1": {"volume_error_percent": -0.12, "tetrahedra": 51234,
                               "tetrahedron_scaled_jacobian": SHAPE},
                         "2": {"volume_error_percent": 0.5, "tetrahedra": 9,
                               "tetrahedron_scaled_jacobian": {**SHAPE, "minimum": 0.1}}}}
SURFACES = {"kind": "surface", "fit_for_use": True, "checks": [PASSED], "whole": {"triangles": 1200},
            "labels": {"1": {"volume_error_percent": 0.2, "triangles": 300,
                             "triangle_scaled_jacobian": {**SHAPE, "mean": 0.8}},
                       "2": {"triangles": 900, "triangle_scaled_jacobian": {**SHAPE, "minimum": 0.3, "mean": 0.9}}}}


class MeshChild:
    """A child process that looks at what was handed over and answers as a test wants."""

    def __init__(self) -> None:
        self.request: dict[str, Any] = {}
        self.labels = np.zeros((0, 0, 0), np.uint8)
        self.quality: Mapping[str, Any] = TETRAHEDRA
        self.events: list[Mapping[str, Any]] | None = None
        self.answers: list[bool] = []
        self.killed = False
        self._waiting: list[Mapping[str, Any]] = []

    def send(self, request: dict[str, Any]) -> None:
        if request["action"] == "answer":
            self.answers.append(request["yes"])
            self._waiting += [self.result() if request["yes"] else failure("check", "The mesh failed its own check.")]
            return
        self.request = request
        folder = Path(request["folder"])
        description = ScanDescription.read(folder)
        self.labels = np.asarray(np.fromfile(folder / description.frames[0].file, np.uint8)).reshape(
            description.size[::-1])
        points = np.float32([[0, 0, 0], [-30, 0, 0], [0, -40, 0], [0, 0, 50]])  # LPS
        triangles = np.int32([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
        np.savez(folder / "surfaces.npz", points_1=points, triangles_1=triangles, normals_1=points,
                 quality_1=np.ones(4, np.float32))
        self._waiting = list(self.events if self.events is not None else [progress(0.5), self.result()])

    def result(self) -> Mapping[str, Any]:
        output = self.request["output"]
        return {"event": "result", "job": "", "files": [f"{output}/heart_report.html", f"{output}/heart.json"],
                "surfaces": "surfaces.npz", "edge_mm": 2.0, "warnings": ["Islands went."], "quality": self.quality}

    def poll(self) -> list[Mapping[str, Any]]:
        return [self._waiting.pop(0)] if self._waiting else []

    def kill(self, wait: float = 2.0) -> None:
        self.killed = True


def progress(fraction: float) -> Mapping[str, Any]:
    return {"event": "progress", "job": "", "fraction": fraction, "stage": "Making tetrahedra"}


def failure(code: str, message: str) -> Mapping[str, Any]:
    return {"event": "error", "job": "", "code": code, "message": message, "remedy": "Use --help.", "detail": "here"}


QUESTION = {"event": "question", "job": "", "message": "The mesh failed its own check. open edges: 3."}


class MeshRunTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="Zoë ")))
        self.output, self.temporary = folder / "mesh", folder / "temporary"
        self.temporary.mkdir()
        use_temporary_folder(self, str(self.temporary))
        self.child = MeshChild()
        self.enterContext(mock.patch.object(child, "start_child", return_value=self.child))
        self.heart = a_segmentation()

    def run_until(self, run: MeshRun, ended: Any) -> None:
        end = time.monotonic() + 30
        while not ended() and time.monotonic() < end:
            run.step()
        self.assertTrue(ended())

    def finished(self, **settings: Any) -> MeshRun:
        run = MeshRun(self.heart, self.output, MeshSettings(**settings))
        run.start()
        self.run_until(run, lambda: run.finished)
        run.wait_closed()
        self.assertEqual(list(self.temporary.iterdir()), [])
        self.assertTrue(self.child.killed)
        return run

    def test_the_child_gets_the_label_map_and_every_choice(self) -> None:
        self.finished(preset="ep", edge_mm=1.2, walls={"RV": 3.0}, fibers=(70.0, -50.0), frame="ras", pieces="all",
                      formats=("vtu",), force=True)
        asked = self.child.request
        expected = {"action": "mesh", "preset": "ep", "volume": True, "edge_mm": 1.2, "walls_mm": {"3": 3.0},
                    "fibers": [70.0, -50.0], "frame": "ras", "pieces": "keep all", "formats": ["vtu"], "force": True,
                    "accept_failed": False, "output": str(self.output), "new_folder": True, "title": "heart"}
        self.assertEqual({name: asked[name] for name in expected}, expected)
        self.assertEqual(set(np.unique(self.child.labels)), {0, 1, 2, 3, 4, 5})

    def test_usual_walls_and_a_preset_of_one_s_own(self) -> None:
        self.finished(preset="tetrahedra", walls=True)
        self.assertEqual(self.child.request["walls_mm"], {"3": 3.5, "4": 2.0, "5": 2.0, "6": 2.0, "7": 2.0})
        self.assertEqual((self.child.request["preset"], self.child.request["volume"]), (None, True))
        self.finished(preset="surfaces")
        self.assertEqual((self.child.request["preset"], self.child.request["volume"]), (None, False))

    def test_the_mesh_is_shown_and_told_in_a_sentence(self) -> None:
        mesh = self.finished(preset="tetrahedra").mesh
        assert mesh is not None
        (model,) = mesh.models
        self.assertEqual(models_of(self.heart), [model])
        np.testing.assert_allclose(model.GetPolyData().GetBounds(), [0, 30, 0, 40, 0, 50])  # LPS became RAS
        np.testing.assert_allclose(model.GetPolyData().GetPointData().GetNormals().GetTuple(1), [30, 0, 0])
        self.assertEqual(mesh.page, self.output / "heart_report.html")
        self.assertEqual(mesh.sentence, "51\N{NO-BREAK SPACE}234 tetrahedra, shape 0.84 on average and 0.21 at worst "
                         "(1 is best), volumes within 0.12 % of the segmentation. It passed every hard check and "
                         "missed 1 of its aims.")
        self.assertEqual(mesh.warnings, (
            "Islands went.", "Aim missed: largest distance in voxels 1.62, limit 1.5 (Left ventricle cavity, mesh)."))

    def test_surfaces_are_told_by_their_triangles(self) -> None:
        self.child.quality = SURFACES
        mesh = self.finished().mesh
        assert mesh is not None
        self.assertIn("200 triangles, shape 0.80 on average and 0.21 at worst", mesh.sentence)
        self.assertIn("passed every check", mesh.sentence)

    def test_what_the_segmentation_left_out_is_told_with_the_mesh(self) -> None:
        segment = slicer.vtkSegment()
        segment.SetName("Spine")
        self.heart.GetSegmentation().AddSegment(segment)
        mesh = self.finished().mesh
        assert mesh is not None
        self.assertIn("Spine", mesh.warnings[0])

    def test_a_mesh_that_fails_its_check_is_asked_about(self) -> None:
        for yes in (True, False):
            with self.subTest(yes=yes):
                run = self.answered(yes)
                self.assertEqual(self.child.answers[-1], yes)
                self.assertEqual(run.mesh is not None, yes)
                if not yes:
                    self.assertIsInstance(run.error, CheckError)
                    self.assertNotIn("--", str(run.error))

    def answered(self, yes: bool) -> MeshRun:
        """A run whose mesh failed its check."""
        self.child.events = [progress(0.7), QUESTION]
        run = MeshRun(self.heart, self.output)
        run.start()
        self.run_until(run, lambda: run.question is not None)
        for _step in range(5):
            run.step()
        self.assertFalse(run.finished)
        self.assertIn("open edges: 3", run.question or "")
        run.answer(yes)
        self.assertIsNone(run.question)
        self.run_until(run, lambda: run.finished)
        run.wait_closed()
        return run

    def test_a_script_gets_the_mesh_or_the_reason(self) -> None:
        logic, told = HeartSegLogic(), []
        mesh = logic.mesh(self.heart, str(self.output), preset="ep", progress=lambda *step: told.append(step))
        self.assertEqual(len(mesh.models), 1)
        self.assertIn("Making tetrahedra", [stage for _fraction, stage in told])
        self.assertEqual(told[-1][0], 1.0)
        self.child.events = [QUESTION]
        with self.assertRaises(CheckError):
            logic.mesh(self.heart, self.output)
        self.assertEqual(self.child.answers, [False])

    def test_failures_of_the_child_are_told_with_what_developers_need(self) -> None:
        self.child.events = [failure("input", "The apex is cut off.")]
        run = self.finished(preset="mechanics")
        self.assertIsInstance(run.error, InputError)
        self.assertEqual(models_of(self.heart), [])
        for said in ("The apex is cut off.", "here", "mechanics"):
            self.assertIn(said, run.report_text())
        self.assertNotIn(str(self.output), run.report_text())

    def test_surfaces_that_cannot_be_read_end_in_a_failure(self) -> None:
        self.child.events = [{**QUESTION}]
        run = MeshRun(self.heart, self.output)
        run.start()
        self.run_until(run, lambda: run.question is not None)
        (Path(self.child.request["folder"]) / "surfaces.npz").write_bytes(b"no archive")
        run.answer(True)
        self.run_until(run, lambda: run.finished)
        self.assertIsNotNone(run.error)
        self.assertEqual(models_of(self.heart), [])
        run.wait_closed()

    def test_cancelling_leaves_nothing(self) -> None:
        self.child.events = [progress(0.4)]
        run = MeshRun(self.heart, self.output)
        run.start()
        self.run_until(run, lambda: run.fraction > 0.3)
        run.cancel()
        run.wait_closed()
        run.step()
        self.assertTrue(run.finished)
        self.assertTrue(self.child.killed)
        self.assertIsNone(run.error)
        self.assertEqual(list(self.temporary.iterdir()), [])
        with self.assertRaises(CancelledError):
            run.wait()

    def test_a_segmentation_without_a_known_structure_is_refused_at_once(self) -> None:
        empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "empty")
        with self.assertRaises(InputError):
            MeshRun(empty, self.output).start()
        self.assertEqual(list(self.temporary.iterdir()), [])


class MeshSettingsTest(unittest.TestCase):
    def test_choices_that_do_not_exist_are_refused(self) -> None:
        for wrong in ({"preset": "abaqus"}, {"frame": "xyz"}, {"pieces": "some"}, {"walls": {"LV": 2.0}},
                      {"preset": "print", "fibers": (60.0, -60.0)}):
            with self.subTest(wrong), self.assertRaises(UsageError) as caught:
                MeshSettings(**wrong)
            self.assertTrue(caught.exception.remedy)

    def test_a_mesh_that_is_there_is_seen(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("heart.json", "heart_opencarp", "heart_report_fibers.png", "heart_stl", "heart.nii.gz",
                         "heart_FAILED_report.html", "heart_notes.txt", "myocardium.json", "photo.png"):
                (Path(folder) / name).touch()
            kept = {"heart_stl", "heart.nii.gz", "heart_notes.txt"}
            self.assertEqual(existing_mesh(Path(folder), MeshSettings(preset="ep")),
                             ["heart.json", "heart_FAILED_report.html", "heart_opencarp", "heart_report_fibers.png"])
            self.assertEqual(existing_mesh(Path(folder), MeshSettings(preset="cemrgapp")), ["myocardium.json"])
            self.assertIn("heart_stl", existing_mesh(Path(folder), MeshSettings(preset="print")))
            self.assertIn("heart_stl", existing_mesh(Path(folder), MeshSettings(formats=("stl",))))
            self.assertFalse(kept & set(existing_mesh(Path(folder), MeshSettings(formats=("vtp",)))))
            self.assertEqual(existing_mesh(Path(folder) / "new", MeshSettings()), [])

    def test_of_an_earlier_mesh_all_is_seen_that_would_be_removed(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            listed = {"software": {"name": "HeartSeg"}, "formats": {"vtk": {"files": [{"path": "heart.vtk"}]}}}
            for name in ("heart.vtk", "heart.obj"):
                (Path(folder) / name).touch()
            (Path(folder) / "heart.json").write_text(json.dumps(listed))
            self.assertEqual(existing_mesh(Path(folder), MeshSettings(preset="print")), ["heart.json", "heart.vtk"])

    def test_every_format_is_offered_where_it_can_be_written(self) -> None:
        self.assertEqual(set(OFFERED["tetrahedra"]), set(FORMATS))
        surfaces = {name for name, entry in FORMATS.items() if entry.needs != VOLUME}
        self.assertEqual(set(OFFERED["surfaces"]), surfaces)
        self.assertIn("pycemrg", surfaces)
        for preset, usual in (("surfaces", USUAL_SURFACE_FORMATS), ("tetrahedra", USUAL_VOLUME_FORMATS)):
            self.assertEqual(OFFERED[preset][:2], usual)

    def test_the_size_goes_with_the_volume_and_the_cube_of_the_edge(self) -> None:
        coarse, fine = (expected_size(500.0, MeshSettings(preset="ep", edge_mm=edge)) for edge in (2.0, 1.0))
        assert coarse is not None
        assert fine is not None
        self.assertAlmostEqual(fine.tetrahedra / coarse.tetrahedra, 8.0, delta=0.01)
        self.assertIsNone(expected_size(500.0, MeshSettings(preset="print")))

    def test_the_usual_angles_are_those_of_the_rule(self) -> None:
        self.assertEqual(USUAL_FIBERS, (FiberAngles().endocardium, FiberAngles().epicardium))


if __name__ == "__main__":
    unittest.main()
