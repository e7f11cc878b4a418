"""The sampler: seeded, in range, honest at the edge of the field of view."""

import dataclasses

import numpy as np
import pytest
import torch

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.generator import Sampler, SamplerConfig
from HeartSegTrainingLib.generator.acquisition import (
    Picture,
    cut_field_of_view,
    darken_borders_of_fat,
    short_axis_frame,
    stair_steps,
    thick_slices,
)
from HeartSegTrainingLib.generator.appearance import MODES, draw_appearance
from HeartSegTrainingLib.generator.deformation import Deformation, Placement, deformed_positions, gaussian_blur
from HeartSegTrainingLib.generator.tissues import Tissue as T
from HeartSegTrainingLib.generator.training_data import GeneratedData, sampler_factory

SMALL = SamplerConfig(window=40, spacing=4.0)


@pytest.fixture(scope="module")
def sampler(scene):
    return Sampler([scene], SMALL)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_images_in_range_and_known_labels(sampler, mode):
    image, labels = sampler(np.random.default_rng(1), mode=mode)
    assert image.shape == (1, 40, 40, 40)
    assert labels.shape == (40, 40, 40)
    assert labels.dtype == torch.uint8
    assert -1 <= float(image.min()) < float(image.max()) <= 1
    assert int(labels.max()) <= 7


def test_a_sample_is_a_pure_function_of_its_generator(sampler):
    first = [sampler(np.random.default_rng((3, i)))[0] for i in range(3)]
    again = [sampler(np.random.default_rng((3, i)))[0] for i in range(3)]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], first[1])


def test_outside_the_field_of_view_there_is_neither_signal_nor_label(sampler):
    for seed in range(12):
        scan = sampler.scan(np.random.default_rng(seed), mode="mr_bright")
        image, labels = sampler(np.random.default_rng(seed), mode="mr_bright")
        if not scan.inside.all():
            assert (image[0][~scan.inside] == -1).all()
            assert not labels[~scan.inside].any()
            return
    pytest.fail("no sample had a limited field of view")


def test_a_locator_learns_one_structure(scene):
    _, labels = Sampler([scene], dataclasses.replace(SMALL, binary=True))(np.random.default_rng(0))
    assert set(labels.unique().tolist()) == {0, 1}


def test_contrast_ct_keeps_the_order_of_hounsfield_units():
    for seed in range(20):
        look = draw_appearance("ct_contrast", np.random.default_rng(seed))
        assert look.mean[T.LUNG] < look.mean[T.SUBCUTANEOUS_FAT] < look.mean[T.MYO] < look.mean[T.LV]


def test_plain_ct_shows_blood_and_muscle_nearly_alike():
    looks = [draw_appearance("ct_plain", np.random.default_rng(seed)) for seed in range(20)]
    assert max(abs(look.mean[T.LV] - look.mean[T.MYO]) for look in looks) < 20


def test_black_blood_is_darker_than_muscle_and_bright_blood_brighter():
    for seed in range(20):
        dark = draw_appearance("mr_dark", np.random.default_rng(seed))
        bright = draw_appearance("mr_bright", np.random.default_rng(seed))
        assert dark.mean[T.LV] < dark.mean[T.MYO]
        assert bright.mean[T.LV] > bright.mean[T.MYO]


def test_no_deformation_looks_straight_into_the_scene():
    still = Deformation(0, 0, 0, 0, (0, 0, 0), (), 0)
    positions, placement = deformed_positions(np.random.default_rng(0), 9, 2.0, np.zeros((0, 3)), still,
                                              torch.device("cpu"))
    np.testing.assert_allclose(positions[:, 4, 4, 4], 0, atol=1e-5)
    np.testing.assert_allclose(positions[:, 0, 4, 8], [8, 0, -8], atol=1e-4)
    np.testing.assert_allclose(placement.linear, np.eye(3), atol=1e-12)


def test_a_placement_maps_scene_points_back_to_the_window():
    placement = Placement(np.array([[1, 0.2, 0], [0, 2, 0], [0, 0, 0.5]]), np.array([3.0, -1, 2]))
    window = np.array([4.0, 5, 6])
    np.testing.assert_allclose(placement.to_window(placement.linear @ (window + placement.shift)), window)


def test_the_short_axis_frame_is_orthonormal_and_follows_the_heart():
    centres = np.array([[30.0, 0, -10], [-20, 30, 5], [0, -30, -5], [-40, 0, 0], [-20, 5, 20]])
    still = Placement(np.eye(3), np.zeros(3))
    frame = short_axis_frame(centres, still, np.random.default_rng(0))
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-9)
    base = (centres[1] - centres[0]) / np.linalg.norm(centres[1] - centres[0])
    assert frame[2] @ base > 0.9


def test_blur_keeps_the_mean():
    volume = torch.rand(12, 12, 12)
    assert gaussian_blur(torch.ones(8, 8, 8), 1.2).allclose(torch.ones(8, 8, 8), atol=1e-5)
    assert abs(float(gaussian_blur(volume, 1.0).mean() - volume.mean())) < 0.02


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


def test_a_job_table_makes_scenes_and_a_sampler(tmp_path):
    table = {"scenes": str(tmp_path / "scenes"), "count": 1, "heartless": 1, "grid": "wide", "spacing": 6.0,
             "binary": True}
    image, labels = sampler_factory(table, 32)()(np.random.default_rng(0))
    assert image.shape == (1, 32, 32, 32)
    assert int(labels.max()) <= 1
    assert len(list((tmp_path / "scenes").glob("*.safetensors"))) == 2


@pytest.mark.parametrize(("table", "said"), [
    ({"scenes": "x", "count": 1, "grit": 3}, "unknown entries: grit"),
    ({"count": 1}, "names no scenes"),
    ({"scenes": "x", "count": 1, "grid": "tiny"}, "grid is 'tiny'"),
    ({"scenes": "x", "count": 1, "mix": [0.5, 0.5]}, "does not give one share"),
    ({"scenes": "x", "count": 1, "mix": ["a", "b", "c", "d", "e"]}, "does not give one share"),
    ({"scenes": "x", "count": 1, "mix": [1.5, -0.5, 0, 0, 0]}, "does not give one share"),
    ({"scenes": "x", "count": "1"}, "'count' in the job file is '1'"),
    ({"scenes": "x", "count": True}, "'count' in the job file is True"),
    ({"scenes": 1, "count": 1}, "'scenes' in the job file is 1"),
    ({"scenes": "x", "count": 1, "spacing": 0}, "'spacing' is 0"),
    ({"scenes": "x", "count": 1, "shift": [1.0, 2.0]}, "'shift' is"),
    ({"scenes": "x", "count": 1, "exclude": [1]}, "'exclude' is"),
    ({"scenes": "x", "count": 1, "cut": 2.0}, "'cut' is 2.0"),
])
def test_a_wrong_job_table_is_refused(table, said):
    with pytest.raises(UsageError, match=said):
        GeneratedData.from_table(table)


def test_late_enhancement_shows_scars_in_dark_muscle():
    looks = [draw_appearance("mr_bright", np.random.default_rng(seed)) for seed in range(60)]
    late = [look for look in looks if look.mean[T.SCAR] > 1.5 * look.mean[T.MYO]]
    assert 5 < len(late) < 30
    assert all(look.mean[T.MYO] < 260 for look in late)


def test_contrast_mixes_badly_in_the_right_heart_of_some_scans():
    looks = [draw_appearance("ct_contrast", np.random.default_rng(seed)) for seed in range(40)]
    uneven = [look for look in looks if look.mixing[T.RA] > 1.01 * look.mixing[T.LV]]
    assert 8 < len(uneven) < 36
    assert all(look.mixing[T.MYO] == 0 for look in looks)


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


def test_children_are_smaller_as_a_whole():
    centres = np.zeros((5, 3), np.float32)
    sizes = []
    for seed in range(40):
        _, placement = deformed_positions(np.random.default_rng(seed), 8, 2.0, centres,
                                          Deformation(child=1.0, child_size=(0.7, 0.7), log_size=0.0, log_scale=0.0),
                                          torch.device("cpu"))
        sizes.append(abs(np.linalg.det(placement.linear)) ** (1 / 3))
    assert np.mean(sizes) == pytest.approx(1 / 0.7, rel=0.03)  # the window looks at more of the scene


def test_without_artefacts_none_are_drawn(scene):
    plain = SamplerConfig(window=32, spacing=3.0, artefacts=0.0, thick_ct=0.0, cut=0.0)
    sampler = Sampler([scene], plain)
    assert not any(sampler._has(1.0, np.random.default_rng(seed)) for seed in range(20))
