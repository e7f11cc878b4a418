"""Segmenting the scan in a private folder; each frame is handed over as soon as it is done."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.api import SegmentationChoices, SegmentedFrame, segment_frames
from HeartSeg3DLib.imaging import replacing
from HeartSeg3DLib.measurement import voxel_volume_mm3
from HeartSeg3DLib.worker.events import Job
from HeartSeg3DLib.worker.loaded_models import LoadedModels
from HeartSeg3DLib.worker.scan_folder import read_scan_folder

_SEGMENTED = 0.9
"""Share of a frame's time after which its labels are done and its surfaces begin."""


def segment(job: Job, loaded: LoadedModels) -> None:
    """Segment every frame of the scan in the request's folder.

    Raises:
        InputError: The scan cannot be used or shows no heart; of several frames the one is named.
        HeartSegError: As `api.segment_scan`.
    """
    request = job.request
    folder, surfaces = Path(request["folder"]), bool(request.get("surfaces", True))
    clock = _Clock()
    job.progress(0.0, "Reading the scan")
    scan = read_scan_folder(folder)
    clock.lap("read")
    job.progress(0.03, "Starting the segmenter")
    models = loaded.get(request.get("model"), request.get("device") or "auto")
    clock.lap("start")
    choices = SegmentationChoices(request.get("modality") or "auto", request.get("quality") or "standard")
    warnings: list[str] = []
    last: SegmentedFrame | None = None
    found = segment_frames(scan, models, choices,
                           progress=lambda fraction, stage: job.progress(fraction * _SEGMENTED, stage))
    for index, last in enumerate(found):
        clock.lap("segment")
        for step, seconds in last.heart.seconds.items():
            clock.add(f"segment.{step}", seconds)
        box, voxels = crop(sitk.GetArrayViewFromImage(last.heart.labels))
        labels_file = f"labels_{index:03d}.raw"
        with replacing(folder / labels_file) as temporary:
            temporary.write_bytes(voxels.data)
        clock.lap("write")
        surface_file = None
        if surfaces:
            count = len(scan.frames)
            job.progress(_SEGMENTED * (index + 1) / count, _of_frame(index, count, "Making the surfaces"))
            surface_file = _write_surfaces(folder, index, box_image(last.heart.labels, box, voxels))
            clock.lap("surfaces")
        verdict = last.heart.trust
        assert verdict is not None  # segment_frames judges every frame
        job.frame(index=index, box=box, labels=labels_file, surfaces=surface_file,
                  volumes_ml=_volumes_ml(voxels, last.heart.labels, models.labels),
                  marks=[asdict(mark) for mark in verdict.marks],
                  trust={"level": verdict.level, "sentence": verdict.sentence}, warnings=last.heart.warnings)
        warnings += [text for text in last.heart.warnings if text not in warnings]
    assert last is not None  # a scan has at least one frame
    job.progress(1.0, "Done")
    job.result(model=models.name, device=last.heart.device, modality=last.heart.modality, pose=last.heart.pose,
               seconds=clock.rounded(), warnings=[*scan.warnings, *models.warnings, *warnings])


def crop(labels: NDArray[np.uint8]) -> tuple[dict[str, list[int]], NDArray[np.uint8]]:
    """Return the box around all labels (x, y, z) and the voxels [z, y, x] in it; without labels both are empty.

    Example:
        >>> labels = np.zeros((4, 5, 6), np.uint8)
        >>> labels[1, 2:4, 3] = 7
        >>> box, voxels = crop(labels)
        >>> box["start"], box["size"], voxels.ravel().tolist()
        ([3, 2, 1], [1, 2, 1], [7, 7])
    """
    slices = []
    plane = np.asarray(labels.any(axis=0))
    for line in (labels.any(axis=(1, 2)), plane.any(axis=1), plane.any(axis=0)):
        where = np.flatnonzero(line)
        slices.append(slice(int(where[0]), int(where[-1]) + 1) if where.size else slice(0, 0))
    inside = slices[::-1]
    box = {"start": [part.start for part in inside], "size": [part.stop - part.start for part in inside]}
    return box, np.ascontiguousarray(labels[tuple(slices)])


def box_image(labels: sitk.Image, box: dict[str, list[int]], voxels: NDArray[np.uint8]) -> sitk.Image:
    """Return the box of a label map as an image at its place; without labels one voxel of background."""
    image = sitk.GetImageFromArray(voxels if voxels.size else np.zeros((1, 1, 1), np.uint8))
    image.SetSpacing(labels.GetSpacing())
    image.SetDirection(labels.GetDirection())
    image.SetOrigin(labels.TransformIndexToPhysicalPoint(box["start"]))
    return image


def _write_surfaces(folder: Path, index: int, labels: sitk.Image) -> str:
    from HeartSeg3DLib.meshing.display_surface import display_surfaces  # brings VTK, after the labels are safe

    arrays: dict[str, NDArray[Any]] = {}
    for value, surface in display_surfaces(labels).items():
        arrays[f"points_{value}"] = surface.points
        arrays[f"triangles_{value}"] = surface.triangles
        arrays[f"normals_{value}"] = surface.normals
    file = folder / f"surface_{index:03d}.npz"
    with replacing(file) as temporary:
        np.savez(temporary, allow_pickle=False, **arrays)
    return file.name


def _volumes_ml(voxels: NDArray[np.uint8], labels: sitk.Image, known: tuple[int, ...]) -> dict[str, float]:
    """Return the volume in mL of every structure that the model knows, by its id."""
    counts = np.zeros(256, np.int64)
    for plane in voxels:  # one after the other: numpy makes 64-bit copies
        counts += np.bincount(plane.ravel(), minlength=256)
    milliliters = voxel_volume_mm3(labels) / 1000.0
    return {STRUCTURES[value].id if value in STRUCTURES else f"LABEL_{value}": float(counts[value]) * milliliters
            for value in sorted(known) if value > 0}


def _of_frame(index: int, count: int, stage: str) -> str:
    return f"Frame {index + 1} of {count}: {stage}" if count > 1 else stage


class _Clock:
    """Wall time of the stages, summed over the frames."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.add(stage, now - self._last)
        self._last = now

    def add(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def rounded(self) -> dict[str, float]:
        return {stage: round(seconds, 3) for stage, seconds in self.seconds.items()}
