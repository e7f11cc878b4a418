"""Where results go: one file for one scan, or a folder with one file per scan, named after the scans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.imaging import (
    DICOM_SEGMENTATION,
    PROBABILITY_KINDS,
    SEGMENTATION_KINDS,
    check_dicom_source,
    check_output,
    check_output_folder,
    refuse_file_in_the_way,
    refuse_name_of_file,
)
from HeartSeg3DLib.imaging.header import suffix_of

LABEL_MAP_KINDS = (".nii.gz", ".nii", ".nrrd", ".seg.nrrd", ".mha", ".seq.nrrd", DICOM_SEGMENTATION)
"""Endings of label maps; which of them fit 3-D and which 4-D is decided when the scan is read."""

_SCAN_ENDINGS = (*LABEL_MAP_KINDS, ".nhdr", ".mhd")
_IN_FOLDERS = ".nii.gz"
_CONFIDENCE_KINDS = (".nii.gz", ".nii", ".nrrd", ".mha", ".seq.nrrd")


@dataclass(frozen=True)
class PlannedOutput:
    """One scan and the label map that it will have.

    Attributes:
        source: Image file or folder of DICOM files.
        output: File of the label map.
    """

    source: Path
    output: Path


def plan_outputs(sources: Sequence[Path], out: Path, *, force: bool = False) -> list[PlannedOutput]:
    """Decide which file each scan's label map goes to, and check all of them before any work is done.

    Args:
        sources: One or more scans.
        out: A file for one scan; a folder, existing or new, for several. Files in a folder are named after
            their scans, `<scan>.nii.gz`, with the folder's name before it where two scans are called alike.
        force: Whether existing files may be replaced.

    Raises:
        UsageError: No scan, a file for several scans, an output that is a scan, exists, or cannot be written, or a
            DICOM SEG of a scan that is no DICOM; the file of a summary among several scans.
    """
    if not sources:
        raise UsageError("No scan was given.", "Give at least one image file or folder of DICOM files.")
    is_file = suffix_of(out) in LABEL_MAP_KINDS and not out.is_dir()
    if len(sources) > 1:
        _refuse_file_of_summary(sources)
    if len(sources) > 1 and is_file:
        raise UsageError(f"{len(sources)} scans cannot go into one file, {out.name}.",
                         "Give a folder for the results; for DICOM give the folder that holds the files.")
    if is_file and suffix_of(out) == DICOM_SEGMENTATION:
        check_dicom_source(sources[0], out.name)
    if len(sources) == 1 and not is_file and not out.is_dir():
        raise UsageError(f"The output {out.name} has no ending that says its format.",
                         f"Use one of {_endings()}, or an existing folder.")
    names = [out] if is_file else [out / f"{name}{_IN_FOLDERS}" for name in _distinct_names(sources)]
    plan = [PlannedOutput(source, name) for source, name in zip(sources, names, strict=True)]
    if not is_file and not out.exists():
        refuse_name_of_file(out)
        check_output_folder(out.parent)
        return plan
    for item in plan:
        _check_not_a_source(item.output, sources)
        check_output(item.output, force=force, kinds=LABEL_MAP_KINDS)
    return plan


def plan_confidence(plan: Sequence[PlannedOutput], out: Path | None, *, force: bool) -> dict[Path, Path]:
    """Decide which file the map of confidence of each label map goes to, and check all before any work is done.

    Args:
        plan: Scans and their label maps.
        out: A file for one scan; a folder, existing or new, for several; None for no maps. Files in a folder are
            `<label map's name>_confidence.nii.gz`.
        force: Whether existing files may be replaced.

    Raises:
        UsageError: A file for several scans, one that is a scan or a label map, exists, or cannot be written.
    """
    if out is None:
        return {}
    is_file = bool(suffix_of(out)) and not out.is_dir()
    if len(plan) > 1 and is_file:
        raise UsageError(f"The confidence of {len(plan)} scans cannot go into one file, {out.name}.",
                         "Give a folder for --confidence.")
    if len(plan) == 1 and not is_file and not out.is_dir():
        raise UsageError(f"The file of confidence {out.name} has no ending that says its format.",
                         f"Use one of {_IN_FOLDERS}, .nii, .nrrd, .mha, or an existing folder.")
    names = {item.output: out if is_file else
             out / f"{item.output.name.removesuffix(suffix_of(item.output))}_confidence{_IN_FOLDERS}" for item in plan}
    if not is_file and not out.exists():
        check_output_folder(out.parent)
        return names
    for item in plan:
        _check_not_a_source(names[item.output], [one.source for one in plan])
        if names[item.output].resolve() == item.output.resolve():
            raise UsageError("The map of confidence and the label map cannot be one file.",
                             "Give them different names.")
        check_output(names[item.output], force=force, kinds=_CONFIDENCE_KINDS)
    return names


@contextmanager
def output_folder(folder: Path) -> Iterator[None]:
    """Make a folder if it is not there; if nothing was put into it, it goes away again.

    Raises:
        UsageError: It cannot be made, a file is in its place, or its name is meant for a file.
    """
    refuse_file_in_the_way(folder)
    refuse_name_of_file(folder)
    made = not folder.exists()
    if not folder.parent.is_dir():
        raise UsageError(f"The output folder {folder} cannot be made: there is no folder {folder.parent}.",
                         "Create that folder first, or choose another place.")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"The output folder {folder} cannot be made.", "Choose a folder that you may write to.") \
            from error
    try:
        yield
    finally:
        if made and not any(folder.iterdir()):
            folder.rmdir()


def resampled_image_path(output: Path) -> Path:
    """Return where the image goes on whose grid the label map lies when the scan's own grid was irregular."""
    ending = suffix_of(output)
    stem = output.name[: -len(ending)]
    return output.with_name(f"{stem}_resampled_image{'.nrrd' if ending == '.seg.nrrd' else ending}")


def _distinct_names(sources: Sequence[Path]) -> list[str]:
    """Return the scans' names without endings, with names of folders before them until all differ."""
    if len({source.resolve() for source in sources}) < len(sources):
        raise UsageError("The same scan was given twice.", "Give each scan once.")
    parts = [(*source.resolve().parent.parts[1:], _name(source)) for source in sources]
    for depth in range(1, max(len(part) for part in parts) + 1):
        names = ["_".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    doubled = Counter(names).most_common(1)[0][0]
    raise UsageError(f"Two results would be called {doubled}{_IN_FOLDERS}.", "Segment these scans into two folders.")


def _name(source: Path) -> str:
    name = source.resolve().name
    if source.is_dir():
        return name
    ending = suffix_of(source)
    return name[: len(name) - len(ending)] if ending in _SCAN_ENDINGS else name


def _refuse_file_of_summary(sources: Sequence[Path]) -> None:
    """Refuse a "scan" that was meant as the file of the summary, as in `--json summary.json`."""
    for source in sources:
        if source.suffix.lower() == ".json" and not source.exists():
            raise UsageError(f"There is no scan {source}, and --json takes no file.",
                             f"It prints to standard output: leave {source.name} out, or write > before it.")


def _check_not_a_source(output: Path, sources: Sequence[Path]) -> None:
    for source in sources:
        if output.resolve() == source.resolve() or (output.exists() and source.exists() and output.samefile(source)):
            raise UsageError(f"The output {output} is one of the scans itself.", "Choose another name or folder.")


def _endings() -> str:
    return ", ".join((*SEGMENTATION_KINDS, DICOM_SEGMENTATION))


def check_probabilities(path: Path, others: Sequence[Path | None], *, force: bool) -> None:
    """Make sure that class probabilities can be written, before any work is done.

    Raises:
        UsageError: They cannot, or the file is the scan or another result's.
    """
    check_output(path, force=force, kinds=PROBABILITY_KINDS)
    if path.resolve() in [other.resolve() for other in others if other is not None]:
        raise UsageError(f"{path.name} cannot hold class probabilities: it is the scan or another result.",
                         "Choose another name.")
