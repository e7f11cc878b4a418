"""From label maps in files to tables of volumes, mass and diameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import SimpleITK as sitk

from HeartSeg3DLib import measurement
from HeartSeg3DLib.errors import HeartSegError, UsageError
from HeartSeg3DLib.imaging import check_output, read_label_frames
from HeartSeg3DLib.measurement import Measurements, write_measurements

TABLE_KINDS = (".csv", ".json")
"""Endings of tables."""


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
    return [measured for path in paths for measured in _of_file(Path(path), scheme)]


def measure_to_file(labels: Sequence[Path], table: Path, *, scheme: str | Path | None = None,
                    force: bool = False) -> list[Measurements]:
    """Measure label maps and write one table for all of them; nothing is written if one of them cannot be measured.

    Raises:
        UsageError: The table's path is wrong, or as `measure`.
        InputError: As `measure`.
    """
    if not labels:
        raise UsageError("No label map was given.", "Give at least one.")
    check_output(table, force=force, kinds=TABLE_KINDS)
    if any(path.exists() and table.exists() and table.samefile(path) for path in labels):
        raise UsageError(f"The table {table} is one of the label maps itself.", "Choose another name.")
    measured = measure(labels, scheme=scheme)
    write_measurements(table, measured)
    return measured


def _of_file(path: Path, scheme: str | Path | None) -> Iterator[Measurements]:
    frames = read_label_frames(path, scheme)
    for number in range(len(frames)):
        source = str(path) if len(frames) == 1 else f"{path} frame {number}"
        image = frames[number].image
        try:
            yield measurement.measure(image, source)
        except HeartSegError as error:
            raise type(error)(f"{source}: {error.message}", error.remedy) from error
