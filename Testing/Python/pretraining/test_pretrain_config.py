"""What a self-supervised job may ask for."""

import dataclasses

import pytest

from blob_problem import SMALL, small_config
from HeartSeg3DLib.errors import UsageError
from HeartSegTrainingLib.engine.fields import meanings
from HeartSegTrainingLib.pretraining import PretrainConfig


def test_a_job_file_and_its_copy_in_a_checkpoint_say_the_same(tmp_path):
    file = tmp_path / "job.toml"
    file.write_text('steps = 10\nmode = "dinov2"\nzoom = [0.9, 1.1]\n[network]\nname = "nano"\n'
                    "[data.store]\nindex = \"a\"\nstore = \"b\"\n", "utf-8")
    config = PretrainConfig.from_toml(file)
    assert config.zoom == (0.9, 1.1)
    assert config.data["store"]["index"] == "a"
    assert PretrainConfig.from_dict(config.to_dict()) == config


def test_every_field_has_a_meaning():
    said = meanings(PretrainConfig)
    assert [entry.name for entry in dataclasses.fields(PretrainConfig) if entry.name not in said] == []


def test_the_mode_decides_what_is_used():
    paper, dino = small_config(), small_config(mode="dinov2")
    assert (paper.used_centring, paper.used_local_views, paper.uses_masks) == ("batch", 0, False)
    assert (dino.used_centring, dino.used_local_views, dino.uses_masks) == ("sinkhorn", 2, True)
    assert small_config(mode="dinov2", centring="batch").used_centring == "batch"
    assert dino.tokens == 4**3


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"mode": "dinov2", "part": 1}, "single one"),
    ({"mode": "dinov2", "batch": 1}, "single one"),
    ({"mode": "dinov2", "window": 18}, "whole number of tokens"),
    ({"mode": "dinov2", "local_window": 6}, "too small"),
    ({"window": 6}, "too small"),
    ({"zoom": (0.5, 1.2)}, "0.07 of the large one"),
    ({"field": 1.0}, "does not fit"),
    ({"stage": "ressl"}, "none is named"),
    ({"centring": "batchwise"}, "'centring' is"),
    ({"flip_axes": ("left",)}, "no axis 'left'"),
    ({"teacher_temperature": (0.07, 0.04)}, "teacher_temperature"),
    ({"mask_ratio": (0.1, 1.5)}, "mask_ratio"),
    ({"zoom": ("a", "b")}, "'zoom' is"),
    ({"zoom": 1.0}, "'zoom' is 1.0"),
    ({"flip_axes": (["left"],)}, "no axis"),
    ({"teacher_momentum": 1.5}, "teacher_momentum"),
    ({"network": "giant"}, "no network size"),
    ({"network_overrides": {**SMALL, "width": 3}}, "no network has"),
])
def test_what_cannot_be_is_refused_in_a_sentence(changes, sentence):
    with pytest.raises(UsageError, match=sentence):
        small_config(**changes)


def test_a_typo_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="Did you mean 'centring'"):
        PretrainConfig.from_dict({"network": {"name": "nano"}, "steps": 5, "centering": "batch"})


def test_the_text_of_minutes_says_what_a_clock_costs():
    assert "not bit for bit" in meanings(PretrainConfig)["minutes"]


def test_a_part_of_one_sample_is_enough_without_koleo():
    assert small_config(mode="dinov2", part=1, koleo_weight=0.0).parts == 4
