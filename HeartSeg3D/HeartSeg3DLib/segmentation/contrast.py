"""Whether blood can be told from muscle in a CT at all: without contrast medium the inner border is a guess."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from HeartSeg3DLib.anatomy import BY_ID

from .frame import Volume

_ALIKE_HU = 20.0
"""Chosen, without a source: blood without contrast medium has some 30 to 55 HU and muscle up to 15 more."""
_EVERY = 3
"""Every third voxel along each axis is looked at: enough for a median, and 27 times fewer."""

ALIKE = ("Blood and heart muscle look alike in this CT, as they do without contrast medium. The outline of the heart "
         "can be used, but the border between cavity and wall of the left ventricle is a guess: do not measure these "
         "two. The borders of the other chambers are hard to see in such a scan, too.")


def blood_looks_like_muscle(labels: NDArray[np.uint8], volume: Volume) -> bool:
    """Whether the left ventricle's blood has the values of its wall; False where one of them is missing.

    Args:
        labels: Label values (Z, Y, X) in the model frame.
        volume: The CT in the model frame, HU.
    """
    thin = (slice(None, None, _EVERY),) * 3
    drawn, values = labels[thin], volume.array[thin]
    blood, muscle = (values[drawn == BY_ID[id].value] for id in ("LV", "MYO"))
    if not blood.size or not muscle.size:
        return False
    return abs(float(np.median(blood)) - float(np.median(muscle))) < _ALIKE_HU
