"""Can the ventricles of a label map have fibers? What the voxels tell, before a mesh is made."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from ...anatomy import BY_ID
from ...errors import InputError
from ..mesh import OUTSIDE
from .tissue import LEFT_TISSUE, VENTRICULAR_TISSUE, refuse_missing, refuse_parts

_LV, _RV = BY_ID["LV"].value, BY_ID["RV"].value
_CAP, _APICAL = 0.95, 0.8
"""The apex lies beyond the first part of the left ventricle's largest distance from its base, and near it beyond the
second."""

_LARGEST_HOLE_MM2 = 25.0
"""A thin apex may have small holes between its voxels."""

_TOUCHING = np.ones((3, 3, 3))
"""Voxels that share a corner hang together."""

_BORDER = -1
"""Stands around the image, where nobody knows what follows."""

_Mask = NDArray[np.bool_]


def check_fibers(labels: sitk.Image) -> tuple[str, ...]:
    """Make sure that a mesh of these labels can have all that the rule for fibers needs.

    What only the mesh shows, such as a wall that is too thin for its edges, `with_fibers` finds.

    Args:
        labels: 3-D label map as it is going to be meshed: cleaned, with walls.

    Returns:
        Sentences for the user about what the rule can cope with.

    Raises:
        InputError: There is no myocardium, its muscle is in several large parts, or it lacks an endocardium, an
            epicardium, a base or its apex.
    """
    voxels = _around_the_ventricles(labels)
    spacing = np.array(labels.GetSpacing()[::-1])
    left, cavity = np.isin(voxels, LEFT_TISSUE), voxels == _LV
    tissue = np.isin(voxels, VENTRICULAR_TISSUE)
    refuse_parts(np.bincount(ndimage.label(tissue, _TOUCHING)[0][tissue]))
    base = _base(voxels, left | cavity)
    refuse_missing(_beside(left, cavity), _beside(left, voxels == OUTSIDE), base)
    far = _far_from(base, left | cavity, spacing)
    if (far >= _CAP)[_beside(left | cavity, voxels == _BORDER)].any():
        raise InputError("The image border cuts off the apex of the left ventricle, from which fibers rise.",
                         "Segment a scan that shows the whole left ventricle, or mesh it without fibers.")
    hole = _hole_mm2(cavity & (far >= _APICAL), voxels == OUTSIDE, spacing)
    return (f"The left ventricle is open at its apex over {hole / 100:.1f} cm², so fibers there follow the rim of the "
            "hole; close the myocardium before you simulate.",) if hole > _LARGEST_HOLE_MM2 else ()


def _around_the_ventricles(labels: sitk.Image) -> NDArray[np.int16]:
    """Return the voxels [z, y, x] of the left ventricle and the muscle of both, and one more on each side."""
    voxels = np.pad(sitk.GetArrayViewFromImage(labels).astype(np.int16), 1, constant_values=_BORDER)
    if not np.isin(voxels, LEFT_TISSUE).any():
        raise InputError("The label map has no ventricular myocardium.",
                         "Give a label map with the myocardium (label 2).")
    box = ndimage.find_objects(np.isin(voxels, (_LV, *VENTRICULAR_TISSUE)).astype(np.uint8))[0]
    return voxels[tuple(slice(side.start - 1, side.stop + 1) for side in box)]


def _base(voxels: NDArray[np.int16], ventricle: _Mask) -> _Mask:
    """Return the voxels of the left ventricle beside atria and vessels, else the largest opening of its cavity."""
    own = np.isin(voxels, (_LV, _RV, OUTSIDE, _BORDER, *VENTRICULAR_TISSUE))
    base = _beside(ventricle, ~own)
    if base.any():
        return base
    openings, count = ndimage.label(_beside(voxels == _LV, np.isin(voxels, (OUTSIDE, _BORDER))), _TOUCHING)
    return np.asarray(openings == np.bincount(openings.ravel())[1:].argmax() + 1) if count else base


def _beside(mask: _Mask, other: _Mask) -> _Mask:
    """Return the voxels of a mask that share a face with another mask."""
    return np.asarray(mask & ndimage.binary_dilation(other))


def _far_from(base: _Mask, ventricle: _Mask, spacing: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of a ventricle's voxels from the middle of its base, 1 for the farthest; 0 elsewhere."""
    distance = np.zeros(base.shape)
    offsets = (np.argwhere(ventricle) - np.argwhere(base).mean(axis=0)) * spacing
    distance[ventricle] = np.linalg.norm(offsets, axis=1)
    return np.asarray(distance / distance.max())


def _hole_mm2(cavity: _Mask, outside: _Mask, spacing: NDArray[np.float64]) -> float:
    """Return the area of the faces between a cavity and the outside."""
    area = 0.0
    for axis, step in enumerate(spacing):
        first, second = (np.moveaxis(mask, axis, 0) for mask in (cavity, outside))
        faces = np.count_nonzero(first[1:] & second[:-1]) + np.count_nonzero(first[:-1] & second[1:])
        area += faces * float(spacing.prod()) / step
    return area
