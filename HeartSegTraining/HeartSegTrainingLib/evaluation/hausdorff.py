"""95th percentile of the Hausdorff distance (HD95) in mm.

Published implementations differ by 10-40 % on the same masks, so the definition is named. Surface
voxels are those with a neighbor across a face that is outside the mask; voxels at the image's border
count as surface. Distances run from each surface voxel center to the nearest one of the other mask.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Definition = Literal["max-of-directed", "pooled"]
DEFINITIONS: tuple[Definition, ...] = ("max-of-directed", "pooled")


def hd95(
    prediction: NDArray[np.bool_],
    reference: NDArray[np.bool_],
    spacing: tuple[float, ...],
    definition: Definition = "max-of-directed",
) -> float | None:
    """Return HD95 in mm; the image diagonal if only one mask is empty, None (not applicable) if both are.

    A missed structure costs the whole diagonal, as it must not make a mean look better by dropping out.

    Args:
        prediction: Mask as [z, y, x].
        reference: Mask of the same shape.
        spacing: Voxel size in mm along z, y and x.
        definition: `max-of-directed` takes the 95th percentile in each direction and the larger of
            both (as MONAI does); `pooled` the 95th percentile of all distances together (as MedPy does).

    Raises:
        ValueError: Masks of different shapes, or an unknown definition.
    """
    if prediction.shape != reference.shape or len(spacing) != prediction.ndim:
        raise ValueError(f"shapes {prediction.shape} and {reference.shape} with {len(spacing)} spacings")
    if definition not in DEFINITIONS:
        raise ValueError(f"unknown definition {definition!r}, choose one of {DEFINITIONS}")
    found, wanted = bool(prediction.any()), bool(reference.any())
    if not found and not wanted:
        return None
    if not found or not wanted:
        return float(np.linalg.norm(np.multiply(prediction.shape, spacing)))
    there, back = surface_distances(prediction, reference, spacing)
    if definition == "pooled":
        return float(np.percentile(np.concatenate([there, back]), 95))
    return float(max(np.percentile(there, 95), np.percentile(back, 95)))


def surface_distances(
    prediction: NDArray[np.bool_], reference: NDArray[np.bool_], spacing: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distances in mm from prediction to reference surface, and back; no mask may be empty."""
    box = ndimage.find_objects((prediction | reference).astype(np.uint8))[0]
    surfaces = [_surface(mask[box]) for mask in (prediction, reference)]
    there, back = (
        ndimage.distance_transform_edt(~other, sampling=spacing)[one]
        for one, other in (surfaces, reversed(surfaces))
    )
    return there, back


def _surface(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the voxels of a mask that have a face neighbor outside it or outside the array.

    A crop to the box of the mask changes nothing: voxels at the box's faces are surface either way.
    """
    return mask & ~ndimage.binary_erosion(mask)
