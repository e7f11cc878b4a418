"""Label maps of reference hearts as files, and the note beside them that says whose hearts they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib import __version__
from HeartSeg3DLib.anatomy import STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.errors import InputError, UsageError
from HeartSeg3DLib.imaging import check_output, check_output_folder, replacing, write_segmentation
from HeartSeg3DLib.notice import NOTE_SENTENCE
from HeartSegTrainingLib.generator.shell_heart import ShellHeart, heart_from_shells
from HeartSegTrainingLib.generator.shells import read_shells

ORIGIN = "ORIGIN.txt"
_NO_CREDIT = "Not given. The license of the shells holds for these label maps, too: find it before you pass them on."
_CHANGES = ("Changes: shells were voxelized at 1 mm and their slits closed; the blood that they enclose was split at "
            "the planes of the valves; stubs of the aorta and the pulmonary artery were added; papillary muscles, "
            "trabeculae and leaflets count as blood.")
_RELAXED = "Walls of the left ventricle and of the atria were thinned from inside, as if the chambers had relaxed."


def write_priors(
    folder: Path,
    sources: Sequence[Path],
    *,
    credit: str = "",
    relaxed: bool = True,
    force: bool = False,
    progress: Callable[[float, str], None],
    writing: Callable[[], AbstractContextManager[None]],
) -> dict[Path, dict[str, float]]:
    """Write the label map of every heart as NAME.nii.gz, and ORIGIN.txt.

    Args:
        folder: Existing folder.
        sources: One .glb a heart.
        credit: Whose shells these are and under which license.
        relaxed: Whether contracted walls are thinned, see :func:`heart_from_shells`.
        force: Whether existing files may be replaced.
        progress: Called with (fraction 0-1, stage).
        writing: Entered while files are put in place.

    Returns:
        Volumes in mL by structure, by label map.

    Raises:
        UsageError: Files exist already, two hearts have one name, or the folder cannot be written.
        InputError: A file does not hold the shells of a heart.
        CheckError: A chamber was not enclosed, or leaks.
    """
    check_output_folder(folder)
    paths = [folder / f"{source.stem}.nii.gz" for source in sources]
    if len(set(paths)) < len(paths):
        raise UsageError("Two files have the same name.", "Rename one: label maps are named after their shells.")
    check_output(folder / ORIGIN, force=force, kinds=(".txt",))
    for path in paths:
        check_output(path, force=force, kinds=(".nii.gz",))
    volumes = {}
    for index, (source, path) in enumerate(zip(sources, paths, strict=True)):
        progress(index / len(paths), f"{source.name}, {index + 1} of {len(paths)}")
        heart = heart_from_shells(read_shells(source), relaxed=relaxed, source=source.name)
        with writing():
            write_segmentation(path, label_map(heart))
            with replacing(folder / ORIGIN) as temporary:
                temporary.write_text(_origin(sources[: index + 1], credit, relaxed), encoding="utf-8")
        volumes[path] = {STRUCTURES[value].id: np.count_nonzero(heart.labels == value) / 1000
                         for value in WHOLE_HEART}
    progress(1.0, "Done")
    return volumes


def label_map(heart: ShellHeart) -> sitk.Image:
    """Return a heart as an image in LPS with identity direction."""
    image = sitk.GetImageFromArray(heart.labels)
    image.SetOrigin(heart.grid.origin.tolist())
    return image


def _origin(sources: Sequence[Path], credit: str, relaxed: bool) -> str:
    try:
        digests = [f"{source.name}  SHA-256 {hashlib.sha256(source.read_bytes()).hexdigest()}" for source in sources]
    except OSError as error:
        raise InputError("The shells cannot be read any more.", "Leave them in place until the end.") from error
    changes = f"{_CHANGES} {_RELAXED}" if relaxed else _CHANGES
    return "\n".join([f"Label maps made by HeartSeg {__version__} from the surface shells of", *digests, "",
                      f"Authors and license: {credit or _NO_CREDIT}", "", changes, "", NOTE_SENTENCE, ""])
