"""CT or MR, read off the values when nobody says it, and CT values that lack their intercept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from HeartSeg3DLib.errors import InputError, UsageError

_SAMPLES_PER_AXIS = 96
_INTERCEPT = 1024.0


@dataclass(frozen=True)
class Modality:
    """What the values of an image are.

    Attributes:
        name: ``"ct"`` or ``"mr"``.
        offset: Value to add so that CT values are Hounsfield units; 0 for MR.
        warnings: Sentences about what was assumed.
    """

    name: str
    offset: float
    warnings: tuple[str, ...]


def find_modality(array: np.ndarray, wanted: str | None) -> Modality:
    """Decide whether an image is CT or MR.

    Args:
        array: The image's values, any three axes.
        wanted: ``"ct"`` or ``"mr"`` when known; ``"auto"`` or None to read it off the values.

    Raises:
        UsageError: The modality has another name.
        InputError: The image has one value everywhere, or values that are not numbers.

    Example:
        >>> find_modality(np.linspace(-1000.0, 800.0, 1000).reshape(10, 10, 10), "auto").name
        'ct'
    """
    if wanted not in (None, "auto", "ct", "mr"):
        raise UsageError(f"There is no modality '{wanted}'.", "Choose auto, ct or mr.")
    sample = _sample(array)
    if not np.isfinite(sample).all():
        raise InputError("The image holds values that are not numbers.", "Replace them or export the image again.")
    if sample.min() == sample.max() and array.min() == array.max():
        raise InputError("The image has the same value everywhere.", "Check that the right file was exported.")
    lacks_intercept = _is_ct_without_intercept(sample)
    if wanted in ("ct", "mr"):
        name = str(wanted)
    else:
        name = "ct" if lacks_intercept or _looks_like_hounsfield(sample) else "mr"
    if name == "mr" or not lacks_intercept:
        return Modality(name, 0.0, ())
    text = "The CT values look as if 1024 had been added to them; they were read with 1024 taken off."
    return Modality(name, -_INTERCEPT, (text,))


def _sample(array: np.ndarray) -> np.ndarray:
    step = tuple(slice(None, None, max(n // _SAMPLES_PER_AXIS, 1)) for n in array.shape)
    return np.asarray(array[step], dtype=np.float32).ravel()


def _looks_like_hounsfield(sample: np.ndarray) -> bool:
    """Air or lung below -300, or fat below -30 in a scan cropped to the heart.

    MR magnitudes are not negative, and MR images that were standardized do not reach 150.
    """
    if sample.min() <= -900:
        return True
    air = float(np.mean(sample < -300))
    fat = float(np.mean(sample < -30))
    return air > 0.02 or (fat > 0.005 and sample.max() > 150)


def _is_ct_without_intercept(sample: np.ndarray) -> bool:
    """Air near 0, soft tissue and blood near 1024, and the gap between lung and fat nearly empty.

    MR has no such gap: its tissues spread over the whole range.
    """
    if sample.min() < 0 or sample.max() > 5000 or sample.max() < 1150:
        return False
    air = float(np.mean(sample < 350))
    gap = float(np.mean((sample >= 450) & (sample < 820)))
    tissue = float(np.mean((sample >= 880) & (sample < 1200)))
    return air > 0.1 and tissue > 0.15 and gap < 0.25 * tissue
