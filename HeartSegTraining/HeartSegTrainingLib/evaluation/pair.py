"""Scores of one predicted label map against one reference label map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from HeartSeg3DLib.anatomy import STRUCTURES
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.measurement import voxel_volume_mm3

from .hausdorff import Definition, hd95
from .overlap import dice

Status = Literal["scored", "missed", "spurious", "not_applicable"]

_GRID_TOLERANCE_VOXELS = 0.01


@dataclass(frozen=True)
class StructureScore:
    """Scores of one structure in one case.

    Attributes:
        label: Label value.
        status: `scored`; `missed` if only the reference has it; `spurious` if only the prediction has
            it; `not_applicable` if neither has it.
        dice: 0 to 1; None where not applicable.
        hd95_mm: In mm; the image diagonal where missed or spurious, None where not applicable.
        reference_ml: Volume in the reference in mL.
        predicted_ml: Volume in the prediction in mL.
    """

    label: int
    status: Status
    dice: float | None
    hd95_mm: float | None
    reference_ml: float
    predicted_ml: float

    @property
    def id(self) -> str:
        """Id of the structure, `LABEL_n` for a value outside the table of structures."""
        structure = STRUCTURES.get(self.label)
        return structure.id if structure else f"LABEL_{self.label}"


def evaluate_pair(
    prediction: sitk.Image,
    reference: sitk.Image,
    labels: Sequence[int] | None = None,
    definition: Definition = "max-of-directed",
) -> tuple[StructureScore, ...]:
    """Score a prediction on the reference's own grid.

    Args:
        prediction: Label map with the project's label values.
        reference: Label map on the same grid.
        labels: Label values to score; all that either map has by default.
        definition: Definition of HD95, see `hd95`.

    Raises:
        InputError: The two maps lie on different grids.
    """
    _check_same_grid(prediction, reference)
    found, wanted = (sitk.GetArrayViewFromImage(image) for image in (prediction, reference))
    if labels is None:
        labels = sorted(_labels_in(found) | _labels_in(wanted))
    milliliters = voxel_volume_mm3(reference) / 1000.0
    spacing = reference.GetSpacing()[::-1]
    scores = []
    for label in labels:
        predicted, true = found == label, wanted == label
        voxels = (int(np.count_nonzero(true)), int(np.count_nonzero(predicted)))
        scores.append(
            StructureScore(
                label=label,
                status=_status(*voxels),
                dice=dice(predicted, true),
                hd95_mm=hd95(predicted, true, spacing, definition),
                reference_ml=voxels[0] * milliliters,
                predicted_ml=voxels[1] * milliliters,
            )
        )
    return tuple(scores)


def _labels_in(values: NDArray[np.integer]) -> set[int]:
    return {index + 1 for index, box in enumerate(ndimage.find_objects(values)) if box is not None}


def _status(reference_voxels: int, predicted_voxels: int) -> Status:
    if reference_voxels and predicted_voxels:
        return "scored"
    if reference_voxels:
        return "missed"
    return "spurious" if predicted_voxels else "not_applicable"


def _check_same_grid(prediction: sitk.Image, reference: sitk.Image) -> None:
    """Compare the sizes, and where the first voxel and the ends of the three axes lie in the patient."""
    if prediction.GetSize() == reference.GetSize():
        last = np.subtract(reference.GetSize(), 1)
        corners = [np.zeros_like(last), *np.diag(last)]
        offsets = [
            np.subtract(*(image.TransformIndexToPhysicalPoint(corner.tolist()) for image in (prediction, reference)))
            for corner in corners
        ]
        if np.abs(offsets).max() <= _GRID_TOLERANCE_VOXELS * min(reference.GetSpacing()):
            return
    raise InputError(
        "Prediction and reference do not lie on the same grid.",
        "Compare them on the grid of the original image, where HeartSeg writes its label maps.",
    )
