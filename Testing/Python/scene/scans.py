"""Scans in the scene and what a child process would find in them, for the tests of the scene."""

from __future__ import annotations

import json
import unittest
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from HeartSeg3DLib.scene.transfer import FrameResult, Surface

SIZE = (40, 36, 32)
START = (6, 5, 4)
OBLIQUE = np.eye(4)
"""IJK to RAS: turned by 0.4 radian, voxels of 1.05 x 1.4 x 1.8 mm."""
OBLIQUE[:3, :3] = np.array([[np.cos(0.4), np.sin(0.4), 0], [-np.sin(0.4), np.cos(0.4), 0], [0, 0, 1]]) * (
    -1.05, -1.4, 1.8)
OBLIQUE[:3, 3] = 30.0, 12.0, -25.0


def matrix_of(values: Any) -> Any:
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(values, float).ravel())
    return matrix


def a_volume(kind: str = "vtkMRMLScalarVolumeNode", size: tuple[int, int, int] = SIZE, name: str = "Muster, Erika",
             ijk_to_ras: Any = OBLIQUE) -> Any:
    """A volume of ascending gray values, by default on an oblique grid and with a name that must not leak."""
    voxels = np.arange(np.prod(size), dtype=np.int16).reshape(size[::-1])
    return slicer.util.addVolumeFromArray(voxels, matrix_of(ijk_to_ras), name, kind)


def labels_in_box(shift: int = 0) -> NDArray[np.uint8]:
    """LV inside MYO, RV beside them, cropped to their box."""
    labels = np.zeros((18, 20, 24), np.uint8)
    labels[2:16, 2:18, 2:14] = 2
    labels[5:13, 5:15, 5 + shift:11 + shift] = 1
    labels[3:15, 3:17, 16:24] = 3
    return labels


def whole(labels: NDArray[np.uint8], start: Sequence[int] = START, size: Sequence[int] = SIZE) -> NDArray[np.uint8]:
    """Labels of a box on the grid of the scan."""
    full = np.zeros(size[::-1], np.uint8)
    z, y, x = labels.shape
    full[start[2]:start[2] + z, start[1]:start[1] + y, start[0]:start[0] + x] = labels
    return full


def a_frame(labels: NDArray[np.uint8] | None = None, *, start: tuple[int, int, int] = START, surfaces: bool = True,
            marks: Sequence[Mapping[str, str]] = (), trust: Mapping[str, str] | None = None) -> FrameResult:
    """What `transfer.read_frame` returns, with a tetrahedron as the surface of each structure."""
    labels = labels_in_box() if labels is None else labels
    values = tuple(int(value) for value in np.unique(labels) if value)
    return FrameResult(
        index=0, time_ms=None, start=start, labels=labels, model_labels=labels.copy(), values=values,
        surfaces={value: tetrahedron(float(value)) for value in values} if surfaces else {}, volumes_ml={},
        marks=tuple(marks), warnings=(), trust=trust or {})


def use_temporary_folder(test: unittest.TestCase, folder: Any) -> None:
    """Set Slicer's folder for temporary files until the test has ended."""
    test.addCleanup(setattr, slicer.app, "temporaryPath", slicer.app.temporaryPath)
    slicer.app.temporaryPath = str(folder)


def tetrahedron(size: float) -> Surface:
    points = np.array([[0, 0, 0], [size, 0, 0], [0, size, 0], [0, 0, size]], np.float32)
    triangles = np.array([0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3], np.int64)
    return Surface(points, None, np.arange(0, 13, 3, dtype=np.int64), triangles)


def exported(segmentation: Any, volume: Any, ids: Sequence[str] | None = None) -> NDArray[Any]:
    """The label map that Slicer itself exports, on the grid of a volume and with the project's label values."""
    contents = segmentation.GetSegmentation()
    full = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint8)
    for id in ids or contents.GetSegmentIDs():
        names = vtk.vtkStringArray()
        names.InsertNextValue(id)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
        if not slicer.modules.segmentations.logic().ExportSegmentsToLabelmapNode(segmentation, names, node, volume):
            raise AssertionError(f"Slicer could not export {id}")
        full[slicer.util.arrayFromVolume(node) > 0] = {"LV": 1, "MYO": 2, "RV": 3, "PA": 7}[id]
        slicer.mrmlScene.RemoveNode(node)
    return full


class FakeChild:
    """A child process that writes a result at once and tells of it poll by poll.

    Args:
        labels: What it finds in every frame.
        events: What `poll` returns in place of a result.
    """

    def __init__(self, labels: NDArray[np.uint8] | None = None,
                 events: Sequence[Mapping[str, Any]] | None = None) -> None:
        self.labels = labels_in_box() if labels is None else labels
        self.given = events
        self.requests: list[dict[str, Any]] = []
        self.scan: dict[str, Any] = {}
        self.voxels: list[bytes] = []
        self.killed = False
        self._events: list[Mapping[str, Any]] = []

    def send(self, request: dict[str, Any]) -> None:
        self.requests.append(request)
        folder = Path(request["folder"])
        self.scan = json.loads((folder / "scan.json").read_text(encoding="utf-8"))
        self.voxels = [(folder / frame["file"]).read_bytes() for frame in self.scan["frames"]]
        self._events = list(self.given) if self.given is not None else self._results(folder)

    def poll(self) -> list[Mapping[str, Any]]:
        return [self._events.pop(0)] if self._events else []

    def kill(self, wait: float = 2.0) -> None:
        self.killed = True

    def _results(self, folder: Path) -> list[Mapping[str, Any]]:
        job = "segment"
        events: list[Mapping[str, Any]] = [{"event": "ready", "pid": 1},
                                           {"event": "progress", "job": job, "fraction": 0.5, "stage": "Segmenting"}]
        z, y, x = self.labels.shape
        for index in range(len(self.scan["frames"])):
            (folder / f"labels_{index:03d}.raw").write_bytes(self.labels.tobytes())
            events.append({"event": "frame", "job": job, "index": index, "labels": f"labels_{index:03d}.raw",
                           "box": {"start": list(START), "size": [x, y, z]}, "surfaces": None, "volumes_ml": {},
                           "marks": [], "warnings": [], "trust": {"level": "grey", "sentence": "Not judged."}})
        return [*events, {"event": "result", "job": job, "model": "tiny 1.0.0", "device": "cpu", "modality": "ct",
                          "pose": "as stated", "seconds": {"segment": 1.5}, "warnings": ["The scan is short."]}]
