"""Where things lie after an augmentation."""

import numpy as np
import pytest
import torch

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.augmentation import (
    AXES,
    UNKNOWN,
    Box,
    flip,
    overlapping_boxes,
    random_box,
    resample,
    shared_part,
    supervised,
    view_extent,
    volume,
)
from HeartSegTrainingLib.augmentation.elastic import elastic
from HeartSegTrainingLib.augmentation.rotation import rotation
from HeartSegTrainingLib.augmentation.scaling import scaling

SPACING = (3.0, 2.0, 1.0)


@pytest.fixture
def a_volume():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 8, (6, 9, 14)).astype(np.uint8)
    return volume(labels[None].astype(np.float32) * 100, labels, SPACING, "ct")


@pytest.fixture
def a_ball():
    axes = [(np.arange(24) - 11.5) * step for step in SPACING]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    labels = ((z**2 + y**2 + x**2) < 9.0**2).astype(np.uint8)
    return volume(labels[None].astype(np.float32), labels, SPACING, "mr")


def test_nothing_is_mirrored_from_right_to_left_by_default(a_volume):
    left = a_volume.labels.new_zeros(a_volume.size)
    left[..., -1] = 1
    marked = volume(a_volume.image, left, SPACING, "ct")
    for seed in range(50):
        assert flip(np.random.default_rng(seed), marked, probability=1.0).labels[..., -1].all()


@pytest.mark.parametrize("axis", AXES)
def test_a_mirror_along_a_named_axis_reverses_that_axis_of_all_three_arrays(a_volume, axis):
    done = flip(np.random.default_rng(0), a_volume, axes=(axis,), probability=1.0)
    dim = AXES[axis]
    assert torch.equal(done.image, a_volume.image.flip(dim + 1))
    assert torch.equal(done.labels, a_volume.labels.flip(dim))
    assert AXES == {"inferior-superior": 0, "anterior-posterior": 1, "right-left": 2}


def test_looking_through_the_identity_changes_nothing(a_volume):
    done = resample(a_volume, a_volume.size, SPACING)
    assert torch.allclose(done.image, a_volume.image, atol=1e-3)
    assert torch.equal(done.labels, a_volume.labels)
    assert done.inside.all()


def test_a_shift_of_whole_voxels_is_exact_and_brings_in_what_is_unknown(a_volume):
    done = resample(a_volume, a_volume.size, SPACING, center=(3.0, 0.0, -2.0))
    assert torch.equal(done.labels[:-1, :, 2:], a_volume.labels[1:, :, :-2])
    assert torch.allclose(done.image[:, :-1, :, 2:], a_volume.image[:, 1:, :, :-2], atol=1e-3)
    assert (done.labels[-1] == UNKNOWN).all()
    assert not done.inside[-1].any()
    assert (done.image[0][~done.inside] == a_volume.image.min()).all()


def test_a_zoom_in_mm_changes_a_balls_volume_by_its_cube(a_ball):
    matrix = scaling(np.random.default_rng(1), largest=1.3)
    before, after = (float((one.labels == 1).sum()) for one in (a_ball, resample(a_ball, a_ball.size, SPACING,
                                                                                 matrix=matrix)))
    assert after / before == pytest.approx(np.linalg.det(matrix) ** -1, rel=0.08)


def test_a_rotation_keeps_a_ball_on_an_anisotropic_grid(a_ball):
    done = resample(a_ball, a_ball.size, SPACING, matrix=rotation(np.random.default_rng(0), degrees=40))
    both = (done.labels == 1) & (a_ball.labels == 1)
    assert 2 * both.sum() / ((done.labels == 1).sum() + (a_ball.labels == 1).sum()) > 0.88


def test_an_elastic_field_has_the_amplitude_in_mm_that_was_asked_for():
    field = elastic(np.random.default_rng(0), (40, 40, 40), (2.0, 2.0, 2.0), distance=2.0, amplitude=4.0)
    assert field.shape == (3, 40, 40, 40)
    assert float(field.std()) == pytest.approx(4.0, rel=0.1)


def test_boxes_lie_in_the_field_of_view_or_around_it(a_volume):
    inside = torch.zeros(a_volume.size, dtype=torch.bool)
    inside[2:4, 3:8, 1:13] = True
    seen = volume(a_volume.image, None, SPACING, "ct", inside)
    first, last = view_extent(seen)
    assert (first.tolist(), last.tolist()) == ([-3.0, -3.0, -6.0], [3.0, 7.0, 6.0])
    for seed in range(30):
        box = random_box(np.random.default_rng(seed), seen, (8.0, 4.0, 6.0))
        low, high = box.center - box.sides / 2, box.center + box.sides / 2
        assert low[0] <= first[0] + 1e-9
        assert high[0] >= last[0] - 1e-9
        assert (low[1:] >= first[1:] - 1e-9).all()
        assert (high[1:] <= last[1:] + 1e-9).all()


def test_two_boxes_share_at_least_what_was_asked_for():
    room = volume(np.zeros((1, 60, 60, 60), np.float32), None, (2.0, 2.0, 2.0), "mr")
    rng = np.random.default_rng(0)
    shares = [shared_part(*overlapping_boxes(rng, room, [rng.uniform(50, 60)] * 3, [rng.uniform(50, 60)] * 3, 0.4))
              for _ in range(200)]
    assert min(shares) >= 0.4 - 1e-6
    assert max(shares) > 0.6  # and are not all pushed to the same place
    far = Box(np.full(3, 100.0), np.full(3, 10.0))
    assert shared_part(Box(np.zeros(3), np.full(3, 10.0)), far) == 0.0


def test_a_labelled_crop_is_cut_from_the_middle_of_a_larger_one():
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[8:12, 8:12, 8:12] = 3
    image, cut = supervised(np.random.default_rng(0), labels[None] * 500.0, labels, (1.5,) * 3, "ct", size=(12,) * 3)
    assert image.shape == (1, 12, 12, 12)
    assert cut.shape == (12, 12, 12)
    assert cut[4:8, 4:8, 4:8].eq(3).float().mean() > 0.5


def test_label_values_are_never_mixed():
    labels = np.random.default_rng(0).choice([0, 2, 7, 255], (16, 16, 16)).astype(np.uint8)
    for seed in range(8):
        _, done = supervised(np.random.default_rng(seed), labels[None].astype(np.float32), labels, (1.5,) * 3, "mr")
        assert set(done.unique().tolist()) <= {0, 2, 7, 255}


@pytest.mark.parametrize(("labels", "modality", "spacing"), [
    (np.zeros((4, 4, 5), np.uint8), "ct", (1, 1, 1)), (None, "us", (1, 1, 1)), (None, "ct", (1, 0, 1))])
def test_what_does_not_fit_is_refused(labels, modality, spacing):
    with pytest.raises(UsageError):
        volume(np.zeros((1, 4, 4, 4)), labels, spacing, modality)
