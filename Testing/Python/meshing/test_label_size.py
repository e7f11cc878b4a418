"""Spacing in another unit than mm is told by the size of what is labelled."""

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError
from HeartSeg3DLib.meshing.checking import check_size


def heart_with(spacing: float) -> sitk.Image:
    voxels = np.zeros((40, 40, 40), np.uint8)
    voxels[5:35, 8:30, 8:30] = 1
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((spacing,) * 3)
    return image


@pytest.mark.parametrize(("spacing", "length"), [(0.0048, "0.14 mm"), (4800.0, "1.4e.05 mm")])
def test_meters_and_micrometers_are_refused(spacing: float, length: str) -> None:
    with pytest.raises(InputError, match=f"{length} long, which no heart is") as caught:
        check_size(heart_with(spacing))
    assert "in mm" in str(caught.value.remedy)


@pytest.mark.parametrize("spacing", [0.2, 4.8, 12.0])
def test_hearts_of_mice_and_elephants_pass(spacing: float) -> None:
    check_size(heart_with(spacing))
