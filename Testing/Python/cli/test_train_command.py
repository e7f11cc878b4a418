from __future__ import annotations

import json
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from command_line import assert_failed_in_words, call
from HeartSeg3DLib.models import load_package
from HeartSegTrainingLib.generator import training_data
from HeartSegTrainingLib.jobs.job_folder import JobFolder

JOB = """
window = 16
batch = 1
steps = 3
warmup = 1
workers = 0
device = "cpu"
log_every = 1
[network]
name = "nano"
features = [4, 8]
blocks = [1, 1]
vil_pairs = [0, 1]
stem_stride = 2
classes = 3
[data]
spacing = 2.0
scenes = "scenes"
count = 1
"""


def draw(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    labels = rng.integers(0, 3, (16, 16, 16)).astype(np.uint8)
    image = labels + rng.normal(0, 0.1, labels.shape)
    return torch.from_numpy(image.astype(np.float32))[None], torch.from_numpy(labels)


def draw_and_interrupt(rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    signal.raise_signal(signal.SIGINT)
    return draw(rng)


def give(sampler: Callable) -> Callable:
    return sampler


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job of three steps; its samples are noise, because scenes cost seconds."""
    monkeypatch.setenv("HEARTSEG_DATA", str(tmp_path.with_name("user_data")))
    monkeypatch.setattr(training_data, "sampler_factory", lambda table, window: partial(give, draw))
    (tmp_path / "tiny.toml").write_text(JOB)
    return tmp_path / "tiny.toml"


def test_a_dry_run_measures_steps_and_keeps_nothing(job: Path) -> None:
    result = call("train", "finetune", job, "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    facts = json.loads(result.stdout)["dry_run"]
    assert facts["parameters"] > 1000
    assert (facts["steps"], facts["sample"], facts["processes"]) == (3, [[1, 16, 16, 16], [16, 16, 16]], 1)
    assert facts["measured_steps"] >= 3
    assert facts["total_seconds"] == pytest.approx(3 * facts["step_seconds"])
    assert facts["disk_bytes"] == 3 * facts["checkpoint_bytes"] > 12 * facts["parameters"]
    assert list(job.parent.iterdir()) == [job]


def test_a_dry_run_says_that_it_is_an_estimate(job: Path) -> None:
    said = call("train", "finetune", job, "--dry-run").stdout
    assert "This is an estimate from" in said
    assert "3 steps: about" in said


def test_a_run_becomes_a_model_package(job: Path, tmp_path: Path) -> None:
    result = call("train", "finetune", job)
    assert result.exit_code == 0, result.stderr
    folder = tmp_path / "tiny-job"
    assert json.loads((folder / "state.json").read_text())["status"] == "finished"
    assert "Trained to step 3" in result.stdout
    (tmp_path / "card.toml").write_text('id = "my-heart"\ntitle = "My heart"\nlabels = [0, 1, 2]\n')
    result = call("train", "export", folder, "-o", tmp_path / "my-heart", "--card", tmp_path / "card.toml")
    assert result.exit_code == 0, result.stderr
    card = load_package(tmp_path / "my-heart").card
    assert (card.id, card.title, card.spacing_mm) == ("my-heart", "My heart", 2.0)
    again = call("train", "export", folder, "-o", tmp_path / "my-heart")
    assert_failed_in_words(again, 2, "exists already")


def test_a_stopped_run_is_cancelled_and_goes_on_where_it_was(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_data, "sampler_factory", lambda table, window: partial(give, draw_and_interrupt))
    result = call("train", "finetune", job, "-o", tmp_path / "run")
    assert_failed_in_words(result, 130, "stopped at step 1")
    monkeypatch.setattr(training_data, "sampler_factory", lambda table, window: partial(give, draw))
    assert_failed_in_words(call("train", "finetune", job, "-o", tmp_path / "run"), 2, "already holds a run")
    result = call("train", "finetune", job, "-o", tmp_path / "run", "--resume", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["step"] == 3


@pytest.mark.parametrize(("text", "exit_code", "said"), [
    (JOB.replace("steps = 3", "stepz = 3"), 2, "stepz"),
    (JOB.replace('"nano"', '"gigantic"'), 4, "gigantic"),
    (JOB.replace("[data]", "[data"), 2, "not valid TOML"),
    (JOB.replace('device = "cpu"', 'device = "tpu"'), 2, "tpu"),
])
def test_a_wrong_job_is_explained(job: Path, text: str, exit_code: int, said: str) -> None:
    job.write_text(text)
    assert_failed_in_words(call("train", "finetune", job, "--dry-run"), exit_code, said)


@pytest.mark.parametrize("options", [("--dry-run", "--detach"), ("--processes", 2), ("--slurm", "--dry-run")])
def test_options_that_exclude_each_other_are_refused(job: Path, options: tuple) -> None:
    assert call("train", "finetune", job, *options).exit_code == 2
    assert list(job.parent.iterdir()) == [job]


def test_a_second_job_in_the_same_folder_is_refused_and_the_first_goes_on(job: Path, tmp_path: Path) -> None:
    assert call("train", "finetune", job, "-o", tmp_path / "run").exit_code == 0
    launch = (tmp_path / "run" / "launch.json").read_text()
    with JobFolder(tmp_path / "run").held():
        assert_failed_in_words(call("train", "finetune", job, "-o", tmp_path / "run", "--resume"), 2, "running in")
    assert (tmp_path / "run" / "launch.json").read_text() == launch


def test_a_checkpoint_of_a_newer_version_is_refused_and_kept(job: Path, tmp_path: Path) -> None:
    assert call("train", "finetune", job, "-o", tmp_path / "run").exit_code == 0
    (record,) = (tmp_path / "run" / "checkpoints").glob("*0003.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "format": 99}))
    job.write_text(JOB.replace("steps = 3", "steps = 5"))
    result = call("train", "finetune", job, "-o", tmp_path / "run", "--resume")
    assert_failed_in_words(result, 4, "written by a newer version")
    assert record.with_suffix(".safetensors").exists()


def test_a_job_file_of_another_stage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text('stage = "ressl"\ninit_from = "ssl"\nsteps = 3\n[network]\nname = "tiny"\n')
    result = call("train", "ssl", tmp_path / "job.toml", "--dry-run")
    assert_failed_in_words(result, 2, "for the stage 'ressl'")


def test_another_process_of_a_run_says_nothing(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    job.write_text(JOB.replace("steps = 3", "stepz = 3"))
    result = call("train", "finetune", job)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "")


def test_what_is_missing_is_explained(tmp_path: Path) -> None:
    assert_failed_in_words(call("train", "finetune", tmp_path / "no.toml"), 2, "cannot be read")
    assert_failed_in_words(call("train", "export", tmp_path / "no-job", "-o", tmp_path / "p"), 2, "not a job folder")
    assert list(tmp_path.iterdir()) == []
