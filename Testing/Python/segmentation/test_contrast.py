from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.segmentation.contrast import blood_looks_like_muscle
from HeartSeg3DLib.segmentation.frame import view_in_model_frame


@pytest.mark.parametrize(("blood", "muscle", "said"), [
    (42.0, 50.0, True), (50.0, 42.0, True), (350.0, 100.0, False), (120.0, 90.0, False)])
def test_blood_that_looks_like_muscle_is_said_so(blood: float, muscle: float, said: bool) -> None:
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[8:32, 8:32, 8:32], labels[14:26, 14:26, 14:26] = 2, 1
    values = np.choose(labels, [-100.0, blood, muscle]) + np.random.default_rng(1).normal(0, 30, labels.shape)
    volume = view_in_model_frame(sitk.GetImageFromArray(values.astype(np.int16)))
    assert blood_looks_like_muscle(labels, volume) == said
    assert not blood_looks_like_muscle(np.where(labels == 1, 0, labels).astype(np.uint8), volume)
