"""Reports about segmented scans and measured label maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import SimpleITK as sitk

from HeartSeg3DLib.api.outputs import PlannedOutput, output_folder
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.imaging import Frame, Scan, check_output, check_output_folder, refuse_name_of_file
from HeartSeg3DLib.imaging.header import suffix_of
from HeartSeg3DLib.measurement import HeartFunction, Measurements
from HeartSeg3DLib.trust import structure_marks
from HeartSeg3DLib.trust.light import Judgement, Light

_KINDS = (".html", ".pdf")
_LABELS_ALONE = Light("grey", "Not judged. A label map alone does not tell how far it can be trusted: where HeartSeg "
                              "made it, the lights are in the report of heartseg segment.")


class _Images:
    """The images of frames, each read when it is asked for."""

    def __init__(self, frames: Sequence[Frame]) -> None:
        self._frames = frames

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int, /) -> sitk.Image:
        return self._frames[index].image


def check_report(path: Path, *, force: bool) -> None:
    """Make sure that a report can be written before any work is done for it.

    Raises:
        UsageError: Another ending than .html or .pdf, the file exists already, or cannot be written.
    """
    check_output(path, force=force, kinds=_KINDS)


def report_path(place: Path, output: Path) -> Path:
    """Return where the report of a label map goes: a file's place itself, `<label map's name>.html` in a folder."""
    if _is_file(place):
        return place
    return place / f"{output.name.removesuffix(suffix_of(output))}.html"


def report_file(place: Path, output: Path, *, force: bool) -> Path:
    """Return `report_path` after making sure that it can be written; the folder may be new.

    Raises:
        UsageError: The report exists already or cannot be written, or the folder has the name of another file.
    """
    path = report_path(place, output)
    if path == place or place.exists():
        check_report(path, force=force)
        return path
    _refuse_other_endings(place)
    check_output_folder(place.parent)
    return path


def shown_frames(function: HeartFunction | None) -> tuple[int, ...]:
    """Return the frames that a report shows: the only one, or those of end-diastole and end-systole."""
    return (0,) if function is None else function.phases


def check_reports(plan: Sequence[PlannedOutput], place: Path | None, *, force: bool) -> None:
    """Make sure before any work that the reports of all label maps can be written.

    Args:
        plan: Scans and their label maps.
        place: A file (.html or .pdf) for one scan, or a folder, existing or new; None for no reports.
        force: Whether existing files may be replaced.

    Raises:
        UsageError: A file for several scans, or as `report_file`.
    """
    if place is None:
        return
    if len(plan) > 1 and _is_file(place):
        raise UsageError(f"The reports of {len(plan)} scans cannot go into one file, {place.name}.",
                         "Give a folder for --report.")
    for item in plan:
        report_file(place, item.output, force=force)


def _is_file(place: Path) -> bool:
    return suffix_of(place) in _KINDS and not place.is_dir()


def _refuse_other_endings(place: Path) -> None:
    try:
        refuse_name_of_file(place)
    except UsageError as error:
        raise UsageError(f"A report cannot be written as {place.name}.",
                         f"Use one of {', '.join(_KINDS)}, or a folder.") from error


def report_of_label_map(path: Path, title: str, frames: Sequence[Frame], measured: Sequence[Measurements],
                        function: HeartFunction | None, warnings: Sequence[str], *, orientation_known: bool,
                        force: bool) -> None:
    """Write a report about a label map alone, without its scan.

    Args:
        path: .html or .pdf.
        title: Name of the label map.
        frames: Its frames.
        measured: Measurements of each.
        function: Function of the heart, if it beats.
        warnings: Sentences for the reader.
        orientation_known: Whether the sides of the patient may be named.
        force: Whether an existing file may be replaced.

    Raises:
        UsageError: The file exists already or cannot be written.
    """
    from HeartSeg3DLib.report import ReportContent, write_report  # brings VTK, which measuring does not need

    labels = _Images(frames)
    judgements = [Judgement(structure_marks(labels[index], orientation_known), _LABELS_ALONE)
                  for index in shown_frames(function)]
    write_report(path, ReportContent(title, labels, measured, None, function, judgements, warnings,
                                     orientation_known=orientation_known), force)


def report_of_scan(path: Path, scan: Scan, frames: Sequence[Frame], labels: Sequence[sitk.Image],
                   measured: Sequence[Measurements], function: HeartFunction | None, judgements: Sequence[Judgement],
                   warnings: Sequence[str], model: str, facts: Mapping[str, str], *, force: bool) -> None:
    """Write a report about a segmented scan.

    Args:
        path: .html or .pdf; its folder is made if it is not there.
        scan: What was read.
        frames: Those of its frames that were segmented.
        labels: Label map of each.
        measured: Measurements of each.
        function: Function of the heart, if it beats.
        judgements: How far each of the `shown_frames` can be trusted.
        warnings: Sentences for the reader.
        model: The model in words.
        facts: How it was segmented, in the order of the page.
        force: Whether an existing file may be replaced.

    Raises:
        UsageError: The file exists already or cannot be written.
    """
    from HeartSeg3DLib.report import ReportContent, write_report  # brings VTK, which segmenting does not need

    content = ReportContent(scan.source.name, labels, measured, _Images(frames), function, judgements, warnings,
                            model, facts, scan.orientation_known)
    with output_folder(path.parent):
        write_report(path, content, force)


def check_single(labels: int) -> None:
    """Refuse a report about several label maps.

    Raises:
        UsageError: There is more than one.
    """
    if labels > 1:
        raise UsageError("A report is about one label map, and several were given.",
                         "Measure them one by one, or leave the report out.")
