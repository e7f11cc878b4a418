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
_CAP = 0.95
"""The apex lies beyond this part of the left ventricle's largest distance from its base."""

_BORDER = -1
"""Stands around the image, where nobody knows what follows."""

_Mask = NDArray[np.bool_]


def check_fibers(labels: sitk.Image) -> None:
    """Make sure that a mesh of these labels can have all that the rule for fibers needs.

    What only the mesh shows, such as a wall that is too thin for its edges, `with_fibers` finds.

    Args:
        labels: 3-D label map as it is going to be meshed: cleaned, with walls.

    Raises:
        InputError: There is no myocardium, its muscle is in several large parts, or it lacks an endocardium, an
            epicardium, a base or its apex.
    """
    voxels = _around_the_ventricles(labels)
    left, cavity = np.isin(voxels, LEFT_TISSUE), voxels == _LV
    tissue = np.isin(voxels, VENTRICULAR_TISSUE)
    parts, _ = ndimage.label(tissue, np.ones((3, 3, 3)))
    refuse_parts(np.bincount(parts[tissue]))
    base = _base(voxels, left | cavity)
    refuse_missing(_beside(left, cavity), _beside(left, voxels == OUTSIDE), base)
    _refuse_cut_apex(_beside(left | cavity, voxels == _BORDER), left | cavity, base, labels.GetSpacing()[::-1])


def _around_the_ventricles(labels: sitk.Image) -> NDArray[np.int16]:
    """Return the voxels [z, y, x] of the left ventricle and the muscle of both, and one more on each side."""
    voxels = np.pad(sitk.GetArrayViewFromImage(labels).astype(np.int16), 1, constant_values=_BORDER)
    if not np.isin(voxels, LEFT_TISSUE).any():
        raise InputError("The label map has no ventricular myocardium.",
                         "Give a label map with the myocardium (label 2).")
    box = ndimage.find_objects(np.isin(voxels, (_LV, *VENTRICULAR_TISSUE)).astype(np.uint8))[0]
    return voxels[tuple(slice(side.start - 1, side.stop + 1) for side in box)]


def _base(voxels: NDArray[np.int16], ventricle: _Mask) -> _Mask:
    """Return the voxels of the left ventricle beside atria and vessels, else its opening, else what the border cuts."""
    own = np.isin(voxels, (_LV, _RV, OUTSIDE, _BORDER, *VENTRICULAR_TISSUE))
    for base in (_beside(ventricle, ~own), _beside(voxels == _LV, voxels == OUTSIDE),
                 _beside(ventricle, voxels == _BORDER)):
        if base.any():
            break
    return base


def _beside(mask: _Mask, other: _Mask) -> _Mask:
    """Return the voxels of a mask that share a face with another mask."""
    return np.asarray(mask & ndimage.binary_dilation(other))


def _refuse_cut_apex(cut: _Mask, ventricle: _Mask, base: _Mask, spacing: tuple[float, ...]) -> None:
    center = np.argwhere(base).mean(axis=0)
    places = np.argwhere(ventricle)
    distances = np.linalg.norm((places - center) * spacing, axis=1)
    cap = places[distances >= _CAP * distances.max()]
    if cut[tuple(cap.T)].any():
        raise InputError("The image border cuts off the apex of the left ventricle, from which fibers rise.",
                         "Segment a scan that shows the whole left ventricle, or mesh it without fibers.")
