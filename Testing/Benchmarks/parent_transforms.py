"""Where does a result lie when its scan is under a transform, and how large are its volumes then?

    python Testing/Benchmarks/parent_transforms.py

A phantom of three structures on an oblique grid is its own scan: the voxels of each structure are bright. The result is
placed as a run places it, scan and result are hardened by Slicer, and compared: "voxels" are the voxels that differ
over those of the boundary, which is the mean distance of both boundaries in voxels; "volume" compares the module's
volumes without hardening to those of the hardened result. Stores results/parent_transforms.json.
"""
# ruff: noqa: E402 - the runtime starts before anything imports slicer

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import describe_machine
from numpy.typing import NDArray
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import SlicerRuntime

SlicerRuntime.start()

import slicer
import vtk
from vtk.util import numpy_support

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.scene import volume_table
from HeartSeg3DLib.scene.segmentation_result import place_frame
from HeartSeg3DLib.scene.transfer import FrameResult, read_frame
from HeartSeg3DLib.scene.volumes import ScanSource, scan_of

RESULTS = Path(__file__).parent / "results"
SHAPE = (96, 128, 128)
SPACING = (0.9, 0.9, 1.2)
BRIGHT = 200


def phantom() -> NDArray[np.uint8]:
    """A cavity in a wall, and a second cavity beside them, in the middle of the grid; array [z, y, x]."""
    z, y, x = np.mgrid[:SHAPE[0], :SHAPE[1], :SHAPE[2]].astype(np.float32)
    z, y, x = ((axis - count / 2) * step for axis, count, step in
               zip((z, y, x), SHAPE, SPACING[::-1], strict=True))
    labels = np.zeros(SHAPE, np.uint8)
    labels[((x - 22) / 20) ** 2 + (y / 22) ** 2 + (z / 30) ** 2 < 1] = 3
    wall = ((x + 8) / 28) ** 2 + (y / 26) ** 2 + (z / 34) ** 2 < 1
    labels[wall] = 2
    labels[((x + 8) / 19) ** 2 + (y / 17) ** 2 + (z / 26) ** 2 < 1] = 1
    return labels


def rotation(degrees: float, axis: int) -> NDArray[np.float64]:
    transform = vtk.vtkTransform()
    transform.RotateWXYZ(degrees, *np.eye(3)[axis])
    return slicer.util.arrayFromVTKMatrix(transform.GetMatrix())


def linear(matrix: NDArray[np.float64]) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    slicer.util.updateTransformMatrixFromArray(node, matrix)
    return node


def grid(to_parent: bool, amplitude: float = 6.0, wave: float = 90.0) -> Any:
    """A grid transform of smooth waves up to `amplitude` mm; `to_parent` False must be inverted to reach the world."""
    size, step = 49, 5.0
    first = -step * (size - 1) / 2
    places = np.stack(np.meshgrid(*[first + step * np.arange(size)] * 3, indexing="ij")[::-1], axis=-1)
    shift = amplitude * np.sin(2 * np.pi * np.roll(places, 1, axis=-1) / wave)
    image = vtk.vtkImageData()
    image.SetDimensions(size, size, size)
    image.SetOrigin(first, first, first)
    image.SetSpacing(step, step, step)
    image.AllocateScalars(vtk.VTK_DOUBLE, 3)
    numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())[:] = shift.reshape(-1, 3)
    transform = slicer.vtkOrientedGridTransform()
    transform.SetDisplacementGridData(image)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    (node.SetAndObserveTransformToParent if to_parent else node.SetAndObserveTransformFromParent)(transform)
    return node


TRANSFORMS: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "translation": lambda: linear(np.array([[1, 0, 0, 13.7], [0, 1, 0, -41.3], [0, 0, 1, 8.9], [0, 0, 0, 1.0]])),
    "rotation": lambda: linear(rotation(33, 2) @ rotation(17, 0)),
    "mirror": lambda: linear(np.diag([-1.0, 1, 1, 1])),
    "scaling": lambda: linear(rotation(20, 1) @ np.diag([1.15, 0.9, 1.05, 1])),
    "shear": lambda: linear(np.array([[1, 0.2, 0, 0], [0, 1, 0.1, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])),
    "grid to parent": lambda: grid(True),
    "grid from parent": lambda: grid(False),
}


def add_scan(values: NDArray[Any], transform: Any) -> Any:
    matrix = rotation(25, 2) @ np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])
    matrix[:3, 3] = -(matrix[:3, :3] @ (np.array(SHAPE[::-1]) / 2))
    node = slicer.util.addVolumeFromArray(values, slicer.util.vtkMatrixFromArray(matrix), "phantom")
    node.SetAndObserveTransformNodeID(transform.GetID() if transform is not None else None)
    return node


def frame_of(scan: ScanSource, labels: NDArray[np.uint8]) -> FrameResult:
    """What the child finds, handed over as a file is."""
    box = ndimage.find_objects((labels > 0).astype(np.uint8))[0]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "labels.raw").write_bytes(labels[box].tobytes())
        event = {"index": 0, "labels": "labels.raw", "box": {
            "start": [part.start for part in box[::-1]], "size": [part.stop - part.start for part in box[::-1]]}}
        return read_frame(Path(folder), event, scan)


def exported(segmentation: Any, id: str, volume: Any) -> NDArray[np.bool_]:
    names = vtk.vtkStringArray()
    names.InsertNextValue(id)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    slicer.modules.segmentations.logic().ExportSegmentsToLabelmapNode(segmentation, names, node, volume)
    return np.asarray(slicer.util.arrayFromVolume(node) > 0)


def overlay_error(found: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> float:
    """Mean distance of two boundaries in voxels: the voxels between them over those on the wanted one."""
    boundary = wanted & ~ndimage.binary_erosion(wanted)
    return float(np.count_nonzero(found != wanted) / np.count_nonzero(boundary))


def measure(name: str, labels: NDArray[np.uint8]) -> dict[str, Any]:
    slicer.mrmlScene.Clear(0)
    transform = TRANSFORMS[name]()
    scan = scan_of(add_scan((labels > 0).astype(np.int16) * BRIGHT, transform))
    result = place_frame(scan, frame_of(scan, labels))
    under_transform = volume_table.volumes(result)
    result.HardenTransform()
    hardened = volume_table.volumes(result)
    errors = {}
    for value in (1, 2, 3):
        alone = add_scan((labels == value).astype(np.int16) * BRIGHT, transform)
        alone.HardenTransform()
        bright = np.asarray(slicer.util.arrayFromVolume(alone) > BRIGHT / 2)
        errors[STRUCTURES[value].id] = overlay_error(exported(result, STRUCTURES[value].id, alone), bright)
    volumes = {id: 100 * (under_transform[id] / hardened[id] - 1) for id in errors}
    return {"overlay_error_voxels": {id: round(error, 4) for id, error in errors.items()},
            "volume_difference_percent": {id: round(error, 4) for id, error in volumes.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="parent_transforms.json")
    args = parser.parse_args()
    labels, found = phantom(), {}
    for name in TRANSFORMS:
        found[name] = measure(name, labels)
        print(name, found[name], flush=True)
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": describe_machine(), "spacing_mm": SPACING, "transforms": found}, indent=1)
    (RESULTS / args.out).write_text(text + "\n")


if __name__ == "__main__":
    main()
