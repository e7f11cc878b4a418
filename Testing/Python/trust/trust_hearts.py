"""A heart of blocks that raises no question, on 2 mm voxels."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from HeartSeg3DLib.segmentation.frame import Volume, view_in_model_frame

VALUES = {"LV": 1, "MYO": 2, "RV": 3, "LA": 4, "RA": 5, "AO": 6, "PA": 7}


def heart_voxels() -> np.ndarray:
    """(Z, Y, X), x to the left, y to the back, z upwards: 2 mm voxels."""
    voxels = np.zeros((90, 90, 90), np.uint8)
    voxels[20:50, 20:50, 45:75] = 2
    voxels[24:46, 24:50, 49:71] = 1  # 100 mL, open to the back, where the atrium lies
    voxels[20:50, 20:50, 20:45] = 3  # 180 mL
    voxels[20:46, 50:68, 48:75] = 4
    voxels[20:50, 50:68, 20:46] = 5
    voxels[46:80, 50:60, 50:60] = 6
    voxels[46:50, 46:50, 52:58] = 6  # through the wall to the cavity
    voxels[44:46, 48:50, 52:58] = 6
    voxels[50:75, 20:30, 30:42] = 7
    return voxels


def image_of(voxels: np.ndarray, spacing: float = 2.0) -> sitk.Image:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((spacing,) * 3)
    return image


def volume_of(voxels: np.ndarray, spacing: float = 2.0) -> Volume:
    return view_in_model_frame(image_of(voxels, spacing))
