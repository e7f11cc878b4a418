"""From the sample volume through a real child process to segments, surfaces and volumes in the scene."""

from __future__ import annotations

import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk

from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.scene import sample_data, volume_table
from HeartSeg3DLib.scene.logic import HeartSegLogic
from HeartSeg3DLib.scene.segmentation_result import CLOSED_SURFACE
from scans import use_temporary_folder

IDS = [STRUCTURES[value].id for value in WHOLE_HEART]


class SegmentTheSampleTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        folder = tempfile.TemporaryDirectory(prefix="Zoë Müller ")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        use_temporary_folder(self, folder.name)

    def test_a_whole_heart_with_surfaces_and_volumes(self) -> None:
        volume = sample_data.load_sample()
        logic = HeartSegLogic()
        segmentation = logic.segment(volume, device="cpu", quality="fast")
        contents = segmentation.GetSegmentation()
        self.assertEqual(sorted(contents.GetSegmentIDs()), sorted(IDS))
        volumes = logic.volumes(segmentation)
        for id in IDS:
            self.assertGreater(volumes[id], 20.0, id)
            self.assert_surface_encloses_the_voxels(segmentation, id, volumes[id])
        self.assertEqual(segmentation.GetNodeReference("HeartSeg.Volumes").GetNumberOfRows(), 7)
        self.assertIn("tiny", segmentation.GetAttribute("HeartSeg.Model"))
        self.assertEqual(list(self.folder.iterdir()), [])

    def assert_surface_encloses_the_voxels(self, segmentation: Any, id: str, milliliters: float) -> None:
        surface = segmentation.GetSegmentation().GetSegment(id).GetRepresentation(CLOSED_SURFACE)
        mass = vtk.vtkMassProperties()
        mass.SetInputData(surface)
        self.assertLess(abs(mass.GetVolume() / 1000.0 / milliliters - 1), 0.05, id)
        # The middle of the surface is that of the voxels: both are in RAS.
        box = np.reshape(surface.GetBounds(), (3, 2))
        inside = np.argwhere(slicer.util.arrayFromSegmentBinaryLabelmap(
            segmentation, id, volume_table.source_volume(segmentation)))[:, ::-1]
        ends = np.array([inside.min(axis=0), inside.max(axis=0)])
        matrix = vtk.vtkMatrix4x4()
        volume_table.source_volume(segmentation).GetIJKToRASMatrix(matrix)
        axes = slicer.util.arrayFromVTKMatrix(matrix)
        corners = ends @ axes[:3, :3].T + axes[:3, 3]
        np.testing.assert_allclose(box.mean(axis=1), corners.mean(axis=0), atol=2.0)

    def test_cancelling_ends_the_child_and_removes_its_files(self) -> None:
        run = HeartSegLogic().start_segmentation(sample_data.load_sample(), device="cpu")
        while run.fraction < 0.1:
            run.step()
            time.sleep(0.02)
        process = run._child
        run.cancel()
        run.wait_closed()
        self.assertFalse(process.running)
        self.assertEqual(list(self.folder.iterdir()), [])
        self.assertEqual(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"), [])
