"""Scores of one case: statuses, volumes in mL, and the grid."""

import numpy as np
import pytest
import SimpleITK as sitk

from HeartSeg3DLib.errors import InputError
from HeartSegTrainingLib.evaluation import evaluate_pair


def label_map(boxes, spacing=(2.0, 1.0, 0.5), origin=(0.0, 0.0, 0.0)):
    """A map whose label `v` fills 4 x 4 x n voxels, one box beside the other."""
    array = np.zeros((8, 8, 40), dtype=np.uint8)
    for value, length in boxes.items():
        array[2:6, 2:6, 10 * (value - 1) : 10 * (value - 1) + length] = value
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    return image


def test_each_structure_has_its_status_scores_and_volumes():
    scores = {
        score.id: score for score in evaluate_pair(label_map({1: 8, 2: 5}), label_map({1: 6, 3: 5}), [1, 2, 3, 4])
    }
    diagonal = np.sqrt((8 * 0.5) ** 2 + 8**2 + (40 * 2.0) ** 2)
    assert scores["LV"].status == "scored"
    assert scores["LV"].dice == pytest.approx(2 * 6 / 14)
    assert scores["LV"].hd95_mm == pytest.approx(4.0)
    assert scores["LV"].reference_ml == pytest.approx(16 * 6 / 1000)
    assert scores["LV"].predicted_ml == pytest.approx(16 * 8 / 1000)
    assert (scores["MYO"].status, scores["MYO"].dice) == ("spurious", 0.0)
    assert (scores["RV"].status, scores["RV"].dice) == ("missed", 0.0)
    assert scores["RV"].hd95_mm == pytest.approx(diagonal)
    assert (scores["LA"].status, scores["LA"].dice, scores["LA"].hd95_mm) == ("not_applicable", None, None)


def test_labels_default_to_what_either_map_has():
    scores = evaluate_pair(label_map({1: 8, 2: 5}), label_map({1: 6, 4: 5}))
    assert [score.label for score in scores] == [1, 2, 4]


@pytest.mark.parametrize(
    "other",
    [
        label_map({1: 5}, origin=(0.0, 0.5, 0.0)),
        label_map({1: 5}, spacing=(2.0, 1.0, 0.6)),
        sitk.Flip(label_map({1: 5}), [True, False, False]),
        label_map({1: 5})[:20],
    ],
    ids=["moved", "stretched", "flipped", "smaller"],
)
def test_maps_on_different_grids_are_not_compared(other):
    with pytest.raises(InputError, match="same grid"):
        evaluate_pair(label_map({1: 5}), other)


def test_rounding_in_a_header_is_no_other_grid():
    assert evaluate_pair(label_map({1: 5}), label_map({1: 5}, origin=(0.0, 0.002, 0.0)))[0].dice == 1.0


def test_an_oblique_left_handed_case_scores_the_same():
    pair = [label_map({1: 8}), label_map({1: 6})]
    straight = evaluate_pair(*pair)
    for image in pair:
        image.SetDirection((0.8, 0.6, 0.0, 0.6, -0.8, 0.0, 0.0, 0.0, 1.0))
    turned = evaluate_pair(*pair)
    assert turned[0].hd95_mm == straight[0].hd95_mm
    assert turned[0].reference_ml == pytest.approx(straight[0].reference_ml)
