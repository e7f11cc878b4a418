"""Scans in a private folder, and a worker in this process whose events can be looked at."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.worker.events import EventPipe, Job
from HeartSeg3DLib.worker.folder import folder_name
from HeartSeg3DLib.worker.scan_folder import RawFrame, ScanDescription
from random_models import ct_like


def private_folder(parent: Path) -> Path:
    """A new folder that is called like a workspace of this process."""
    folder = parent / folder_name(1, "0123456789abcdef")
    folder.mkdir()
    return folder


def put_scan(folder: Path, images: Sequence[sitk.Image] | None = None, **changes: Any) -> ScanDescription:
    """Puts frames (one `ct_like` by default) into a folder as the parent does; `changes` go into scan.json."""
    images = images or [ct_like()]
    first = sitk.GetArrayViewFromImage(images[0])
    frames = []
    for number, image in enumerate(images):
        frames.append(RawFrame(f"frame_{number:03d}.raw", None if len(images) == 1 else 40.0 * number))
        voxels = sitk.GetArrayViewFromImage(image)
        (folder / frames[-1].file).write_bytes(voxels.astype(voxels.dtype.newbyteorder("<")).tobytes())
    description = ScanDescription("the scan", images[0].GetSize(), images[0].GetSpacing(), images[0].GetOrigin(),
                                  images[0].GetDirection(), first.dtype.name, "auto", True, tuple(frames))
    description.write(folder)
    if changes:
        file = folder / "scan.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    return description


class Recorder:
    """A pipe that keeps what is sent."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self.pipe = EventPipe(self._bytes)

    def job(self, **request: Any) -> Job:
        """A request whose events come here."""
        return Job({"job": 5, **request}, self.pipe)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Events of one kind, as the parent reads them."""
        found = [json.loads(line) for line in self._bytes.getvalue().splitlines()]
        return [event for event in found if event["event"] == kind]


def labels_of(folder: Path, frame: dict[str, Any], size: Sequence[int]) -> np.ndarray:
    """Labels [z, y, x] on the whole grid, put together from a frame event as the parent does."""
    start, extent = frame["box"]["start"], frame["box"]["size"]
    voxels = np.fromfile(folder / frame["labels"], np.uint8).reshape(extent[::-1])
    whole = np.zeros(tuple(size)[::-1], np.uint8)
    whole[tuple(slice(low, low + count) for low, count in zip(start[::-1], extent[::-1], strict=True))] = voxels
    return whole
