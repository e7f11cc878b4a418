"""From a scan in a file or folder to its label map in a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.api.confidence import (
    check_confidence,
    check_confidence_frames,
    doubts_of,
    judgement_of,
    verdict_of,
    write_confidence,
)
from HeartSeg3DLib.api.frame_warnings import heart_warnings
from HeartSeg3DLib.api.loading import SegmentationModels
from HeartSeg3DLib.api.outputs import LABEL_MAP_KINDS, check_probabilities, resampled_image_path
from HeartSeg3DLib.api.reporting import report_file, report_of_scan, shown_frames
from HeartSeg3DLib.api.segmenting import (
    SEGMENTED,
    Cancelled,
    Probabilities,
    Progress,
    SegmentationChoices,
    SegmentedFrame,
    chosen_frames,
    segment_scan,
)
from HeartSeg3DLib.errors import CancelledError, InputError, UsageError
from HeartSeg3DLib.imaging import (
    DICOM_SEGMENTATION,
    SEGMENTATION_KINDS,
    SEQUENCE_KINDS,
    ClassProbabilities,
    Frame,
    Scan,
    check_dicom_segmentation,
    check_output,
    read_scan,
    write_dicom_segmentation,
    write_image,
    write_probabilities,
    write_segmentation,
    write_sequence,
)
from HeartSeg3DLib.imaging.header import suffix_of
from HeartSeg3DLib.measurement import (
    HeartFunction,
    Measurements,
    function_of_frames,
    measure,
    voxel_volume_mm3,
)
from HeartSeg3DLib.trust.light import Light

_WRITTEN = 0.97
"""Share of the work that is done before the report."""


@dataclass(frozen=True)
class SegmentedScan:
    """What was written for one scan.

    Attributes:
        source: The scan.
        output: Its label map.
        image: Image on whose grid the label map lies, where the scan's own grid was irregular, else None.
        frames: Number of label maps in the file.
        modality: `ct` or `mr`.
        pose: How the scan was taken to lie in the patient.
        model: Id and version of the segmenter.
        device: Where it ran.
        volumes_ml: Volume of each structure by its id, one number a frame.
        function: Function of a beating heart; None for one frame and where it cannot be measured.
        report: Page about it, None where none was asked for.
        seconds: Wall time of each step, summed over the frames.
        warnings: Sentences for the user.
        trust: How far each frame can be trusted, `Verdict.to_dict` each.
        verdict: How far the result as a whole can be trusted, of several frames the worst one.
        doubts: A light for each structure that is not green, the worst first.
        confidence: Map of how sure the model is of each voxel in %, None where none was asked for.
        probabilities: File of class probabilities, None where none was asked for.
        soft: Class probabilities, where the choices asked for them or there is a file of them.
    """

    source: Path
    output: Path
    image: Path | None
    frames: int
    modality: str
    pose: str
    model: str
    device: str
    volumes_ml: dict[str, list[float]]
    function: HeartFunction | None
    report: Path | None
    seconds: dict[str, float]
    warnings: list[str]
    trust: list[dict[str, Any]]
    verdict: Light
    doubts: list[Light]
    confidence: Path | None
    probabilities: Path | None = None
    soft: ClassProbabilities | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        volumes = {id: [round(volume, 3) for volume in volumes] for id, volumes in self.volumes_ml.items()}
        plain = {name: value for name, value in vars(self).items() if name != "soft"}
        return {**plain, "source": str(self.source), "output": str(self.output),
                "image": None if self.image is None else str(self.image), "volumes_ml": volumes,
                "function": None if self.function is None else self.function.to_json(),
                "report": None if self.report is None else str(self.report),
                "confidence": None if self.confidence is None else str(self.confidence),
                "probabilities": None if self.probabilities is None else str(self.probabilities),
                "verdict": vars(self.verdict), "doubts": [vars(light) for light in self.doubts],
                "seconds": {step: round(seconds, 3) for step, seconds in self.seconds.items()}}


def segment_to_file(
    source: Path,
    output: Path,
    models: SegmentationModels,
    choices: SegmentationChoices | None = None,
    *,
    report: Path | None = None,
    confidence: Path | None = None,
    probabilities: Path | None = None,
    sequence_output: Path | None = None,
    force: bool = False,
    progress: Progress = lambda fraction, stage: None,
    cancelled: Cancelled = lambda: False,
    writing: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> SegmentedScan:
    """Segment a scan and write its label map; the output is checked before the work starts.

    A 4-D scan gives a 4-D label map unless a frame was chosen. Where tilted or uneven slices had to be resampled, the
    label map lies on the resampled grid, and the resampled image is written beside it (not beside a DICOM SEG, whose
    grid stands in the scan's frame of reference).

    Args:
        source: Image file or folder of DICOM files.
        output: .nii.gz, .nii, .nrrd; .mha, .seg.nrrd and, for a DICOM scan, .dcm (DICOM SEG) for one frame.
        models: Models to use, shared between scans.
        choices: How to segment.
        report: Page about the result: a file (.html or .pdf), or a folder for `<label map's name>.html`, which is made
            if it is not there.
        confidence: File for how sure the model is of each voxel's label, background included, in % (uint8, 0 where
            it did not look), on the label map's grid; 4-D where the label map is.
        probabilities: File for the class probabilities around the heart (.nrrd or .seq.nrrd), on voxels about as fine
            as the model's along the scan's axes: `heartseg mesh` takes it in place of the label map. One frame only.
        sequence_output: Where the label map goes in place of `output` if the scan has several frames (4-D).
        force: Whether existing files may be replaced.
        progress: Called with (fraction 0-1, stage).
        cancelled: Polled often; True stops the work.
        writing: Entered while files are put in place, for callers who must not be interrupted there.

    Raises:
        UsageError: The output or a choice is wrong.
        InputError: The scan cannot be used or shows no heart.
        ModelError, DeviceError, CancelledError: As they say.
    """
    choices, clock = choices or SegmentationChoices(), _Clock()
    check_output(output, force=force, kinds=LABEL_MAP_KINDS)
    if confidence is not None:
        choices = replace(choices, confidence=True)
        check_confidence(confidence, output, force=force)
    if probabilities is not None:
        choices = replace(choices, probabilities=Probabilities.ALWAYS)
        check_probabilities(probabilities, (source, output, confidence), force=force)
    progress(0.0, "Reading the scan")
    scan, frames, output, image = _read(source, (output, sequence_output or output), choices, force)
    _check_frames(len(frames), confidence, probabilities)
    page = None if report is None else report_file(report, output, force=force)
    clock.lap("read")
    found = segment_scan(scan, models, choices, progress=progress, cancelled=cancelled)
    clock.lap("segment")
    progress(SEGMENTED, "Writing the label map")
    volumes = _volumes_ml(found, models.labels)
    with writing():
        if cancelled():
            raise CancelledError("The segmentation was cancelled.", "Nothing was written.")
        _write(output, found, image, frames, scan, choices, models)
        _write_maps(found, confidence, probabilities)
    clock.lap("write")
    warnings = _warnings(scan, models, found, image)
    measured, function = _measured(found, page is not None, warnings)
    if page is not None:
        progress(_WRITTEN, "Writing the report")
        judgements = [judgement_of(found[index]) for index in shown_frames(function)]
        report_of_scan(page, scan, frames, [one.heart.labels for one in found], measured, function, judgements,
                       warnings, models.description, _facts(found, choices), force=force)
        clock.lap("report")
    progress(1.0, "Done")
    return SegmentedScan(source, output, image, len(found), found[0].heart.modality, found[0].heart.pose, models.name,
                         found[-1].heart.device, volumes, function, page, {**clock.seconds, **_steps(found)}, warnings,
                         [one.heart.trust.to_dict() for one in found if one.heart.trust is not None],
                         verdict_of(found), doubts_of(found), confidence, probabilities,
                         found[0].heart.probabilities)


def _check_frames(count: int, confidence: Path | None, probabilities: Path | None) -> None:
    """Make sure that the maps that are asked for can hold the scan's frames."""
    if confidence is not None:
        check_confidence_frames(confidence, count)
    if probabilities is not None and count > 1:
        raise UsageError(f"The scan has {count} frames (4-D), and class probabilities are kept of one.",
                         "Choose one with --frame.")


def _write_maps(found: Sequence[SegmentedFrame], confidence: Path | None, probabilities: Path | None) -> None:
    """Write what the model thought of each voxel, as far as it was asked for."""
    if confidence is not None:
        write_confidence(confidence, found)
    if probabilities is not None and found[0].heart.probabilities is not None:
        write_probabilities(probabilities, found[0].heart.probabilities)


def _read(source: Path, outputs: tuple[Path, Path], choices: SegmentationChoices,
          force: bool) -> tuple[Scan, Sequence[Frame], Path, Path | None]:
    """Return the scan, its chosen frames, where the label map goes (one for one frame, one for several), and where the
    resampled image goes; outputs that do not fit are refused."""
    scan = read_scan(source, series=choices.series)
    frames = chosen_frames(scan, choices.frame)
    output = outputs[0] if len(frames) == 1 else outputs[1]
    if output != outputs[0]:
        check_output(output, force=force, kinds=LABEL_MAP_KINDS)
    _check_ending(output, scan, len(frames))
    beside = scan.resampled and suffix_of(output) != DICOM_SEGMENTATION
    image = resampled_image_path(output) if beside else None
    if image is not None:
        check_output(image, force=force, kinds=LABEL_MAP_KINDS)
    return scan, frames, output, image


class _Clock:
    """Wall time of the stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage], self._last = now - self._last, now


def _check_ending(output: Path, scan: Scan, frames: int) -> None:
    ending = suffix_of(output)
    if ending == DICOM_SEGMENTATION:
        check_dicom_segmentation(scan, frames, output.name)
        return
    if frames > 1 and ending not in SEQUENCE_KINDS:
        raise UsageError(f"The scan has {frames} frames (4-D), which do not fit into {output.name}.",
                         f"Choose one with --frame, or write one of {', '.join(SEQUENCE_KINDS)}.")
    if frames == 1 and ending not in SEGMENTATION_KINDS:
        raise UsageError(f"{output.name} is the name of a sequence, and there is one label map to write.",
                         f"Use one of {', '.join(SEGMENTATION_KINDS)}.")


def _write(output: Path, found: Sequence[SegmentedFrame], image: Path | None, frames: Sequence[Frame], scan: Scan,
           choices: SegmentationChoices, models: SegmentationModels) -> None:
    """Write the label map and, where there is one, the resampled image; both or none."""
    if suffix_of(output) == DICOM_SEGMENTATION:
        planes = scan.planes[choices.frame or 0]
        write_dicom_segmentation(output, found[0].heart.labels, planes, model=models.name, resampled=scan.resampled)
        return
    if image is not None:
        if len(frames) == 1:
            write_image(image, frames[0].image)
        else:
            write_sequence(image, frames)
    try:
        if len(found) == 1:
            write_segmentation(output, found[0].heart.labels)
        else:
            write_sequence(output, [Frame(one.time_ms, one.heart.labels) for one in found])
    except BaseException:
        if image is not None:
            image.unlink(missing_ok=True)
        raise


def _measured(found: Sequence[SegmentedFrame], wanted: bool,
              warnings: list[str]) -> tuple[list[Measurements], HeartFunction | None]:
    """Return the measurements if they are wanted or the heart beats, and its function; adds to the warnings."""
    if len(found) < 2:
        return [measure(one.heart.labels) for one in found] if wanted else [], None
    measured = [measure(one.heart.labels) for one in found]
    try:
        function = function_of_frames(measured, [one.time_ms for one in found], cut=())
    except InputError as error:
        warnings.append(error.message)
        return measured, None
    warnings += [sentence for sentence in function.warnings if sentence not in warnings]
    return measured, function


def _facts(found: Sequence[SegmentedFrame], choices: SegmentationChoices) -> dict[str, str]:
    """Return how the scan was segmented, for the report."""
    first, last = found[0].heart, found[-1].heart
    finer = "" if first.finer_spacing_mm is None else f" and {first.finer_spacing_mm:.2f} mm"
    return {"Modality": first.modality.upper(), "Pose": first.pose, "Quality": choices.quality,
            "Seen by the model": f"{first.spacing_mm:.2f} mm{finer} voxels", "Device": last.device}


def _volumes_ml(found: Sequence[SegmentedFrame], labels: Sequence[int]) -> dict[str, list[float]]:
    """Return the volume in mL of every structure that the model knows, by its id, one number a frame."""
    counts = [_voxel_counts(one.heart.labels) for one in found]
    milliliters = voxel_volume_mm3(found[0].heart.labels) / 1000.0
    ids = {label: STRUCTURES[label].id if label in STRUCTURES else f"LABEL_{label}" for label in labels if label > 0}
    return {ids[label]: [float(count[label]) * milliliters for count in counts] for label in sorted(ids)}


def _voxel_counts(labels: sitk.Image) -> np.ndarray:
    """Return how many voxels have each value from 0 to 255, background not counted."""
    counts = np.zeros(256, np.int64)
    for plane in sitk.GetArrayViewFromImage(labels):
        counts += np.bincount(plane[plane > 0], minlength=256)
    return counts


def _steps(found: Sequence[SegmentedFrame]) -> dict[str, float]:
    """Return the wall time of each step inside the segmentation, summed over the frames."""
    steps: dict[str, float] = {}
    for one in found:
        for step, seconds in one.heart.seconds.items():
            steps[f"segment.{step}"] = steps.get(f"segment.{step}", 0.0) + seconds
    return steps


def _warnings(scan: Scan, models: SegmentationModels, found: Sequence[SegmentedFrame], image: Path | None) -> list[str]:
    sentences = [*scan.warnings, *models.warnings]
    sentences += heart_warnings(found, scan.orientation_known)
    if image is not None:
        sentences.append(f"The label map lies on the resampled image, which was written to {image.name}.")
    return list(dict.fromkeys(sentences))
