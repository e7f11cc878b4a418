"""What the child process of training does: models of checkpoints, training sets, and the process itself."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models import ModelStore
from HeartSeg3DLib.models.card import is_safe_id
from HeartSeg3DLib.scene.runner import worker_command
from HeartSeg3DLib.worker.events import Job
from HeartSegTrainingLib.datasets import Index
from HeartSegTrainingLib.engine.checkpoint import read_checkpoint, save_checkpoint
from HeartSegTrainingLib.finetuning import FinetuneConfig
from HeartSegTrainingLib.finetuning.best_checkpoint import save_best
from HeartSegTrainingLib.finetuning.task import registered_network
from HeartSegTrainingLib.jobs.kinds import kind_named
from HeartSegTrainingLib.worker import job_actions
from HeartSegTrainingLib.worker.job_wish import checkpoint_name
from HeartSegTrainingLib.worker.model_action import model_id, use_model
from HeartSegTrainingLib.worker.set_action import training_set


def asked(action: Any, **request: Any) -> dict[str, Any]:
    """The result event of an action."""
    events: list[dict[str, Any]] = []
    pipe = type("Pipe", (), {"send": staticmethod(events.append)})()
    action(Job({"job": 1, **request}, pipe), None)
    return next(event for event in events if event["event"] == "result")


def a_checkpoint(job: Path, step: int) -> None:
    """Averaged weights of a network as a fine-tuning writes them."""
    config = FinetuneConfig(network="nano", network_overrides={"classes": 8}, window=64, steps=100,
                            data={"scenes": "scenes", "count": 1, "spacing": 1.5})
    network = registered_network(config)
    (job / "checkpoints").mkdir(parents=True, exist_ok=True)
    tensors = {f"ema.{name}": tensor for name, tensor in network.state_dict().items()}
    save_checkpoint(job / "checkpoints", step, tensors, {"seconds": 1.0, "skipped": 0, "kind": "finetune",
                                                         "config": config.to_dict(), "data": ""})


@pytest.fixture
def user_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEARTSEG_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_each_checkpoint_becomes_a_model_that_heartseg3d_lists(user_data: Path, tmp_path: Path) -> None:
    job = tmp_path / "Our hearts"
    for step in (10, 20):
        a_checkpoint(job, step)
        said = asked(use_model, job_folder=str(job))
        assert (said["id"], said["step"]) == (f"job-our-hearts-step-{step}", step)
    listed = {model.id: model for model in ModelStore().list()}
    assert {"job-our-hearts-step-10", "job-our-hearts-step-20"} <= set(listed)
    assert listed["job-our-hearts-step-20"].card.title == "Our hearts, step 20"
    ModelStore().verify("job-our-hearts-step-20")


def test_a_checkpoint_that_is_a_model_already_is_not_imported_again(user_data: Path, tmp_path: Path) -> None:
    a_checkpoint(tmp_path / "job", 10)
    first = asked(use_model, job_folder=str(tmp_path / "job"))
    assert asked(use_model, job_folder=str(tmp_path / "job")) == first


def test_the_best_checkpoint_becomes_a_model_that_says_how_good_it_is(user_data: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    a_checkpoint(job, 20)
    newest = asked(use_model, job_folder=str(job))
    tensors, record = read_checkpoint(job / "checkpoints" / "step_0000020.safetensors")
    average = {name.removeprefix("ema."): tensor for name, tensor in tensors.items()}
    save_best(job / "checkpoints", 20, average, {**record, "figures": {"dice": {"LV": 0.8}}, "validated_on": 2})
    best = asked(use_model, job_folder=str(job), which="best")
    assert (newest["id"], best["id"]) == ("job-job-step-20", "job-job-step-20-best")
    card = ModelStore().get("job-job-step-20-best").card
    assert card is not None
    assert card.figures["validation"]["dice"] == {"LV": 0.8}
    assert "best on other cases" in best["title"]


def test_an_older_checkpoint_becomes_the_model_of_its_own_step(user_data: Path, tmp_path: Path) -> None:
    job = tmp_path / "job"
    for step in (10, 20):
        a_checkpoint(job, step)
    said = asked(use_model, job_folder=str(job), which=checkpoint_name(10))
    assert (said["id"], said["step"]) == ("job-job-step-10", 10)
    with pytest.raises(ModelError, match="no checkpoint 'step_0000015'"):
        asked(use_model, job_folder=str(job), which=checkpoint_name(15))


def test_before_the_first_checkpoint_there_is_no_model(user_data: Path, tmp_path: Path) -> None:
    (tmp_path / "job" / "checkpoints").mkdir(parents=True)
    with pytest.raises(ModelError):
        asked(use_model, job_folder=str(tmp_path / "job"))
    assert not (user_data / "models").exists()


@pytest.mark.parametrize("name", ["Ünsere Herzen / 2", "...", "x" * 200, "con"])
def test_any_name_of_a_job_makes_a_name_of_a_model(name: str) -> None:
    assert is_safe_id(model_id(name, 12_000_000) + "-best")


def test_an_estimate_makes_data_where_the_job_finds_them(user_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def estimate_run(config: Any, make_task: Any, folder: Path, tell: Any) -> Any:
        seen.extend((Path.cwd(), config.data["scenes"], folder))
        return type("Estimate", (), {"to_dict": lambda self: {"steps": 1}})()

    monkeypatch.setattr(job_actions, "estimate_run", estimate_run)
    before = Path.cwd()
    said = asked(job_actions.estimate, wish={"kind": "finetune", "recipe": "demo", "start": "scratch"})
    assert said["estimate"] == {"steps": 1}
    assert seen[0] == user_data.resolve()
    assert not Path(seen[1]).is_absolute()
    assert not seen[2].exists()
    assert Path.cwd() == before


def test_a_job_s_file_says_all_that_it_is_asked_for(user_data: Path, tmp_path: Path) -> None:
    wish = {"kind": "ssl", "recipe": "demo", "start": "scratch", "changes": {"steps": 7}}
    said = asked(job_actions.job_file, wish=wish, job_folder=str(tmp_path / "job"))
    assert said["kind"] == "ssl"
    assert kind_named("ssl").read_config(said["file"]).steps == 7


def hand_over(folder: Path, persons: list[str], corrected: tuple[str, ...] = ("LV",)) -> None:
    """Scans of 24 x 24 x 24 voxels with two slabs, as `scene.training_pairs` writes them."""
    said = []
    for number, person in enumerate(persons):
        rng = np.random.default_rng(number)
        rng.integers(-200, 400, 24**3).astype("<i2").tofile(folder / f"{number}.raw")
        labels = np.zeros((24, 24, 24), np.uint8)
        labels[2:10, 4:20, 4:20], labels[12:20, 4:20, 4:20] = 1, 2
        labels.tofile(folder / f"{number}_labels.raw")
        said.append({"name": f"case_{number}", "person": person, "image": f"{number}.raw",
                     "labels": f"{number}_labels.raw", "dtype": "int16", "modality": "ct", "size": [24, 24, 24],
                     "spacing": [2, 2, 2], "origin": [0, 0, 0], "direction": [1, 0, 0, 0, 1, 0, 0, 0, 1],
                     "corrected": corrected})
    (folder / "pairs.json").write_text(json.dumps({"pairs": said}))


def test_scans_that_are_handed_over_become_a_training_set(tmp_path: Path) -> None:
    hand_over(tmp_path, ["person_001", "person_002"])
    said = asked(training_set, folder=str(tmp_path), set_folder=str(tmp_path / "sets" / "set"))
    assert (said["cases"], said["structures"]) == (2, ["LV"])
    if os.name == "posix":
        modes = {stat.S_IMODE(folder.stat().st_mode) for folder in (tmp_path / "sets", tmp_path / "sets" / "set")}
        assert modes == {stat.S_IRWXU}, "scans of patients are nobody else's business"
    entries = Index.read(Path(said["index"])).entries
    assert {entry.ignored for entry in entries} == {("MYO",)}, "what nobody corrected says nothing"
    trusted = asked(training_set, folder=str(tmp_path), set_folder=str(tmp_path / "trusted"), trust=True)
    assert trusted["structures"] == ["LV", "MYO"]


def test_scans_of_one_person_alone_are_refused(tmp_path: Path) -> None:
    hand_over(tmp_path, ["person_001", "person_001"])
    with pytest.raises(UsageError, match="another person"):
        asked(training_set, folder=str(tmp_path), set_folder=str(tmp_path / "set"))


def test_the_process_finds_both_libraries_and_refuses_what_it_does_not_know(
    repository: Path, tmp_path: Path
) -> None:
    command, environment = worker_command({"PATH": "/usr/bin:/bin"}, "HeartSegTrainingLib.worker",
                                          [repository / "HeartSegTraining"])
    with subprocess.Popen([sys.executable, *command[1:]], env=environment, cwd=tmp_path, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps({"job": 1, "action": "segment"}) + "\n")
        worker.stdin.flush()
        events = [json.loads(worker.stdout.readline()) for _ in range(2)]
        worker.stdin.write(json.dumps({"action": "quit"}) + "\n")
        worker.stdin.close()
        assert worker.wait(60) == 0
    assert [event["event"] for event in events] == ["ready", "error"]
