"""A heart-like phantom whose places and sizes are known."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

# Center (x Left, y Posterior, z Superior) and radius in mm, in the order they are painted.
BALLS = {
    2: ((20, 0, 0), 28),
    1: ((20, 0, 0), 20),
    3: ((-24, -10, 0), 18),
    4: ((10, 38, 20), 14),
    5: ((-30, 26, 16), 14),
}
SPACING = 2.0
HALF = 40


@pytest.fixture(scope="session")
def heart_labels() -> sitk.Image:
    """Left ventricle in its myocardium, right ventricle, both atria as balls; 2 mm voxels, LPS axes, 80^3."""
    z, y, x = np.meshgrid(*[(np.arange(2 * HALF) - HALF) * SPACING] * 3, indexing="ij")
    values = np.zeros(x.shape, np.uint8)
    for value, (center, radius) in BALLS.items():
        values[np.hypot(np.hypot(x - center[0], y - center[1]), z - center[2]) <= radius] = value
    labels = sitk.GetImageFromArray(values)
    labels.SetSpacing([SPACING] * 3)
    labels.SetOrigin([-HALF * SPACING] * 3)
    return labels


@pytest.fixture(scope="session")
def heart_image(heart_labels: sitk.Image) -> sitk.Image:
    """A CT-like image of the phantom: bright blood, gray muscle, dark fat."""
    brightness = np.array([-100, 350, 110, 320, 340, 330], np.int16)
    image = sitk.GetImageFromArray(brightness[sitk.GetArrayViewFromImage(heart_labels)])
    image.CopyInformation(heart_labels)
    return image
