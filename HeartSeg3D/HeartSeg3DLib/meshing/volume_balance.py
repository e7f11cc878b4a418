"""Shifts walls so that every structure gets its volume.

Each structure has a pressure; a wall moves by the difference of the pressures of its two sides. The pressures that
balance given volume defects solve a Poisson equation on the graph of structures, weighted by the areas of their walls;
the outside has pressure zero. Of all shifts that give the volumes this one has the least mean square.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def balancing_pressures(areas: NDArray[np.float64], defects: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return pressures (L,) that move walls outward so that structures gain the volumes they lack.

    Args:
        areas: (L, L) symmetric, area of the wall between two structures; the first one is the outside.
        defects: (L,) volume that each structure lacks; that of the outside is not used.

    Returns:
        (L,) in units of defects over areas; 0 for the outside.
    """
    laplacian = np.diag(areas.sum(axis=1)) - areas
    pressures = np.zeros(len(areas))
    pressures[1:] = np.linalg.lstsq(laplacian[1:, 1:], defects[1:], rcond=1e-9)[0]
    return pressures
