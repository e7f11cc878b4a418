"""A scan in the private folder: scan.json beside one raw file of voxels a frame."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.imaging import LazyFrames, Modality, Scan
from HeartSeg3DLib.imaging.files import tidy_into
from HeartSeg3DLib.imaging.header import check_grid, check_size
from HeartSeg3DLib.imaging.orientation import orientation_believable
from HeartSeg3DLib.imaging.voxels import refuse_label_map

FILE = "scan.json"

_VOXEL_TYPES = {"int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"}


@dataclass(frozen=True)
class RawFrame:
    """One frame of a scan.

    Attributes:
        file: Name of its raw file: little-endian voxels [z, y, x] without a header.
        time_ms: Time in ms, None where unknown.
    """

    file: str
    time_ms: float | None = None


@dataclass(frozen=True)
class ScanDescription:
    """What scan.json says.

    Attributes:
        name: What to call the scan in messages.
        size: Voxels along x, y, z.
        spacing: mm along x, y, z.
        origin: Center of the first voxel, LPS in mm.
        direction: Nine numbers row by row; columns are the image axes in LPS.
        dtype: Voxel type by its numpy name.
        modality: `ct`, `mr` or `auto`.
        orientation_known: False where the patient's orientation is unknown.
        frames: One or more.
    """

    name: str
    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]
    dtype: str
    modality: str
    orientation_known: bool
    frames: tuple[RawFrame, ...]

    def write(self, folder: Path) -> None:
        """Write scan.json into the folder."""
        (folder / FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> ScanDescription:
        """Read and judge scan.json; the sizes of the raw files are checked before any memory is taken.

        Raises:
            InputError: It is missing or damaged, or its numbers do not describe a scan.
        """
        try:
            said = json.loads((folder / FILE).read_text(encoding="utf-8"))
            description = cls._from(said)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError("The scan that was handed over is not described correctly.",
                             "Segment it again; if that fails too, send the report to the developers.") from error
        description._check(folder)
        return description

    @classmethod
    def _from(cls, said: Mapping[str, Any]) -> ScanDescription:
        x, y, z = (int(count) for count in said["size"])
        right, back, up = (float(step) for step in said["spacing"])
        left, rear, top = (float(place) for place in said["origin"])
        direction = tuple(float(cosine) for cosine in said["direction"])
        frames = tuple(RawFrame(str(one["file"]), None if one["time_ms"] is None else float(one["time_ms"]))
                       for one in said["frames"])
        dtype, modality = str(said["dtype"]), str(said["modality"])
        inside = all(Path(frame.file).name == frame.file for frame in frames)
        if not (frames and inside and len(direction) == 9 and dtype in _VOXEL_TYPES and modality in {"auto", "ct", "mr"}
                and min(x, y, z) > 0):
            raise ValueError("a field has a value that is not allowed")
        return cls(str(said["name"]), (x, y, z), (right, back, up), (left, rear, top), direction, dtype, modality,
                   bool(said["orientation_known"]), frames)

    def _check(self, folder: Path) -> None:
        check_size(self.name, self.size)
        check_grid(self.name, self.spacing, self.origin, np.reshape(self.direction, (3, 3)))
        expected = math.prod(self.size) * np.dtype(self.dtype).itemsize
        for number, frame in enumerate(self.frames):
            file = folder / frame.file
            if not file.is_file() or file.stat().st_size != expected:
                raise InputError(f"Frame {number} of {self.name} was not handed over completely.",
                                 "Check the free space on the disk of the temporary folder and segment again.")

    def image(self, voxels: NDArray[Any]) -> sitk.Image:
        """Return voxels [z, y, x] as an image on this scan's grid."""
        image = sitk.GetImageFromArray(voxels)
        image.SetSpacing(self.spacing)
        image.SetOrigin(self.origin)
        image.SetDirection(self.direction)
        return image

    def load_frame(self, folder: Path, index: int) -> sitk.Image:
        """Return one frame as it was handed over."""
        kind = np.dtype(self.dtype).newbyteorder("<")
        voxels = np.memmap(folder / self.frames[index].file, kind, mode="r", shape=self.size[::-1])
        return self.image(voxels)


def read_scan_folder(folder: Path) -> Scan:
    """Take the scan in a private folder, judged and tidied as one from a file is; frames are read on access.

    Raises:
        InputError: It is incomplete, cannot be used, or is a label map.
    """
    description = ScanDescription.read(folder)
    modality: Modality | None = "ct" if description.modality == "ct" else "mr" if description.modality == "mr" else None
    scan = Scan([], modality, description.orientation_known, source_named(description.name))
    first = tidy_into(scan, description.load_frame(folder, 0))
    refuse_label_map(first, description.name)
    scan.orientation_known = orientation_believable(first.image, first.low, description.orientation_known)
    kept = {0: first.image}  # the first frame is not read twice

    def load(index: int) -> sitk.Image:
        return kept.pop(index) if index in kept else tidy_into(scan, description.load_frame(folder, index)).image

    scan.frames = LazyFrames([frame.time_ms for frame in description.frames], load)
    return scan


def source_named(name: str) -> Path:
    """Return a name that a person gave as one that is whole when it is asked for as that of a path."""
    return Path(re.sub(r"[/\\:]", "_", name))
