"""A scan as the other rooms see it: one image, or a lazy row of images over the heartbeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import SimpleITK as sitk

if TYPE_CHECKING:
    from .dicom_slices import Slice

Modality = Literal["ct", "mr"]


@dataclass(frozen=True)
class Frame:
    """One image of a scan.

    Attributes:
        time_ms: Time after the R wave or the first frame in ms, None where the file does not say.
        image: 3-D scalar image in mm, LPS.
    """

    time_ms: float | None
    image: sitk.Image


class LazyFrames(Sequence[Frame]):
    """Frames that are read when they are asked for, so that a cine never lies in memory as a whole.

    Args:
        times_ms: Time of each frame in ms, None where unknown.
        load: Returns the image of the frame with this index.
    """

    def __init__(self, times_ms: Sequence[float | None], load: Callable[[int], sitk.Image]) -> None:
        self.times_ms = tuple(times_ms)
        self._load = load

    def __len__(self) -> int:
        return len(self.times_ms)

    @overload
    def __getitem__(self, index: int) -> Frame: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Frame]: ...

    def __getitem__(self, index: int | slice) -> Frame | Sequence[Frame]:
        if isinstance(index, slice):
            chosen = range(len(self))[index]
            return LazyFrames([self.times_ms[i] for i in chosen], lambda i: self._load(chosen[i]))
        position = range(len(self))[index]
        return Frame(self.times_ms[position], self._load(position))


@dataclass
class Scan:
    """What was read: frames on one common grid and what is known about them.

    Attributes:
        frames: One frame, or the phases of a 4-D scan in order of time; each access may read from disk.
        modality: "ct", "mr", or None where the file does not say.
        orientation_known: False where the header says nothing believable about the patient's orientation.
        source: File or folder that was read.
        warnings: Sentences for the user; frames of a 4-D scan add to it while they are read.
        resampled: True where tilted or unevenly spaced slices were brought onto a regular grid.
        planes: For DICOM, the image planes of each frame in the order of their positions, else nothing.
    """

    frames: Sequence[Frame]
    modality: Modality | None
    orientation_known: bool
    source: Path
    warnings: list[str] = field(default_factory=list)
    resampled: bool = False
    planes: Sequence[Sequence[Slice]] = ()

    def warn(self, sentence: str) -> None:
        """Adds a warning once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)
