"""Class probabilities lie where the labels lie, between the slices too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from doubles import dice, fine_model, locator_model, phantom, phantom_at
from HeartSeg3DLib.segmentation import Segmenter
from HeartSeg3DLib.segmentation.probabilities import class_probabilities, has_thick_slices
from HeartSeg3DLib.segmentation.seen import Seen
from test_frame import rotation

TURNED_AND_FLIPPED = np.diag([-1.0, 1.0, 1.0])[:, [1, 2, 0]]


def seen(
    size: tuple[int, int, int], spacing: tuple[float, float, float], direction: np.ndarray
) -> tuple[Seen, sitk.Image]:
    image, _ = phantom(size, spacing, direction)
    heart = Segmenter(fine_model(), locator_model(), torch.device("cpu")).segment(image, "ct", keep_seen=True)
    assert heart.seen is not None
    return heart.seen, heart.labels


@pytest.mark.parametrize("direction", [np.eye(3), rotation(0.5, -0.4, 0.3), TURNED_AND_FLIPPED])
def test_labels_from_probabilities_are_the_phantom(direction: np.ndarray) -> None:
    kept, labels = seen((60, 56, 27), (1.7, 1.9, 4.0), direction)
    found = class_probabilities(kept)
    assert found.values == (1, 2, 3)
    np.testing.assert_allclose(found.labels.GetSpacing(), 2.0, atol=0.06)
    assert found.labels.GetDirection() == labels.GetDirection()
    index = np.stack(np.meshgrid(*[np.arange(n) for n in found.labels.GetSize()], indexing="ij"), -1)
    step = np.reshape(found.labels.GetDirection(), (3, 3)) * found.labels.GetSpacing()
    truth = phantom_at(index @ step.T + found.labels.GetOrigin()).transpose(2, 1, 0)
    ours = sitk.GetArrayViewFromImage(found.labels)
    for value in (1, 2, 3):
        assert dice(ours, truth, value) > 0.7, "the double sees cells of 4 mm"
    # The double knows the brightest structure best: between others and the background lie shells of further labels.
    brightest = (np.argwhere(ours == 3)[:, ::-1] @ step.T + found.labels.GetOrigin()).mean(axis=0)
    np.testing.assert_allclose(brightest, (-27.0, -9.0, 5.0), atol=0.5)


def test_the_field_of_view_ends_both_alike() -> None:
    image, _ = phantom((60, 56, 7), (1.7, 1.9, 5.0))  # the heart is 58 mm high, the scan 35 mm
    heart = Segmenter(fine_model(), locator_model(), torch.device("cpu")).segment(image, "ct", keep_seen=True)
    assert heart.seen is not None
    found = class_probabilities(heart.seen).labels
    for end, index in ((-0.5, -0.5), (6.5, found.GetSize()[2] - 0.5)):
        assert found.TransformContinuousIndexToPhysicalPoint((0.0, 0.0, index))[2] == pytest.approx(
            image.TransformContinuousIndexToPhysicalPoint((0.0, 0.0, end))[2])


def test_a_temperature_makes_shares_less_sure_and_keeps_walls() -> None:
    kept, _ = seen((60, 56, 27), (1.7, 1.9, 4.0), np.eye(3))
    sharp, mild = class_probabilities(kept), class_probabilities(kept, temperature=3.0)
    certain = [int((one.shares > 250).sum()) for one in (sharp, mild)]
    assert certain[1] < 0.9 * certain[0]
    ours, theirs = (sitk.GetArrayViewFromImage(one.labels) for one in (sharp, mild))
    assert np.mean(ours != theirs) < 0.002, "rounding alone changes labels"


def test_slices_are_thick_from_three_of_the_models_voxels() -> None:
    kept, _ = seen((60, 56, 27), (1.7, 1.9, 4.0), np.eye(3))
    for spacing, thick in ((6.1, True), (5.9, False)):
        volume = replace(kept.volume, spacing=np.array([spacing, 0.8, 0.8]))
        assert has_thick_slices(replace(kept, volume=volume)) == thick
