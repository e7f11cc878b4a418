from pathlib import Path

import pytest

from ball_problem import toy_config
from HeartSeg3DLib.errors import DeviceError, UsageError
from HeartSegTrainingLib.engine.precision import training_device
from HeartSegTrainingLib.finetuning import FinetuneConfig

JOB = """
steps = 3000
learning_rate = 1e-3
workers = 1
[network]
name = "tiny"
classes = 8
[data]
scenes = "scenes"
mixture = { ct = 0.5, mr = 0.5 }
"""


def job_file(folder: Path, text: str) -> Path:
    path = folder / "job.toml"
    path.write_text(text)
    return path


def test_a_job_file_becomes_a_config(tmp_path):
    config = FinetuneConfig.from_toml(job_file(tmp_path, JOB))
    assert (config.network, config.network_overrides, config.steps) == ("tiny", {"classes": 8}, 3000)
    assert config.data == {"scenes": "scenes", "mixture": {"ct": 0.5, "mr": 0.5}}
    assert FinetuneConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(("text", "message"), [
    ("steps = 3", r"names no network.*\[network\]"),
    (JOB.replace("learning_rate", "learing_rate"), "unknown entry 'learing_rate'.*learning_rate"),
    (JOB.replace("3000", '"many"'), "'steps' in the job file is 'many'.*int"),
    (JOB.replace("3000", "true"), "'steps' in the job file is True"),
    (JOB.replace("steps = 3000", ""), "length either in steps or in minutes.*exactly one"),
    ("minutes = 5\n" + JOB, "length either in steps or in minutes"),
    (JOB.replace("3000", "0"), "length 0 is empty"),
    (JOB.replace("1e-3", "nan"), "'learning_rate' is nan.*positive"),
    (JOB.replace("1e-3", "inf"), "'learning_rate' is inf.*positive"),
    (JOB.replace("steps = 3000", "minutes = nan"), "length nan is empty"),
    ("weight_decay = nan\n" + JOB, "'weight_decay' is nan.*zero or a positive"),
    (JOB.replace("1e-3", "-1e-3"), "'learning_rate' is -0.001.*positive"),
    (JOB.replace("workers = 1", "workers = -1"), "'workers' is -1.*zero or a positive"),
    ("ema = 1.0\n" + JOB, "'ema' is 1.0.*below 1"),
    ('freeze = "decoder"\n' + JOB, "'freeze' is 'decoder'.*last-N or layer-decay"),
    ('precision = "fp16"\n' + JOB, "'precision' is 'fp16'.*bf16"),
    ("batch = 4\npart = 3\n" + JOB, "batch of 4 does not consist of parts of 3"),
    ("steps = = 3", "not valid TOML.*line 1"),
])
def test_a_wrong_entry_is_named_with_a_remedy(tmp_path, text, message):
    with pytest.raises(UsageError, match=message) as caught:
        FinetuneConfig.from_toml(job_file(tmp_path, text))
    assert caught.value.remedy


def test_a_missing_job_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        FinetuneConfig.from_toml(tmp_path / "none.toml")


def test_a_run_may_grow_but_not_become_another():
    config = toy_config()
    assert toy_config(steps=20, workers=1).check_continues(config) == ["steps", "workers"]
    with pytest.raises(UsageError, match="another batch, seed"):
        toy_config(batch=4, seed=1).check_continues(config)


def test_devices_are_chosen_by_name():
    assert training_device("cpu").type == "cpu"
    assert training_device("auto").type in ("cpu", "cuda")
    with pytest.raises(UsageError, match=r"'gpu'.*cuda"):
        training_device("gpu")


def test_a_missing_gpu_is_said(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(DeviceError, match="no usable CUDA"):
        training_device("cuda:0")
