"""Whether a label map lies on its image's grid, by their headers."""

from __future__ import annotations

from pathlib import Path

from HeartSeg3DLib.errors import InputError

from .probing import ImageFacts, file_facts

_SAME_SPACING = 0.01


def refuse_other_grid(image: ImageFacts, labels: ImageFacts, name: str) -> None:
    """Compare two headers.

    Raises:
        InputError: Sizes or spacings differ, or the labels, which are called `name`, would be mirrored or turned.
    """
    near = all(abs(a - b) <= _SAME_SPACING * a for a, b in zip(image.spacing, labels.spacing, strict=True))
    if image.shape != labels.shape or not near:
        raise InputError(f"{name} does not lie on its image's grid: it has {list(labels.shape)} voxels of "
                         f"{list(labels.spacing)} mm, the image {list(image.shape)} of {list(image.spacing)} mm.",
                         "Download both again.")
    if image.is_turned_against(labels):
        said = "its header says no orientation" if not labels.orientation else f"its axes are {labels.orientation}"
        raise InputError(f"{name} would be mirrored or turned against its image: {said}, those of the image are "
                         f"{image.orientation or 'not stated'}.",
                         "Give both the same header; look at them together to see which one is right.")


def refuse_labels_of_other_grid(image: Path, labels: Path) -> None:
    """Compare the headers of two files; folders of DICOM images or of masks have no header of their own.

    Raises:
        InputError: See `refuse_other_grid`; or a file cannot be read.
    """
    if not image.is_dir() and not labels.is_dir():
        refuse_other_grid(file_facts(image), file_facts(labels), labels.name)
