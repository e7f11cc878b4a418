"""Measuring a label map: volume of each structure, myocardial mass, diameters of the great vessels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from HeartSeg3DLib.anatomy import BY_ID, MYOCARDIAL_DENSITY_G_PER_ML, STRUCTURES, WHOLE_HEART
from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.measurement.diameter import inscribed_sphere_diameter
from HeartSeg3DLib.measurement.table import Measurements, StructureMeasurement

_MYOCARDIUM = BY_ID["MYO"].value
_LESIONS = tuple(BY_ID[lesion].value for lesion in ("SCAR", "MVO", "OEDEMA"))
_VESSELS = (BY_ID["AO"].value, BY_ID["PA"].value)
_HIGHEST_LABEL = 65535
_MOST_LABELS = 256
"""More distinct values than this are gray values of an image, not structures."""


def measure(labels: sitk.Image, source: Path | str | None = None) -> Measurements:
    """Measure every structure of a label map.

    Works on the bounding box of one structure at a time, so memory stays near that of the label map.

    Args:
        labels: 3-D label map with the project's label values, in any orientation; volumes use the
            determinant of its spacing and direction.
        source: The file it came from, repeated in the written tables.

    Raises:
        InputError: Not a 3-D label map.
    """
    _check_label_map(labels)
    values = sitk.GetArrayViewFromImage(labels)
    voxel_volume = voxel_volume_mm3(labels)
    spacing = labels.GetSpacing()[::-1]
    boxes = {index + 1: box for index, box in enumerate(_bounding_boxes(values)) if box is not None}
    counts = {label: int(np.count_nonzero(values[box] == label)) for label, box in boxes.items()}
    rows = []
    for label in sorted({*WHOLE_HEART, *boxes}):
        box = boxes.get(label)
        structure = STRUCTURES.get(label)
        volume_ml = counts.get(label, 0) * voxel_volume / 1000.0
        rows.append(
            StructureMeasurement(
                label=label,
                id=structure.id if structure else f"LABEL_{label}",
                name=structure.name if structure else f"Label {label}",
                voxels=counts.get(label, 0),
                volume_ml=volume_ml,
                mass_g=_myocardial_mass(counts, voxel_volume) if label == _MYOCARDIUM else None,
                diameter_mm=_diameter(values, label, box, spacing) if label in _VESSELS else None,
                touches_border=box is not None and _touches_border(box, values.shape),
            )
        )
    return Measurements(tuple(rows), voxel_volume, max(spacing), None if source is None else str(source))


def _check_label_map(labels: sitk.Image) -> None:
    remedy = "Measure a label map, not the image itself; other label values need a --scheme."
    if labels.GetDimension() != 3 or labels.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("Only a 3-D label map can be measured.", "Measure the frames of a 4-D map one by one.")
    values = sitk.GetArrayViewFromImage(labels)
    if not np.issubdtype(values.dtype, np.integer):
        raise InputError("This file holds fractional values, so it is not a label map.", remedy)
    if values.min() < 0 or values.max() > _HIGHEST_LABEL:
        raise InputError("This file holds values that no label map has.", remedy)


def _bounding_boxes(values: NDArray[np.integer]) -> list[tuple[slice, slice, slice] | None]:
    """Return the box of label 1, 2, ... as slices of [z, y, x], None where the label is absent."""
    boxes: list[tuple[slice, slice, slice] | None] = ndimage.find_objects(values)
    present = sum(box is not None for box in boxes)
    if present > _MOST_LABELS:
        raise InputError(
            f"This file holds {present} different values, so it looks like an image and not a label map.",
            "Measure a label map, not the image itself.",
        )
    return boxes


def voxel_volume_mm3(image: sitk.Image) -> float:
    """Return the volume of one voxel in mm^3 from the determinant of direction times spacing."""
    axes = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    return float(abs(np.linalg.det(axes)))


def _myocardial_mass(counts: dict[int, int], voxel_volume: float) -> float:
    """Return the mass in g of the myocardium; lesions are drawn inside it and weigh as much."""
    voxels = sum(counts.get(label, 0) for label in (_MYOCARDIUM, *_LESIONS))
    return voxels * voxel_volume / 1000.0 * MYOCARDIAL_DENSITY_G_PER_ML


def _touches_border(box: tuple[slice, slice, slice], shape: tuple[int, ...]) -> bool:
    return any(part.start == 0 or part.stop == size for part, size in zip(box, shape, strict=True))


def _diameter(
    values: NDArray[np.integer],
    label: int,
    box: tuple[slice, slice, slice] | None,
    spacing: tuple[float, float, float],
) -> float:
    """Return the inscribed diameter in mm, keeping one layer of surroundings where the image has one."""
    if box is None:
        return 0.0
    grown = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in box)
    return inscribed_sphere_diameter(values[grown] == label, spacing)
