from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.segmentation.contrast import ALIKE, unseen_blood
from HeartSeg3DLib.segmentation.frame import view_in_model_frame


@pytest.mark.parametrize(("blood", "muscle", "said"), [
    (42.0, 50.0, [ALIKE]), (50.0, 42.0, [ALIKE]), (350.0, 100.0, []), (120.0, 90.0, [])])
def test_blood_that_looks_like_muscle_is_said_so(blood: float, muscle: float, said: list[str]) -> None:
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[8:32, 8:32, 8:32], labels[14:26, 14:26, 14:26] = 2, 1
    values = np.choose(labels, [-100.0, blood, muscle]) + np.random.default_rng(1).normal(0, 30, labels.shape)
    volume = view_in_model_frame(sitk.GetImageFromArray(values.astype(np.int16)))
    assert unseen_blood(labels, volume) == said
    assert unseen_blood(np.where(labels == 1, 0, labels).astype(np.uint8), volume) == []
