"""Exported surfaces lie where the heart is when 3D Slicer opens them, whichever frame they were written in."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import numpy as np
import slicer

from HeartSeg3DLib.meshing.export.writing import ExportRequest, export_mesh
from HeartSeg3DLib.meshing.mesh import SurfaceMesh, TetraMesh

POINTS = np.array([[10.0, -20, 30], [14, -20, 30], [10, -17, 30], [10, -20, 32]])
IN_SCENE = POINTS * [-1, -1, 1]
FILES = {"stl": "heart_stl/LV_{}_mm.stl", "ply": "heart_ply/LV_{}_mm.ply", "obj": "heart.obj", "vtp": "heart.vtp",
         "vtk": "heart.vtk"}


def one_tetrahedron() -> TetraMesh:
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]], np.int32)
    surface = SurfaceMesh(POINTS, faces, np.tile(np.array([1, 0], np.int16), (4, 1)))
    return TetraMesh(POINTS, np.array([[0, 1, 2, 3]], np.int32), np.array([1], np.int16), surface)


def opened(path: Path) -> slicer.vtkMRMLModelNode:
    """The model of a file, read as Slicer's dialog for data does: the frame is taken from the file."""
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode")
    storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelStorageNode")
    storage.SetFileName(str(path))
    if not storage.ReadData(model):
        raise OSError(f"Slicer cannot open {path.name}")
    return model


class ExportedModelsTest(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear(0)
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_slicer_puts_every_format_in_both_frames_in_the_same_place(self) -> None:
        expected = np.column_stack([IN_SCENE.min(axis=0), IN_SCENE.max(axis=0)])
        for frame in ("LPS", "RAS"):
            folder = self.folder / frame
            folder.mkdir()
            export_mesh(one_tetrahedron(), {}, ExportRequest(folder, tuple(FILES), frame))
            for name in FILES.values():
                with self.subTest(name, frame=frame):
                    mesh = opened(folder / name.format(frame)).GetMesh()
                    np.testing.assert_allclose(np.reshape(mesh.GetBounds(), (3, 2)), expected)


if __name__ == "__main__":
    unittest.main()
