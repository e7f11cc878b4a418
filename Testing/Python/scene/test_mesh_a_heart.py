"""The whole way of a mesh with the true child process: a heart of known shapes, turned in the scene."""

from __future__ import annotations

import json
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk

sys.path.append(str(Path(__file__).parents[1] / "meshing"))

from analytic_heart import analytic_heart
from HeartSeg3DLib.anatomy import BY_ID, STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.scene.logic import HeartSegLogic
from HeartSeg3DLib.scene.segment_voxels import BINARY, image_to_world, voxels_of
from HeartSeg3DLib.scene.volumes import linear_to_world
from scans import matrix_of

SPACING = 4.0
PATIENCE_SECONDS = 120.0
SEVEN = tuple(STRUCTURES[value].id for value in WHOLE_HEART)
TISSUE = ("MYO", "RV_WALL", "LA_WALL", "RA_WALL", "AO_WALL", "PA_WALL")


def a_heart() -> Any:
    """The analytic heart as segments that another program has named, turned and moved by a parent transform."""
    labels = analytic_heart((SPACING,) * 3)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    slicer.util.updateVolumeFromArray(node, sitk.GetArrayFromImage(labels))
    node.SetSpacing(labels.GetSpacing())
    node.SetOrigin([-labels.GetOrigin()[0], -labels.GetOrigin()[1], labels.GetOrigin()[2]])
    node.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    heart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Case 7")
    slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(node, heart)
    contents = heart.GetSegmentation()
    for number in range(contents.GetNumberOfSegments()):
        segment = contents.GetNthSegment(number)
        segment.SetName(STRUCTURES[segment.GetLabelValue()].name.replace(" cavity", ""))
    turned = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turned.SetMatrixTransformToParent(matrix_of([[0, -1, 0, 60], [1, 0, 0, -25], [0, 0, 1, 8], [0, 0, 0, 1]]))
    heart.SetAndObserveTransformNodeID(turned.GetID())
    return heart


def place_of(heart: Any, id: str) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest RAS coordinates of a structure's voxels, parent transform included."""
    structure = BY_ID[id]
    contents = heart.GetSegmentation()
    (segment,) = [one for one in map(contents.GetNthSegment, range(contents.GetNumberOfSegments()))
                  if one.GetLabelValue() == structure.value]
    labelmap = segment.GetRepresentation(BINARY)
    z, y, x = np.nonzero(voxels_of(labelmap) == structure.value)
    start = labelmap.GetExtent()[::2]
    points = np.stack([x + start[0], y + start[1], z + start[2], np.ones(len(x))])
    points = linear_to_world(heart.GetParentTransformNode()) @ image_to_world(labelmap) @ points
    return points[:3].min(axis=1) - SPACING / 2, points[:3].max(axis=1) + SPACING / 2


class MeshAHeartTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="Zoë ")))
        self.heart = a_heart()

    def test_tissue_for_openCARP_lies_where_the_heart_is(self) -> None:
        mesh = HeartSegLogic().mesh(self.heart, self.folder / "ep", preset="ep", edge_mm=5.0, accept_failed=True,
                                    walls={"RV": 6.0, "LA": 6.0, "RA": 6.0, "AO": 6.0, "PA": 6.0})
        self.assertEqual({model.GetAttribute("HeartSeg.Structure") for model in mesh.models}, set(TISSUE))
        muscle = mesh.models[0].GetPolyData().GetBounds()
        low, high = place_of(self.heart, "MYO")
        np.testing.assert_allclose(muscle[::2], low, atol=SPACING)
        np.testing.assert_allclose(muscle[1::2], high, atol=SPACING)
        self.assertIn("Case 7", mesh.page.read_text("utf-8"))
        sidecar = json.loads(next(file for file in mesh.files if file.suffix == ".json"
                                  and "report" not in file.name).read_text("utf-8"))
        self.assertEqual({entry["tag"] for entry in sidecar["labels"]}, {BY_ID[id].value for id in TISSUE})
        self.assertEqual({path.parent for path in mesh.files}, {self.folder / "ep"})
        self.assertEqual({path.name for path in (self.folder / "ep").iterdir()}, {path.name for path in mesh.files})

    def test_surfaces_have_the_volume_of_the_segments_and_point_outward(self) -> None:
        mesh = HeartSegLogic().mesh(self.heart, self.folder / "print", preset="print", edge_mm=5.0, accept_failed=True)
        voxels = {segment.GetLabelValue(): count for segment, count in self.voxel_counts()}
        for model in mesh.models:
            mass = vtk.vtkMassProperties()
            mass.SetInputData(model.GetPolyData())
            value = BY_ID[model.GetAttribute("HeartSeg.Structure")].value
            self.assertAlmostEqual(mass.GetVolume() / (voxels[value] * SPACING**3), 1.0, delta=0.02)
            quality = vtk.util.numpy_support.vtk_to_numpy(model.GetPolyData().GetCellData().GetArray("Scaled Jacobian"))
            self.assertTrue(((quality >= 0) & (quality <= 1.0001)).all())
        (surfaces,) = [file for file in mesh.files if file.is_dir()]
        self.assertEqual({path.name for path in surfaces.glob("*_LPS_mm.stl")} & {f"{id}_LPS_mm.stl" for id in SEVEN},
                         {f"{id}_LPS_mm.stl" for id in SEVEN})

    def voxel_counts(self) -> list[tuple[Any, int]]:
        contents = self.heart.GetSegmentation()
        found = []
        for id in contents.GetSegmentIDs():
            array = slicer.util.arrayFromSegmentInternalBinaryLabelmap(self.heart, id)
            segment = contents.GetSegment(id)
            found.append((segment, int((array == segment.GetLabelValue()).sum())))
        return found

    def test_cancelled_in_the_middle_it_leaves_no_folder_and_no_child(self) -> None:
        run = HeartSegLogic().start_mesh(self.heart, self.folder / "new", preset="tetrahedra", edge_mm=3.0)
        end = time.monotonic() + PATIENCE_SECONDS
        while run.fraction < 0.2 and not run.finished and time.monotonic() < end:
            run.step()
            time.sleep(0.01)
        self.assertFalse(run.finished)
        run.cancel()
        run.wait_closed()
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
