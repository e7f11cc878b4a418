"""What scanners do to pictures: where signal goes, what moves with it, what stays as it is."""

import numpy as np
import pytest
import torch

from HeartSegTrainingLib.generator import acquisition
from HeartSegTrainingLib.generator.acquisition import (
    Noise,
    Picture,
    _sample_slices,
    add_ghosts,
    add_shading,
    add_streaks,
    blur_by_motion,
    cut_field_of_view,
    darken_borders_of_fat,
    stair_steps,
    thick_slices,
)

MR_DISTANCES = (3.0, 8.0, 18.0)


def picture(size=32):
    ramp = torch.linspace(0, 100, size)[:, None, None].expand(size, size, size).clone()
    return Picture(ramp, torch.ones((size,) * 3, dtype=torch.uint8), torch.ones((size,) * 3, dtype=torch.bool))


def test_thick_slices_keep_what_is_smooth_across_them():
    scanned = picture()
    thick_slices(scanned, np.random.default_rng(5), np.eye(3), 2.0, (4.0, 4.0, 4.0), np.zeros(3))
    middle = scanned.image[10:22, 12:20, 12:20]
    assert (middle - picture().image[10:22, 12:20, 12:20]).abs().max() < 3
    assert not scanned.labels[~scanned.inside].any()


def test_labels_follow_slices_that_lie_aside_of_each_other():
    axis = (torch.arange(40.0) - 19.5) * 2
    tube = ((axis[None, :, None] ** 2 + axis[None, None, :] ** 2) < 20**2).expand(40, 40, 40)
    overlaps = []
    for seed in range(40):
        scanned = Picture(tube.float(), tube.to(torch.uint8), torch.ones_like(tube))
        thick_slices(scanned, np.random.default_rng(seed), np.eye(3), 2.0, (8.0, 8.0, 8.0), np.zeros(3))
        seen = (scanned.image > 0.5)[scanned.inside]
        overlaps.append([2 * float((seen & mask[scanned.inside]).sum()) / float(seen.sum() + mask[scanned.inside].sum())
                         for mask in (scanned.labels > 0, tube)])
    followed, still = np.array(overlaps).T
    assert still.min() < 0.95, "no stack of this test was taken in several breath-holds"
    assert followed.min() > 0.97


def test_a_cut_field_of_view_is_a_box():
    scanned = picture()
    cut_field_of_view(scanned, np.random.default_rng(0), 0.25)
    where = scanned.inside.nonzero()
    sides = where.max(0).values - where.min(0).values + 1
    assert int(scanned.inside.sum()) == int(sides.prod())
    assert int(scanned.inside.sum()) < 32**3


def test_stair_steps_displace_slabs_as_a_whole():
    position = torch.zeros(3, 40, 6, 6)
    stair_steps(position, np.random.default_rng(2), 2.0)
    assert (position == position[:, :, :1, :1]).all()  # within a slice all voxels move alike
    steps = (position[0, 1:, 0, 0] != position[0, :-1, 0, 0]).sum()
    assert 1 <= steps <= 4


def test_the_border_of_fat_is_dark_and_nothing_else_changes():
    fat = torch.zeros(20, 20, 20, dtype=torch.bool)
    fat[:, :, 10:] = True
    picture = Picture(torch.ones(20, 20, 20), torch.zeros(20, 20, 20), torch.ones(20, 20, 20, dtype=torch.bool))
    darken_borders_of_fat(picture, fat, 1.0)
    assert picture.image[10, 10, 9:11].max() < 0.7
    assert picture.image[10, 10, [2, 17]].min() > 0.99


def test_slices_lie_up_to_18_mm_apart_and_are_no_thicker_than_that(monkeypatch):
    drawn = []

    def sample(image, aside, frame, middle, half, step, share):
        drawn.append((step, share))
        return _sample_slices(image, aside, frame, middle, half, step, share)

    monkeypatch.setattr(acquisition, "_sample_slices", sample)
    for seed in range(80):
        thick_slices(picture(12), np.random.default_rng(seed), np.eye(3), 10.0, MR_DISTANCES, np.zeros(3))
    step, share = np.array(drawn).T
    assert 3 <= step.min() < 5
    assert 15 < step.max() <= 18
    assert 7 < np.median(step) < 11
    assert 0.4 <= share.min() < 0.5  # with gaps
    assert 0.9 < share.max() <= 1


@pytest.mark.parametrize(("share", "seen"), [(1.0, 0.25), (0.4, 0.0)])
def test_a_thin_slice_does_not_see_what_lies_in_the_gap(share, seen):
    image = torch.zeros(65, 65, 65)
    image[32 + 3] = 1.0  # 3 mm from the middle slice, 5 mm from the next
    slices = _sample_slices(image, torch.zeros(3, 2), torch.eye(3), torch.zeros(3), 32.0, 8.0, share)
    assert slices[:, 32, 32].tolist() == pytest.approx([0, seen, 0], abs=1e-5)


def test_most_stacks_cover_only_a_part_of_the_heart():
    covered = []
    for seed in range(60):
        scanned = picture(40)
        thick_slices(scanned, np.random.default_rng(seed), np.eye(3), 6.0, (8.0, 8.0, 8.0), np.zeros(3))
        covered.append(float(scanned.inside.any(2).any(1).sum()) * 6.0)
    part = [length for length in covered if length < 140]
    assert 30 < len(part) < 57
    assert min(part) < 85
    assert max(part) > 115
    assert max(covered) > 220


def point():
    """A bright voxel in the dark, at the middle."""
    image = torch.zeros(24, 24, 24)
    image[12, 12, 12] = 1.0
    return Picture(image, torch.zeros(24, 24, 24, dtype=torch.uint8), torch.ones(24, 24, 24, dtype=torch.bool))


def copies(scanned):
    """Displacement (voxels) and brightness of what appeared beside the point."""
    where = scanned.image.nonzero() - 12
    return [(move.tolist(), float(scanned.image[tuple(move + 12)])) for move in where if move.any()]


def test_motion_shows_every_contour_twice():
    for seed in range(10):
        scanned = point()
        blur_by_motion(scanned, np.random.default_rng(seed))
        ((move, share),) = copies(scanned)
        assert sorted(move)[0] == 0
        assert {abs(step) for step in move} <= {0, 1, 2}
        assert np.count_nonzero(move) == 2
        assert 0.25 <= share <= 0.5
        assert float(scanned.image.sum()) == pytest.approx(1.0)


def test_a_ghost_is_a_faint_copy_far_along_one_axis():
    axes = set()
    for seed in range(20):
        scanned = point()
        add_ghosts(scanned, np.random.default_rng(seed))
        ((move, share),) = copies(scanned)
        assert np.count_nonzero(move) == 1
        assert 4 <= max(abs(step) for step in move) <= 12
        assert 0.03 <= share <= 0.14
        assert float(scanned.image[12, 12, 12]) == 1.0
        axes.add(int(np.argmax(np.abs(move))))
    assert axes == {0, 1, 2}


def test_streaks_radiate_from_their_source_and_fade():
    size, source = 128, np.array([4.0, -6.0, 20.0])
    scanned = Picture(torch.zeros(size, size, size), torch.zeros(1), torch.ones(1))
    add_streaks(scanned, np.random.default_rng(1), source, 1.0)
    image = scanned.image.numpy()
    strength = image.std((1, 2))
    assert abs(strength.argmax() - (source[2] + 63.5)) <= 1
    assert strength[0] < 0.5 * strength.max()  # 84 mm below

    def ring(radius):
        angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
        x, y = source[0] + radius * np.cos(angle), source[1] + radius * np.sin(angle)
        return image[strength.argmax(), np.rint(y + 63.5).astype(int), np.rint(x + 63.5).astype(int)]

    near, far = ring(30), ring(52)
    assert np.corrcoef(near, far)[0, 1] > 0.6  # the same ray is bright or dark all along
    assert near.min() < -5
    assert near.max() > 5
    assert far.std() < 0.9 * near.std()


def test_shading_is_smooth_and_mostly_brightest_at_the_front():
    ratios = []
    for seed in range(30):
        scanned = Picture(torch.ones(24, 24, 24), torch.zeros(1), torch.ones(1))
        add_shading(scanned, Noise(seed, 24, torch.device("cpu")), np.random.default_rng(seed))
        field = scanned.image.log()
        assert float(field.diff(dim=2).abs().max()) < 0.3
        assert float(field.std(2).mean()) > 0.001  # not only from front to back
        ratios.append(float((field[:, 0] - field[:, -1]).mean()))
    assert np.mean(np.array(ratios) > 0) > 0.6
    assert max(ratios) > 0.6
