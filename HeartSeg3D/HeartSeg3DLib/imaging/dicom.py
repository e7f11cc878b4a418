"""Reads a scan from DICOM files: which stack, and the voxels of its phases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ..errors import InputError
from .dicom_pixels import PixelReader
from .dicom_slices import Slice, read_slices
from .dicom_stacks import Stack, build_stacks
from .files import tidy_into
from .geometry import stack_image
from .scan import Frame, LazyFrames, Modality, Scan

_PLANES = {0: "sagittal", 1: "coronal", 2: "axial"}
_OBLIQUE_COSINE = 0.95
_MODALITIES: dict[str, Modality] = {"CT": "ct", "MR": "mr"}
_TRIGGER_TIME = 0
_NAMED_FILES = 3


@dataclass(frozen=True)
class SeriesInfo:
    """One stack of images that a DICOM folder holds, as a person chooses it.

    Attributes:
        number: 1-based place in the list, what `series` takes.
        uids: Series Instance UIDs, several where a cine has one series per slice position.
        description: Series description.
        modality: DICOM modality.
        slices: Slice positions.
        phases: Images at each position.
        voxels: Columns and rows.
        spacing_mm: mm between columns, rows and slices; None where it is unusable.
        plane: "axial", "coronal", "sagittal" or "oblique".
        problem: Why it cannot be read as a scan, empty where it can.
    """

    number: int
    uids: tuple[str, ...]
    description: str
    modality: str
    slices: int
    phases: int
    voxels: tuple[int, int]
    spacing_mm: tuple[float, float, float] | None
    plane: str
    problem: str

    def __str__(self) -> str:
        phases = f", {self.phases} phases" if self.phases > 1 else ""
        problem = f" ({self.problem})" if self.problem else ""
        return (f"{self.number}) {self.description or 'no description'}: {self.modality or 'unknown modality'} "
                f"{self.plane}, {self.voxels[0]} x {self.voxels[1]} x {self.slices}{phases}{problem}")


def list_series(folder: Path | Sequence[Path]) -> list[SeriesInfo]:
    """Stacks of images in a folder of DICOM files, searched to the bottom.

    Raises:
        InputError: There is no DICOM image.
    """
    listed, _ = _stacks(_as_list(folder))
    return [info for info, _ in listed]


def read_dicom(paths: Sequence[Path], series: str | int | None = None) -> Scan:
    """Reads one stack from DICOM files and folders.

    Args:
        paths: Files and folders, taken together.
        series: Series Instance UID or 1-based number in `list_series`; by default the largest axial CT or cine.

    Raises:
        InputError: No usable stack, several patients without a choice, an unknown series, damaged files.
    """
    listed, damaged = _stacks(paths)
    info, stack = _choose(listed, series, paths[0])
    scan = Scan([], _MODALITIES.get(info.modality), True, paths[0], list(stack.warnings))
    if len(listed) > 1 and series is None:
        others = "; ".join(str(other) for other, _ in listed if other is not info)
        scan.warn(f"The DICOM files hold {len(listed)} image stacks; {info} was read. Others: {others}.")
    if damaged:
        names = ", ".join(path.name for path in damaged[:_NAMED_FILES])
        scan.warn(f"{len(damaged)} DICOM files are damaged and were left out ({names}).")
    scan.planes = tuple(zip(*stack.places, strict=True))
    _explain_resampling(scan, stack)
    pixels = PixelReader()

    def load(phase: int) -> sitk.Image:
        voxels = pixels.volume([place[phase] for place in stack.places])
        return tidy_into(scan, stack_image(voxels, stack.layout)).image

    if stack.phases == 1:
        scan.frames = [Frame(None, load(0))]
    else:
        load(0)  # a folder that cannot be read is found out now, not in the middle of the work
        scan.frames = LazyFrames(_phase_times(stack), load)
    return scan


def _as_list(paths: Path | Sequence[Path]) -> Sequence[Path]:
    return [paths] if isinstance(paths, Path) else paths


def _stacks(paths: Sequence[Path]) -> tuple[list[tuple[SeriesInfo, Stack]], list[Path]]:
    slices, damaged = read_slices(paths)
    stacks = build_stacks(slices)
    if not stacks:
        raise InputError(f"There are no DICOM images in {paths[0].name or paths[0]}.",
                         "Give a folder of DICOM files, or a .nii.gz, .nrrd or .mha file.")
    return [(_info(number, stack), stack) for number, stack in enumerate(stacks, start=1)], damaged


def _info(number: int, stack: Stack) -> SeriesInfo:
    first, facts = stack.first, stack.series[0]
    spacing = None if stack.problem else (*first.spacing, stack.layout.step)
    return SeriesInfo(number, tuple(one.uid for one in stack.series), facts.description, facts.modality,
                      len(stack.places), stack.phases, (first.shape[1], first.shape[0]),
                      spacing, _plane(first), stack.problem)


def _plane(one: Slice) -> str:
    if not one.placed:
        return "plane unknown"
    normal = np.abs(np.cross(one.axes[:, 0], one.axes[:, 1]))
    return _PLANES[int(normal.argmax())] if normal.max() > _OBLIQUE_COSINE else "oblique"


def _choose(listed: list[tuple[SeriesInfo, Stack]], series: str | int | None,
            source: Path) -> tuple[SeriesInfo, Stack]:
    usable = [pair for pair in listed if not pair[0].problem]
    if series is not None:
        return _named(listed, str(series), source)
    if not usable:
        reasons = "; ".join(str(info) for info, _ in listed)
        raise InputError(f"No image stack in {source.name} can be used: {reasons}.",
                         "Give the folder with all slices of a CT or MR scan.")
    if len({stack.series[0].patient for _, stack in usable}) > 1:
        raise InputError(f"{source.name} holds scans of several patients: "
                         f"{'; '.join(str(info) for info, _ in usable)}.",
                         "Give the folder of one of them (or, on the command line, its --series NUMBER).")
    return max(usable, key=lambda pair: _preference(*pair))


def _named(listed: list[tuple[SeriesInfo, Stack]], series: str, source: Path) -> tuple[SeriesInfo, Stack]:
    found = [pair for pair in listed if series in pair[0].uids or series == str(pair[0].number)]
    if len(found) != 1:
        what = "is not in" if not found else "stands for several stacks of"
        raise InputError(f"Series {series} {what} {source.name}: {'; '.join(str(info) for info, _ in listed)}.",
                         "Choose one of these by its number.")
    if found[0][0].problem:
        raise InputError(f"Series {series} cannot be used: it {found[0][0].problem}.",
                         "Choose another series or export this one completely.")
    return found[0]


def _preference(info: SeriesInfo, stack: Stack) -> tuple[bool, bool, int, int]:
    """Cine or axial CT first, no localizer, then the most voxels, then the first in the list."""
    wanted = info.phases > 1 or (info.modality == "CT" and info.plane == "axial")
    localizer = "LOCALIZER" in stack.series[0].image_type
    return wanted, not localizer, info.voxels[0] * info.voxels[1] * info.slices, -info.number


def _explain_resampling(scan: Scan, stack: Stack) -> None:
    layout = stack.layout
    if not layout.straight:
        scan.warn(f"The slices are tilted by {layout.tilt_degrees:.1f} degrees or shifted against each other; the "
                  "image was resampled onto a regular grid.")
    if not layout.evenly_spaced:
        gaps = np.diff(layout.along)
        scan.warn(f"The slices are unevenly spaced ({gaps.min():.2f} to {gaps.max():.2f} mm), some may be missing; "
                  f"the image was resampled to {layout.step:.2f} mm.")
    scan.resampled = not (layout.straight and layout.evenly_spaced)


def _phase_times(stack: Stack) -> list[float | None]:
    """Trigger time of each phase in ms, averaged over the slices, whose heartbeats differ."""
    if stack.time_kind != _TRIGGER_TIME:
        return [None] * stack.phases
    times = [[one.times[_TRIGGER_TIME] for one in place] for place in stack.places]
    return [float(np.mean([place[phase] for place in times])) for phase in range(stack.phases)]
