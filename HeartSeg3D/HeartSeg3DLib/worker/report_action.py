"""A report about what lies in the private folder: the scan, and label maps that a person may have corrected."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.api.reporting import check_report, report_of_scan, shown_frames
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.measurement import FunctionChoices, HeartFunction, Measurements, function_of_frames, measure
from HeartSeg3DLib.trust import Mark, structure_marks
from HeartSeg3DLib.trust.light import Judgement, Light
from HeartSeg3DLib.worker.events import Job
from HeartSeg3DLib.worker.loaded_models import LoadedModels
from HeartSeg3DLib.worker.scan_folder import ScanDescription, read_scan_folder, source_named

LABELS_FILE = "labels.json"

_MEASURED = 0.6


def report(job: Job, loaded: LoadedModels) -> None:
    """Measure the label maps in the request's `folder` and write its `output`, an .html or .pdf file.

    Beside scan.json, labels.json says where they lie: `{"frames": [{"file", "start", "size"}]}` with a box along
    x, y, z of the scan's grid and a file of its uint8 voxels [z, y, x]. `function` holds what a person tells about a
    beating heart (`FunctionChoices`), or null; `marks` has for each frame what was judged of its structures
    (`id`, `level`, `sentence`), those left out that a person corrected; `trust` has `level` and `sentence` of
    each frame as a whole, or null; `title`, `model`, `facts` and `warnings` are printed as they are.

    Raises:
        UsageError: The output exists already or cannot be written.
        InputError: Scan or label maps are incomplete.
    """
    request = job.request
    folder, output, force = Path(request["folder"]), Path(request["output"]), bool(request.get("force"))
    check_report(output, force=force)
    job.progress(0.0, "Reading the scan")
    scan = read_scan_folder(folder)
    scan.source = source_named(request["title"]) if request.get("title") else scan.source
    labels = _LabelMaps(folder)
    if len(labels) != len(scan.frames):
        raise _incomplete()
    measured: list[Measurements] = []
    for index in range(len(labels)):
        job.progress(0.05 + (_MEASURED - 0.05) * index / len(labels), "Measuring")
        measured.append(measure(labels[index]))
    warnings = list(request.get("warnings") or [])
    function = _function(measured, labels.times_ms, request.get("function") or {}, warnings)
    job.progress(_MEASURED, "Drawing the pictures of the report")
    judgements = [Judgement(_marks(request.get("marks") or [], shown, labels[shown], scan.orientation_known),
                            _light(request.get("trust") or [], shown)) for shown in shown_frames(function)]
    report_of_scan(output, scan, scan.frames, labels, measured, function, judgements, warnings,
                   request.get("model") or "", request.get("facts") or {}, force=force)
    job.progress(1.0, "Done")
    job.result(output=str(output))


def _marks(told: Sequence[Sequence[Mapping[str, Any]]], index: int, labels: sitk.Image,
           orientation_known: bool) -> list[Mark]:
    """Return the marks of one frame; structures of which nothing was told are marked by what can be seen of them."""
    known = {one["id"]: one for one in (told[index] if index < len(told) else ())}
    return [Mark(mark.id, known[mark.id]["level"], known[mark.id]["sentence"]) if mark.id in known else mark
            for mark in structure_marks(labels, orientation_known)]


def _light(told: Sequence[Mapping[str, Any] | None], index: int) -> Light | None:
    """Return the light of one frame as a whole, None where nobody judged it."""
    said = told[index] if index < len(told) else None
    return Light(said["level"], said["sentence"]) if said else None


def _function(measured: Sequence[Measurements], times_ms: Sequence[float | None], told: Mapping[str, Any],
              warnings: list[str]) -> HeartFunction | None:
    """Return the function of a beating heart, and add what is to be said about it to the warnings."""
    if len(measured) < 2:
        return None
    try:
        function = function_of_frames(measured, times_ms, FunctionChoices(**told))
    except InputError as error:  # without a left ventricle the report still shows the volumes
        warnings.append(error.message)
        return None
    warnings += [sentence for sentence in function.warnings if sentence not in warnings]
    return function


class _LabelMaps(Sequence[sitk.Image]):
    """The label maps in a private folder on the scan's grid, each read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._scan = ScanDescription.read(folder)
        try:
            said = json.loads((folder / LABELS_FILE).read_text(encoding="utf-8"))["frames"]
            self._frames = [_Box(folder, one["file"], one["start"], one["size"], self._scan.size) for one in said]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _incomplete() from error

    @property
    def times_ms(self) -> list[float | None]:
        """Time of each frame of the scan in ms, None where unknown."""
        return [frame.time_ms for frame in self._scan.frames]

    def __len__(self) -> int:
        return len(self._frames)

    @overload
    def __getitem__(self, index: int) -> sitk.Image: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[sitk.Image]: ...

    def __getitem__(self, index: int | slice) -> sitk.Image | Sequence[sitk.Image]:
        if isinstance(index, slice):
            return [self._scan.image(frame.whole()) for frame in self._frames[index]]
        return self._scan.image(self._frames[index].whole())


class _Box:
    """A label map that covers a box of the grid; everything along x, y, z.

    Raises:
        ValueError: The box leaves the grid, or the file has another size.
    """

    def __init__(self, folder: Path, file: str, start: Sequence[int], size: Sequence[int],
                 grid: tuple[int, int, int]) -> None:
        self._file, self._grid = folder / Path(file).name, grid
        self._slices = tuple(slice(int(low), int(low) + int(count)) for low, count in zip(start, size, strict=True))
        inside = len(self._slices) == 3 and all(
            0 <= part.start <= part.stop <= whole for part, whole in zip(self._slices, grid, strict=True))
        if not inside or self._file.stat().st_size != np.prod([part.stop - part.start for part in self._slices]):
            raise ValueError("the box of a label map does not fit")

    def whole(self) -> np.ndarray:
        """Return the labels [z, y, x] on the whole grid."""
        labels = np.zeros(self._grid[::-1], np.uint8)
        box = labels[self._slices[::-1]]
        box[...] = np.fromfile(self._file, np.uint8).reshape(box.shape)
        return labels


def _incomplete() -> InputError:
    return InputError("The segmentation was not handed over completely.",
                      "Check the free space on the disk of the temporary folder and make the report again.")
