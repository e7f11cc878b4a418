from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch import Tensor

from doubles import HU, LABELS, ByIntensity, dice, fine_model, level, locator_model
from HeartSeg3DLib.segmentation import Segmenter
from HeartSeg3DLib.segmentation.pose import (
    allowed_contacts,
    candidate_poses,
    heart_axes,
    plausibility,
    turned,
)
from HeartSeg3DLib.segmentation.resample import Grid
from HeartSeg3DLib.segmentation.window import Prediction

CPU = torch.device("cpu")


def test_seventeen_different_orthonormal_candidates_half_of_them_mirrored() -> None:
    poses = candidate_poses(np.eye(3), np.array([1.4, 1.4, 8.0]))
    assert len(poses) == 17
    assert poses[0].text == "as the file says"
    for pose in poses:
        assert pose.direction.T @ pose.direction == pytest.approx(np.eye(3), abs=1e-12)
    assert len({tuple(np.round(pose.direction, 6).ravel()) for pose in poses}) == 17
    assert len({pose.text for pose in poses}) == 17
    assert sum(np.linalg.det(pose.direction) < 0 for pose in poses[1:]) == 8


@pytest.mark.parametrize("stack", [0, 1, 2])
def test_the_thick_axis_runs_along_the_heart(stack: int) -> None:
    spacing = np.array([1.4, 1.4, 1.4])
    spacing[stack] = 8.0
    base = heart_axes()[0]
    for pose in candidate_poses(np.eye(3), spacing)[1:]:
        assert abs(pose.direction[:, stack] @ base) == pytest.approx(1.0)


def test_turning_keeps_the_long_axis() -> None:
    pose = candidate_poses(np.eye(3), np.array([1.4, 1.4, 8.0]))[3]
    other = turned(pose, 30.0)
    assert other.direction[:, 2] == pytest.approx(pose.direction[:, 2])
    assert np.degrees(np.arccos(other.direction[:, 0] @ pose.direction[:, 0])) == pytest.approx(30.0)


def test_contacts_that_anatomy_lacks_count_against_a_pose() -> None:
    good = torch.zeros(12, 12, 12, dtype=torch.long)
    good[2:10, 2:10, 2:10] = 2
    good[4:8, 4:8, 4:8] = 1
    bare = torch.where(good == 2, 0, good)
    inside = torch.ones(good.shape, dtype=torch.bool)
    assert allowed_contacts(good, inside) == 1.0
    assert allowed_contacts(bare, inside) == 0.0
    swapped = torch.where(good == 2, 3, good)  # the left cavity inside the right one
    assert 0.5 < allowed_contacts(swapped, inside) < 0.9


def as_prediction(labels: Tensor, sharpness: float = 5.0) -> Prediction:
    logits = torch.zeros(4, *labels.shape).scatter_(0, labels[None], sharpness)
    grid = Grid((0.0, 0.0, 0.0), 5.0, tuple(labels.shape))  # type: ignore[arg-type]
    return Prediction(torch.log_softmax(logits, 0), grid, torch.ones(labels.shape, dtype=torch.bool), 2.5)


def test_a_sure_and_whole_heart_is_more_plausible() -> None:
    heart = torch.zeros(24, 24, 24, dtype=torch.long)
    heart[6:18, 6:18, 10:22] = 1  # channel 1 = myocardium
    heart[8:16, 8:16, 12:20] = 2
    heart[6:18, 6:18, 4:10] = 3
    best = plausibility(as_prediction(heart), list(LABELS))
    assert best > 0.9
    assert plausibility(as_prediction(heart, 1.0), list(LABELS)) < 0.7 * best
    assert plausibility(as_prediction(torch.where(heart == 3, 0, heart)), list(LABELS)) < 0.2 * best
    assert plausibility(as_prediction(torch.zeros_like(heart)), list(LABELS)) == 0.0


class KnowsAnatomy(ByIntensity):
    """Sure of its labels only when the right ventricle and the base lie where they do in a patient."""

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        winner = logits[0].argmax(0)
        base, right, third = (torch.from_numpy(axis[::-1].copy()).float() for axis in heart_axes())
        center = {c: (winner == c).nonzero().float().mean(0) for c in (1, 2, 3) if bool((winner == c).any())}
        if len(center) < 3:
            return logits * 0.02
        # The marks of the phantom: right ventricle (3) sideways, and the bright spot (2) at base and front.
        to_right, to_mark = center[3] - center[1], center[2] - center[1]
        cosine = torch.nn.functional.cosine_similarity
        fit = (cosine(to_right, right, 0) + cosine(to_mark, base + third, 0)) / 2
        return logits * (0.02 + 0.98 * fit.clamp(min=0.0) ** 4)


def short_axis_stack() -> tuple[np.ndarray, np.ndarray]:
    """A stack (k, j, i) at 1.6 x 1.6 x 8 mm with i along the right ventricle, k from apex to base; and its truth."""
    k, j, i = np.meshgrid(np.arange(12) * 8.0 - 44.0, np.arange(64) * 1.6 - 50.4, np.arange(64) * 1.6 - 50.4,
                          indexing="ij")
    def blob(center: tuple[float, float, float], radius: float) -> np.ndarray:
        return (i - center[0]) ** 2 + (j - center[1]) ** 2 + (k - center[2]) ** 2 < radius**2

    labels = np.zeros(i.shape, np.uint8)
    labels[blob((-8.0, 0.0, 0.0), 26.0)] = 2
    labels[blob((-8.0, 16.0, 16.0), 15.0)] = 1
    labels[blob((30.0, 0.0, 0.0), 17.0)] = 3
    values = np.full(labels.shape, HU[0])
    for label, hu in HU.items():
        values[labels == label] = hu
    return values + np.random.default_rng(0).normal(0, 5, values.shape), labels


def stack_image(array: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.6, 1.6, 8.0))
    return image


@pytest.mark.parametrize("change", ["as drawn", "mirrored", "transposed", "upside down"])
def test_the_pose_of_a_stack_without_orientation_is_found_and_said(change: str) -> None:
    def stored(array: np.ndarray) -> np.ndarray:
        moved = {"as drawn": array, "mirrored": array[:, ::-1], "transposed": array.transpose(0, 2, 1),
                 "upside down": array[::-1, :, ::-1]}[change]
        return np.ascontiguousarray(moved)

    values, truth = short_axis_stack()
    network = KnowsAnatomy([level(HU[label]) for label in LABELS], sharpness=80.0)
    segmenter = Segmenter(fine_model(2.0, 56, network), locator_model(4.0, 28), CPU)
    image = stack_image(stored(values))
    result = segmenter.segment(image, "ct", orientation_known=False)
    assert ("apex to base" in result.pose) == (change != "upside down")
    side = {"as drawn": "right", "mirrored": "right", "transposed": "lower", "upside down": "left"}[change]
    assert f"right ventricle on the {side} side" in result.pose
    assert ("mirrored" in result.pose) == (change in ("mirrored", "transposed"))
    assert any("Assumed pose" in text and result.pose in text for text in result.warnings)
    labels = sitk.GetArrayFromImage(result.labels)
    assert dice((labels > 0).astype(np.uint8), stored((truth > 0).astype(np.uint8)), 1) > 0.9
    assert result.labels.GetDirection() == image.GetDirection()
