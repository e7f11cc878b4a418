"""The sampler: seeded, in range, honest at the edge of the field of view."""

import dataclasses
import functools

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.generator import Sampler, SamplerConfig
from HeartSegTrainingLib.generator import sampler as sampler_module
from HeartSegTrainingLib.generator.acquisition import short_axis_frame
from HeartSegTrainingLib.generator.appearance import MODES
from HeartSegTrainingLib.generator.deformation import Deformation, Placement, deformed_positions, gaussian_blur
from HeartSegTrainingLib.generator.training_data import GeneratedData, sampler_factory

SMALL = SamplerConfig(window=40, spacing=4.0)
TINY = SamplerConfig(window=12, spacing=12.0)
STREAKS, OTHERS = {"add_streaks"}, {"add_ghosts", "blur_by_motion", "stair_steps", "darken_borders_of_fat"}


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


def test_a_prior_to_leave_out_that_is_not_there_is_refused(tmp_path):
    save_file({"healthy": np.zeros((4, 4, 4), np.uint8), "afib": np.zeros((4, 4, 4), np.uint8)},
              tmp_path / "priors.safetensors")
    data = GeneratedData(str(tmp_path / "scenes"), 1, priors=str(tmp_path), exclude=("afibb",))
    with pytest.raises(UsageError, match=r"not in .*: afibb"):
        data.prepare()
    assert not (tmp_path / "scenes").exists()


def test_children_are_smaller_as_a_whole():
    centres = np.zeros((5, 3), np.float32)
    sizes = []
    for seed in range(40):
        _, placement = deformed_positions(np.random.default_rng(seed), 8, 2.0, centres,
                                          Deformation(child=1.0, child_size=(0.7, 0.7), log_size=0.0, log_scale=0.0),
                                          torch.device("cpu"))
        sizes.append(abs(np.linalg.det(placement.linear)) ** (1 / 3))
    assert np.mean(sizes) == pytest.approx(1 / 0.7, rel=0.03)  # the window looks at more of the scene


def test_single_chambers_grow_and_shrink_and_what_is_far_stays():
    chambers = Deformation(0, 0, 0, 0, (0, 0, 0), (), chamber=0.35, child=0.0)
    sizes = []
    for seed in range(30):
        positions, placement = deformed_positions(np.random.default_rng(seed), 25, 8.0, np.zeros((1, 3)), chambers,
                                                  torch.device("cpu"))
        np.testing.assert_allclose(placement.linear, np.eye(3), atol=1e-12)
        np.testing.assert_allclose(positions[:, 0, 0, 0], -96, atol=0.1)
        sizes.append(float(positions[0, 12, 12, 14]) / 16)
    assert min(sizes) < 0.85  # looks at less of the scene: the chamber is larger
    assert max(sizes) > 1.15
    assert min(sizes) > 0.65
    assert max(sizes) < 1.35


@pytest.fixture
def drawn(monkeypatch):
    """Names of the artefacts that a sampler has drawn."""
    names = set()
    for name in STREAKS | OTHERS:
        monkeypatch.setattr(sampler_module, name, functools.partial(lambda name, *_: names.add(name), name))
    return names


def draw(scene, mode, findings=(), **config):
    """Draw scans of small windows."""
    source = dataclasses.replace(scene, findings=list(findings))
    sampler = Sampler([source], dataclasses.replace(TINY, **config))
    for seed in range(40):
        sampler.scan(np.random.default_rng(seed), mode)


def test_all_artefacts_are_drawn(scene, drawn):
    for mode in ("ct_contrast", "mr_bright"):
        draw(scene, mode)
    assert drawn == STREAKS | OTHERS


def test_without_artefacts_none_are_drawn(scene, drawn):
    for mode in MODES:
        draw(scene, mode, ["lead", "artificial valve"], artefacts=0.0)
    assert not drawn


@pytest.mark.parametrize(("findings", "expected"), [([], set()), (["wires"], set()), (["lead"], STREAKS),
                                                    (["artificial valve"], STREAKS)])
def test_metal_in_the_heart_makes_streaks_without_contrast(scene, drawn, findings, expected):
    draw(scene, "ct_plain", findings)
    assert drawn & STREAKS == expected


@pytest.mark.parametrize(("mode", "largest"), [("ct_contrast", 10.0), ("mr_bright", 18.0), ("random", 18.0)])
def test_slices_of_mr_lie_farther_apart_than_those_of_ct(scene, monkeypatch, mode, largest):
    found = []
    monkeypatch.setattr(sampler_module, "thick_slices", lambda *given: found.append(given[4]))
    draw(scene, mode, thick_mr=1.0, thick_ct=1.0)
    assert {distances[2] for distances in found} == {largest}
