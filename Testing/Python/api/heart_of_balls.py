"""A small heart of balls in a file, for tests of whole runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

SPACING, EDGE = 2.0, 2.5


def balls() -> np.ndarray:
    """A left ventricle in its myocardium with an atrium on top, [z, y, x]."""
    z, y, x = np.indices((34, 26, 26))
    voxels = np.zeros(z.shape, np.uint8)
    from_middle = np.hypot(np.hypot(x - 13, y - 13), z - 12)
    voxels[np.hypot(np.hypot(x - 13, y - 13), z - 23) < 7] = 4
    voxels[from_middle < 10] = 2
    voxels[from_middle < 6] = 1
    return voxels


def save(path: Path, voxels: np.ndarray) -> Path:
    labels = sitk.GetImageFromArray(voxels)
    labels.SetSpacing([SPACING] * 3)
    labels.SetOrigin([-30.0, 10.0, 70.0])
    sitk.WriteImage(labels, str(path))
    return path
