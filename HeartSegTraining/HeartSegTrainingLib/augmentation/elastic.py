"""Smooth random displacement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def elastic(rng: np.random.Generator, size: Sequence[int], spacing: Sequence[float], *, distance: float = 40.0,
            amplitude: float = 4.0) -> Tensor:
    """Draw a displacement field in mm, (3, z, y, x) with components along z, y, x.

    Independent normal displacements of control points, with trilinear interpolation between them.

    Args:
        rng: Source of all choices.
        size: Voxels along z, y, x.
        spacing: Distance of voxels in mm.
        distance: Of control points, mm.
        amplitude: Standard deviation at control points, mm; above a sixth of the distance, folds become likely.
    """
    points = [max(2, round((count - 1) * step / distance) + 1) for count, step in zip(size, spacing, strict=True)]
    drawn = torch.from_numpy(rng.standard_normal((1, 3, *points), dtype=np.float32)) * amplitude
    return F.interpolate(drawn, size=tuple(size), mode="trilinear", align_corners=True)[0]
