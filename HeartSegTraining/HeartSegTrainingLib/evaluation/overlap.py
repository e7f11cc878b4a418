"""Dice overlap of two masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def dice(prediction: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float | None:
    """Return 2 |P and R| / (|P| + |R|), 0 if only one mask is empty, None (not applicable) if both are.

    Args:
        prediction: Mask of any shape.
        reference: Mask of the same shape.

    Example:
        >>> dice(np.array([True, True, False]), np.array([True, False, False]))
        0.6666666666666666
    """
    total = int(np.count_nonzero(prediction)) + int(np.count_nonzero(reference))
    if total == 0:
        return None
    return 2.0 * int(np.count_nonzero(prediction & reference)) / total
