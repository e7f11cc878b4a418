"""From a scan in memory to the labels of its heart, frame by frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import SimpleITK as sitk

from HeartSeg3DLib.api.loading import SegmentationModels
from HeartSeg3DLib.errors import InputError, ModelError, UsageError
from HeartSeg3DLib.imaging import Frame, Scan, read_scan, scan_of_image
from HeartSeg3DLib.trust import JUDGED_QUALITIES, judge

if TYPE_CHECKING:
    from HeartSeg3DLib.segmentation import HeartLabels

Progress = Callable[[float, str], None]
Cancelled = Callable[[], bool]

UNUSUAL_IMAGE = "The image is unlike those that the model knows: look at every structure."

_LOADING, _SEGMENTING, SEGMENTED = 0.05, 0.1, 0.95
"""Share of the whole at which each stage begins, roughly by their times on two CPU cores."""


class Probabilities(Enum):
    """When class probabilities are made beside the labels, which takes half a second."""

    NEVER = "never"
    THICK_SLICES = "where slices are much thicker than what the model saw"
    ALWAYS = "always"


@dataclass(frozen=True)
class SegmentationChoices:
    """How a scan is to be segmented.

    Attributes:
        modality: `auto`, `ct` or `mr`; `auto` believes the DICOM header, else the voxel values.
        quality: `fast`, `standard` or `best`.
        series: For DICOM: Series Instance UID or 1-based number in the list of stacks.
        frame: Frame of a 4-D scan, counted from 0; all frames if None.
        confidence: Whether to make the map of how sure the model is of each voxel, `heart.trust.confidence`.
        probabilities: When to make `heart.probabilities`, from which surfaces can be made; of one frame only.
    """

    modality: str = "auto"
    quality: str = "standard"
    series: str | int | None = None
    frame: int | None = None
    confidence: bool = False
    probabilities: Probabilities = Probabilities.NEVER


@dataclass(frozen=True)
class SegmentedFrame:
    """One frame of a scan with its heart.

    Attributes:
        time_ms: Time of the frame in ms, None where the scan does not say.
        heart: Label map on the scan's own grid, and what is known about it.
    """

    time_ms: float | None
    heart: HeartLabels


def segment(
    scan: Path | str | sitk.Image,
    *,
    model: str | Path | None = None,
    device: str = "auto",
    modality: str = "auto",
    quality: str = "standard",
    series: str | int | None = None,
    frame: int | None = None,
    confidence: bool = False,
    probabilities: bool = False,
    models: SegmentationModels | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> HeartLabels:
    """Segment the heart of one CT or MR image.

    Args:
        scan: Image file, folder of DICOM files, or an image in memory (LPS, mm).
        model: Id or package folder of the segmenter, the default model if None.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        modality: `auto`, `ct` or `mr`.
        quality: `fast`, `standard` or `best`.
        series: For DICOM: Series Instance UID or 1-based number in the list of stacks.
        frame: Frame of a 4-D scan, counted from 0.
        confidence: Whether to make `trust.confidence`, the map of how sure the model is of each voxel in %.
        probabilities: Whether to make class probabilities, too, which `mesh_to_folder` takes in place of labels.
        models: Loaded models to share between calls, in place of `model` and `device`.
        progress: Called with (fraction 0-1, stage).
        cancelled: Polled often; True stops the work.

    Returns:
        `labels` (SimpleITK image, uint8, exactly on the scan's grid), `warnings`, `modality`, `pose`, `trust` (how far
        each structure can be trusted, and why) and more.

    Raises:
        InputError: The scan cannot be used or shows no heart.
        UsageError: A choice is wrong, or a 4-D scan was given without a frame.
        ModelError, DeviceError, CancelledError: As they say.

    Example:
        ``segment(Path("scan.nii.gz")).labels``
    """
    models = models or SegmentationModels(model, device)
    read = scan_of_image(scan) if isinstance(scan, sitk.Image) else read_scan(Path(scan), series=series)
    if frame is None and len(read.frames) > 1:
        raise UsageError(f"The scan has {len(read.frames)} frames (4-D).",
                         "Choose one with frame=N, or segment all with segment_to_file.")
    choices = SegmentationChoices(modality, quality, series, frame, confidence,
                                  Probabilities.ALWAYS if probabilities else Probabilities.NEVER)
    found = segment_scan(read, models, choices, progress=progress, cancelled=cancelled)[0].heart
    found.warnings[:0] = [*read.warnings, *models.warnings]
    return found


def segment_scan(
    scan: Scan,
    models: SegmentationModels,
    choices: SegmentationChoices | None = None,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> list[SegmentedFrame]:
    """Segment the chosen frame, or all frames, of a scan that was read.

    Raises:
        UsageError: There is no such frame.
        InputError, ModelError, DeviceError, CancelledError: As `Segmenter.segment`.
    """
    return list(segment_frames(scan, models, choices, progress=progress, cancelled=cancelled))


def segment_frames(
    scan: Scan,
    models: SegmentationModels,
    choices: SegmentationChoices | None = None,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Iterator[SegmentedFrame]:
    """Segment as `segment_scan` does, and hand out each frame as soon as it is done.

    Only the first frame is kept, whose pose the others take over.

    Raises:
        UsageError: There is no such frame, or no map of confidence at this quality.
        InputError, ModelError, DeviceError, CancelledError: As `Segmenter.segment`.
    """
    choices = choices or SegmentationChoices()
    progress = progress or _nothing
    frames = chosen_frames(scan, choices.frame)
    progress(_LOADING, "Loading the models")
    if choices.confidence:
        check_map(models, choices.quality)
    segmenter = models.segmenter()
    modality = scan.modality if choices.modality == "auto" else choices.modality
    first: HeartLabels | None = None
    for number in range(len(frames)):
        try:
            frame = frames[number]
            heart = segmenter.segment(
                frame.image, modality, quality=choices.quality, orientation_known=scan.orientation_known,
                same_scan_as=first, keep_seen=True, progress=_share(progress, number, len(frames)),
                cancelled=cancelled,
            )
        except InputError as error:
            if len(frames) == 1:
                raise
            raise InputError(f"Frame {number} of 0 to {len(frames) - 1}: {error.message}",
                             "Check this frame, or segment the other frames one by one.") from error
        if len(frames) == 1:
            heart = _with_probabilities(heart, models, choices)
        heart = _judged(heart, models, choices, orientation_known=scan.orientation_known)
        first = first or heart
        modality = heart.modality  # one scan is not CT in one phase and MR in the next
        yield SegmentedFrame(frame.time_ms, heart)


def check_map(models: SegmentationModels, quality: str) -> None:
    """Make sure that maps of confidence can be made; loads the models.

    Raises:
        UsageError: There is none at this quality.
        ModelError: The model cannot be judged, or the models cannot be loaded.
        DeviceError: The device is missing or fails.
    """
    if quality not in JUDGED_QUALITIES:
        raise UsageError(f"How sure the model may be was not measured at quality '{quality}': there is no map.",
                         f"Use quality {' or '.join(JUDGED_QUALITIES)}, or leave the map out.")
    models.segmenter()
    if models.trust_error is not None:
        raise ModelError(f"There is no map of how sure the model '{models.name}' is. {models.trust_error.message}",
                         f"{models.trust_error.remedy} Or leave the map out.")
    if models.trust is None:
        raise ModelError(f"How sure the model '{models.name}' may be was never measured, so there is no map of it.",
                         "Choose another model, leave the map out, or run `heartseg train calibrate` on this one.")


def _with_probabilities(
    heart: HeartLabels, models: SegmentationModels, choices: SegmentationChoices
) -> HeartLabels:
    """Return a result with its class probabilities, as sure as the model was measured to be, where they are wanted."""
    wanted, seen = choices.probabilities, heart.seen
    if seen is None or wanted is Probabilities.NEVER:
        return heart
    from HeartSeg3DLib.segmentation.probabilities import class_probabilities, has_thick_slices

    if wanted is Probabilities.THICK_SLICES and not has_thick_slices(seen):
        return heart
    start = time.perf_counter()
    temperature = 1.0 if models.trust is None else models.trust.temperature
    made = class_probabilities(seen, temperature=temperature)
    return replace(heart, probabilities=made, seconds={**heart.seconds, "probabilities": time.perf_counter() - start})


def _judged(heart: HeartLabels, models: SegmentationModels, choices: SegmentationChoices, *,
            orientation_known: bool) -> HeartLabels:
    """Return a result with how far it can be trusted, and without what the network said."""
    start = time.perf_counter()
    verdict = judge(heart.labels, heart.seen, models.trust, quality=choices.quality,
                    orientation_known=orientation_known, blood_unseen=heart.blood_unseen,
                    confidence=choices.confidence, why_not=models.why_not_judged)
    seconds = {**heart.seconds, "trust": time.perf_counter() - start}
    warnings = [*heart.warnings, UNUSUAL_IMAGE] if verdict.is_unusual else heart.warnings
    return replace(heart, trust=verdict, seen=None, seconds=seconds, warnings=warnings)


def chosen_frames(scan: Scan, frame: int | None) -> Sequence[Frame]:
    """Return one frame of a scan, or all.

    Raises:
        UsageError: There is no such frame.
    """
    if frame is None:
        return scan.frames
    if not 0 <= frame < len(scan.frames):
        raise UsageError(f"There is no frame {frame}: the scan has {len(scan.frames)}.",
                         "Leave the choice of a frame out." if len(scan.frames) == 1 else
                         f"Frames are counted from 0; choose 0 to {len(scan.frames) - 1}.")
    return scan.frames[frame:frame + 1]


def _share(progress: Progress, number: int, count: int) -> Progress:
    """Return a function that reports one frame's progress as its share of the whole."""
    name = f"Frame {number + 1} of {count}: " if count > 1 else ""

    def report(fraction: float, stage: str) -> None:
        if fraction >= 1.0:
            return  # one frame is done, not the work
        done = (number + fraction) / count
        progress(_SEGMENTING + (SEGMENTED - _SEGMENTING) * done, f"{name}{stage}")

    return report


def _nothing(fraction: float, stage: str) -> None:
    """Take the place of a progress display that nobody wants."""
