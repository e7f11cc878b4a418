"""The demonstration: the scan that comes with HeartSeg goes through the whole path."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from HeartSeg3DLib import resources
from HeartSeg3DLib.api.confidence import doubts_of, verdict_of
from HeartSeg3DLib.api.loading import SegmentationModels
from HeartSeg3DLib.api.outputs import output_folder
from HeartSeg3DLib.api.segmenting import SEGMENTED, Cancelled, Progress, segment_scan
from HeartSeg3DLib.errors import CancelledError
from HeartSeg3DLib.imaging import check_output, read_scan, write_segmentation
from HeartSeg3DLib.measurement import Measurements, measure
from HeartSeg3DLib.trust.light import Light

SAMPLE = "Samples/chest_ct_generated.nii.gz"
"""The embedded scan, below Resources."""

_LABEL_MAP, _SEGMENTATION, _TABLE, _PICTURE = "heart.nii.gz", "heart.seg.nrrd", "volumes.csv", "heart.png"
_ENDINGS = (".nii.gz", ".seg.nrrd", ".csv", ".png")


@dataclass(frozen=True)
class Demonstration:
    """What the demonstration wrote.

    Attributes:
        scan: The embedded scan.
        label_map: Labels for any program.
        segmentation: Labels with names, colors and terminology for 3D Slicer.
        table: Volumes, mass and diameters.
        picture: Three planes and a 3-D view.
        measurements: What the table holds.
        model: Id and version of the segmenter.
        warnings: Sentences for the user.
        verdict: How far the result as a whole can be trusted.
        doubts: A light for each structure that is not green, the worst first.
    """

    scan: Path
    label_map: Path
    segmentation: Path
    table: Path
    picture: Path
    measurements: Measurements
    model: str
    warnings: list[str]
    verdict: Light
    doubts: list[Light]


def demo(
    folder: Path,
    *,
    force: bool = False,
    progress: Progress = lambda fraction, stage: None,
    cancelled: Cancelled = lambda: False,
    writing: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Demonstration:
    """Segment the embedded scan with the default models, measure it and draw it.

    Args:
        folder: Where the four files go; made if it does not exist.
        force: Whether existing files may be replaced.
        progress: Called with (fraction 0-1, stage).
        cancelled: Polled often; True stops the work.
        writing: Entered while files are put in place, for callers who must not be interrupted there.

    Raises:
        UsageError: A file exists already or cannot be written.
        InputError: The embedded scan is missing.
        ModelError, DeviceError, CancelledError: As they say.
    """
    names = (_LABEL_MAP, _SEGMENTATION, _TABLE, _PICTURE)
    with output_folder(folder):
        for name in names:
            check_output(folder / name, force=force, kinds=_ENDINGS)
        sample, models = resources.path(SAMPLE), SegmentationModels()
        progress(0.0, "Reading the sample")
        scan = read_scan(sample)
        found = segment_scan(scan, models, progress=progress, cancelled=cancelled)
        heart = found[0].heart
        with tempfile.TemporaryDirectory(prefix=".demo-", dir=folder) as made:
            place = Path(made)
            progress(SEGMENTED, "Measuring and drawing")
            write_segmentation(place / _LABEL_MAP, heart.labels)
            write_segmentation(place / _SEGMENTATION, heart.labels)
            measured = measure(heart.labels, _LABEL_MAP)
            measured.to_csv(place / _TABLE)
            _draw(scan.frames[0].image, heart.labels, place / _PICTURE)
            with writing():
                if cancelled():
                    raise CancelledError("The demonstration was cancelled.", "Nothing was written.")
                for name in names:
                    os.replace(place / name, folder / name)
    progress(1.0, "Done")
    warnings = [*scan.warnings, *models.warnings, *heart.warnings]
    return Demonstration(
        scan=sample, label_map=folder / _LABEL_MAP, segmentation=folder / _SEGMENTATION, table=folder / _TABLE,
        picture=folder / _PICTURE, measurements=measured, model=models.name, warnings=warnings,
        verdict=verdict_of(found), doubts=doubts_of(found),
    )


def free_folder(wanted: Path) -> Path:
    """Return the folder's name, with the first free number from 2 on behind it if it is taken."""
    number, folder = 1, wanted
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def _draw(image: sitk.Image, labels: sitk.Image, path: Path) -> None:
    from HeartSeg3DLib.report import render_overview  # brings VTK, which scripts that segment do not need

    render_overview(image, labels, path, "Generated chest CT with contrast")
