"""From label maps in files to tables of volumes, mass and diameters, and of function where the heart beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from HeartSeg3DLib import measurement
from HeartSeg3DLib.api.reporting import check_report, check_single, report_of_label_map
from HeartSeg3DLib.errors import HeartSegError, InputError, UsageError
from HeartSeg3DLib.imaging import check_output, read_label_frames
from HeartSeg3DLib.imaging.labels import labels_state_orientation
from HeartSeg3DLib.measurement import (
    FunctionChoices,
    HeartFunction,
    Measurements,
    function_of_frames,
    write_measurements,
)

TABLE_KINDS = (".csv", ".json")
"""Endings of tables."""


@dataclass(frozen=True)
class MeasuredLabelMap:
    """What was measured of one label map.

    Attributes:
        source: Its file.
        frames: Measurements of every frame, one for a 3-D label map.
        function: Function of the beating heart; None for a 3-D label map and where it cannot be measured.
        warnings: Sentences for the user.
    """

    source: str
    frames: list[Measurements]
    function: HeartFunction | None
    warnings: list[str]


def measure(
    labels: Path | str | sitk.Image | Sequence[Path | str],
    *,
    scheme: str | Path | None = None,
) -> list[Measurements]:
    """Measure the structures of label maps.

    Args:
        labels: A label map in memory, or one or more files; 4-D files give one result a frame, and a folder is
            read as one mask per structure.
        scheme: Meaning of foreign label values: `totalsegmentator`, `mmwhs`, `acdc`, `hvsmr` or a CSV table.

    Returns:
        Volumes in mL, myocardial mass in g and diameters in mm, in the order of the label maps.

    Raises:
        InputError: A file cannot be read as a label map.
        UsageError: The scheme is unknown.

    Example:
        ``measure("heart.nii.gz")[0]["LV"].volume_ml``
    """
    if isinstance(labels, sitk.Image):
        return [measurement.measure(labels)]
    paths = [labels] if isinstance(labels, (str, Path)) else list(labels)
    return [measured for path in paths for measured in _measured(Path(path), scheme)[0]]


def function(labels: Path | str, *, scheme: str | Path | None = None,
             choices: FunctionChoices | None = None) -> HeartFunction:
    """Measure the function of a beating heart from its 4-D label map.

    Args:
        labels: 4-D label map.
        scheme: Meaning of foreign label values, as in `measure`.
        choices: Heart rate, height, weight, and the frames of end-diastole and end-systole where a person chose them.

    Raises:
        InputError: The file cannot be read as a label map, holds fewer than two frames or no left ventricle.
        UsageError: The scheme is unknown, or something about the patient cannot be.

    Example:
        ``function("cine_heart.nii.gz").ventricles["LV"].ejection_fraction_percent``
    """
    return function_of_frames(*_measured(Path(labels), scheme), choices)


def measure_to_file(labels: Sequence[Path], table: Path, *, scheme: str | Path | None = None,
                    choices: FunctionChoices | None = None, report: Path | None = None,
                    force: bool = False) -> list[MeasuredLabelMap]:
    """Measure label maps and write one table for all of them; nothing is written if one of them cannot be measured.

    Args:
        labels: Files, 3-D or 4-D.
        table: .csv or .json.
        scheme: Meaning of foreign label values, as in `measure`.
        choices: What function needs to know, used for the 4-D label maps.
        report: .html or .pdf page about a single label map.
        force: Whether existing files may be replaced.

    Raises:
        UsageError: The path of the table or report is wrong, or as `function`.
        InputError: As `measure`.
    """
    choices = choices or FunctionChoices()
    if not labels:
        raise UsageError("No label map was given.", "Give at least one.")
    outputs = [table] if report is None else [table, report]
    check_output(table, force=force, kinds=TABLE_KINDS)
    for output in outputs:
        if any(path.exists() and output.exists() and output.samefile(path) for path in labels):
            raise UsageError(f"The output {output} is one of the label maps itself.", "Choose another name.")
    if report is not None:
        check_single(len(labels))
        check_report(report, force=force)
    choices.check()
    found = [_measured_label_map(path, scheme, choices) for path in labels]
    if report is not None:
        report_of_label_map(report, labels[0].name, read_label_frames(labels[0], scheme), found[0].frames,
                            found[0].function, found[0].warnings, force=force,
                            orientation_known=labels_state_orientation(labels[0]))
    write_measurements(table, [frame for one in found for frame in one.frames],
                       [(one.source, one.function) for one in found if one.function is not None])
    return found


def _measured_label_map(path: Path, scheme: str | Path | None, choices: FunctionChoices) -> MeasuredLabelMap:
    frames, times = _measured(path, scheme)
    present = any(row.voxels for frame in frames for row in frame)
    empty = [] if present else [f"{path.name} holds none of the structures of the heart."]
    if len(frames) == 1:
        unused = f"Heart rate, height, weight and phases are not used: {path.name} is no 4-D label map."
        return MeasuredLabelMap(str(path), frames, None, [*empty, unused] if choices.any_given else empty)
    if empty:
        return MeasuredLabelMap(str(path), frames, None, empty)
    try:
        found = function_of_frames(frames, times, choices)
    except InputError as error:
        return MeasuredLabelMap(str(path), frames, None, [error.message])
    return MeasuredLabelMap(str(path), frames, found, list(found.warnings))


def _measured(path: Path, scheme: str | Path | None) -> tuple[list[Measurements], list[float | None]]:
    """Return the measurements of every frame of a label map, and the frames' times in ms."""
    frames = read_label_frames(path, scheme)
    found, times = [], []
    for number in range(len(frames)):
        source = str(path) if len(frames) == 1 else f"{path} frame {number}"
        frame = frames[number]
        try:
            found.append(measurement.measure(frame.image, source))
        except HeartSegError as error:
            raise type(error)(f"{source}: {error.message}", error.remedy) from error
        times.append(frame.time_ms)
    return found, times
