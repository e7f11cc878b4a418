"""From what a person chose to the job that is asked for."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models import ModelStore, verify_package
from HeartSegTrainingLib.datasets import DatasetRecord, Entry, Index
from HeartSegTrainingLib.engine.checkpoint import read_newest, save_checkpoint
from HeartSegTrainingLib.finetuning import FinetuneConfig
from HeartSegTrainingLib.finetuning.starting_weights import load_start
from HeartSegTrainingLib.finetuning.task import registered_network
from HeartSegTrainingLib.jobs.recipes import Recipe
from HeartSegTrainingLib.worker import job_recipe, job_weights
from HeartSegTrainingLib.worker.job_recipe import job_of_wish
from HeartSegTrainingLib.worker.job_wish import JOB, MODEL, SCRATCH, Wish

RECIPE = """
window = 80
batch = 1
steps = 40
freeze = "encoder"
encoder_from = "somewhere/else"

[network]
name = "tiny"

[data]
scenes = "scenes"
count = 4
spacing = 1.5
"""


@pytest.fixture(autouse=True)
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe of the same entries for each stage."""
    for kind in ("ssl", "ressl", "finetune"):
        (tmp_path / f"{kind}.toml").write_text(RECIPE)
    monkeypatch.setattr(job_recipe, "recipe_named", lambda name: Recipe(name, "", tmp_path))


@pytest.fixture
def prepared(tmp_path: Path) -> dict[str, str]:
    """An index of two folds and the name of its store."""
    entries = [Entry(f"own/{number}", "own", f"person {number}", f"{number}.nrrd", "ct", "ct", labels="l.nrrd",
                     present=("LV",), split="train", fold=number) for number in range(2)]
    Index(entries, {"own": DatasetRecord("own", ".")}).write(tmp_path / "index.jsonl")
    return {"index": str(tmp_path / "index.jsonl"), "store": str(tmp_path / "store")}


@pytest.fixture
def spacing(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Voxel size that the store says it has; tests change it."""
    size = [2.0]

    class StoreOfSize:
        def __init__(self, folder: Path) -> None:
            self.spacing = size[0]

        def settings(self) -> StoreOfSize:
            return self

    monkeypatch.setattr(job_recipe, "Store", StoreOfSize)
    return size


def a_job(folder: Path, kind: str) -> Path:
    (folder / "checkpoints").mkdir(parents=True)
    network = {"name": "nano", "features": [8, 16], "classes": 5}
    (folder / "job.json").write_text(json.dumps({"kind": kind, "config": {"network": network}}))
    return folder


def test_the_recipe_s_own_start_and_data_are_taken_or_left(tmp_path: Path) -> None:
    job = job_of_wish(Wish("finetune", "demo", start=SCRATCH), tmp_path)
    assert "encoder_from" not in job
    assert job["data"]["scenes"] == "scenes"
    assert job["freeze"] == "none", "random numbers are nothing to keep"
    FinetuneConfig.from_dict(job)


def test_an_index_comes_beside_the_recipe_s_hearts_and_keeps_one_fold_to_validate(
    tmp_path: Path, prepared: dict[str, str], spacing: list[float]
) -> None:
    said: list[str] = []
    job = job_of_wish(Wish("finetune", "demo", **prepared, start=SCRATCH), tmp_path, said.append)
    assert job["data"] == {"scenes": "scenes", "count": 4, "spacing": 2.0, "index": {**prepared, "fold": 0}}
    assert said == ["Generated hearts are mixed in, as the recipe says."]
    FinetuneConfig.from_dict(job)


def test_all_that_a_recipe_says_of_its_data_stays(
    tmp_path: Path, prepared: dict[str, str], spacing: list[float]
) -> None:
    (tmp_path / "finetune.toml").write_text(RECIPE + """
generated_share = 0.4

[data.index]
index = "another.jsonl"
store = "another"
fold = 1
temperature = 3.0
""")
    said: list[str] = []
    job = job_of_wish(Wish("finetune", "lab", **prepared, start=SCRATCH), tmp_path, said.append)
    assert job["data"]["index"] == {**prepared, "fold": 1, "temperature": 3.0}
    assert (job["data"]["generated_share"], job["data"]["scenes"]) == (0.4, "scenes")
    assert "40%" in said[0]


PRETRAINING = """
window = 80
steps = 40
[network]
name = "tiny"
[data]
generated_share = 0.1
[data.store]
index = "another.jsonl"
store = "another"
modalities = ["MODALITY"]
temperature = 1.5
[data.generated]
scenes = "scenes"
count = 4
"""


def test_pretraining_keeps_share_temperature_modality_and_hearts(
    tmp_path: Path, prepared: dict[str, str], spacing: list[float]
) -> None:
    (tmp_path / "ssl.toml").write_text(PRETRAINING.replace("MODALITY", "ct"))
    said: list[str] = []
    job = job_of_wish(Wish("ssl", "lab", **prepared, start=SCRATCH), tmp_path, said.append)
    assert job["data"] == {"generated_share": 0.1, "store": {**prepared, "modalities": ["ct"], "temperature": 1.5},
                           "generated": {"scenes": "scenes", "count": 4, "spacing": 2.0}}
    assert job["spacing"] == 2.0
    assert said == ["Generated hearts are mixed in, as the recipe says: 10% of all."]


@pytest.mark.parametrize(("asked", "left_out"), [(1, 1), (4, 0)])
def test_pretraining_leaves_a_fold_out_that_the_index_has(
    tmp_path: Path, prepared: dict[str, str], spacing: list[float], asked: int, left_out: int
) -> None:
    (tmp_path / "ssl.toml").write_text(PRETRAINING.replace("MODALITY", "ct").replace(
        "temperature = 1.5", f"temperature = 1.5\nfold = {asked}"))
    job = job_of_wish(Wish("ssl", "lab", **prepared, start=SCRATCH), tmp_path)
    assert job["data"]["store"]["fold"] == left_out


def test_an_index_of_one_fold_is_pretrained_on_as_a_whole(
    tmp_path: Path, prepared: dict[str, str], spacing: list[float]
) -> None:
    path = Path(prepared["index"])
    index = Index.read(path)
    Index([replace(entry, fold=0) for entry in index.entries], index.datasets).write(path)
    (tmp_path / "ssl.toml").write_text(PRETRAINING.replace("MODALITY", "ct").replace(
        "temperature = 1.5", "temperature = 1.5\nfold = 0"))
    assert "fold" not in job_of_wish(Wish("ssl", "lab", **prepared, start=SCRATCH), tmp_path)["data"]["store"]


def test_another_modality_than_the_recipe_s_is_learned_from_and_said(
    tmp_path: Path, prepared: dict[str, str], spacing: list[float]
) -> None:
    (tmp_path / "ssl.toml").write_text(PRETRAINING.replace("MODALITY", "mr"))
    said: list[str] = []
    job = job_of_wish(Wish("ssl", "lab", **prepared, start=SCRATCH), tmp_path, said.append)
    assert job["data"]["store"]["modalities"] == ["ct"]
    assert said[0] == "The recipe learns from MR, and the index holds CT: it learns from that."


def test_a_model_brings_its_network_window_and_structures(
    tmp_path: Path, prepared: dict[str, str], spacing: list[float]
) -> None:
    spacing[0] = 1.5
    job = job_of_wish(Wish("finetune", "demo", **prepared, start=MODEL + "tiny"), tmp_path)
    tiny = ModelStore().get("tiny")
    assert job["init_from"] == str(tiny.folder)
    assert job["window"] == tiny.card.window_voxels
    assert job["learning_rate"] == 1e-4, "what was learned before is not thrown away"
    assert job["network"] == {"name": "tiny"}
    assert job["data"]["index"]["structures"] == ["LV", "MYO", "RV", "LA", "RA", "AO", "PA"]
    FinetuneConfig.from_dict(job)


def test_a_model_of_another_voxel_size_is_refused(
    tmp_path: Path, prepared: dict[str, str], spacing: list[float]
) -> None:
    with pytest.raises(UsageError, match=r"1\.5 mm.*2 mm"):
        job_of_wish(Wish("finetune", "demo", **prepared, start=MODEL + "tiny"), tmp_path)


def test_generated_hearts_have_the_voxel_size_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "finetune.toml").write_text(RECIPE.replace("1.5", "3.0"))
    job = job_of_wish(Wish("finetune", "demo", start=MODEL + "tiny"), tmp_path)
    assert (job["data"]["spacing"], job["data"]["scenes"]) == (1.5, "scenes")


def checkpoint(job: Path, step: int) -> Path:
    """A whole checkpoint of a job."""
    record: dict[str, Any] = {"seconds": 1.0, "kind": "ssl", "config": {}, "data": ""}
    return save_checkpoint(job / "checkpoints", step, {"x": torch.ones(2)}, record)


def test_refining_takes_a_copy_of_the_newest_whole_checkpoint_and_the_network(tmp_path: Path) -> None:
    source = a_job(tmp_path / "first", "ssl")
    checkpoint(source, 20)
    checkpoint(source, 30).write_bytes(b"cut short")
    job = job_of_wish(Wish("ressl", "demo", start=f"{JOB}{source}"), tmp_path / "new")
    assert job["network"]["features"] == [8, 16]
    shutil.rmtree(source)  # whatever becomes of it
    found = read_newest(Path(job["init_from"]) / "checkpoints", print)
    assert found is not None
    assert found[1]["step"] == 20
    assert Path(job["init_from"]).name == "first", "the record of the training names the job"
    assert len(list(Path(job["init_from"]).rglob("step_*"))) == 2


def test_a_checkpoint_that_the_running_job_removes_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = a_job(tmp_path / "first", "ssl")
    old, new = checkpoint(source, 20), checkpoint(source, 30)
    monkeypatch.setattr(job_weights, "checkpoints", lambda folder: [folder / "step_0000040.safetensors", new, old])
    job = job_of_wish(Wish("ressl", "demo", start=f"{JOB}{source}"), tmp_path / "new")
    assert [path.name for path in Path(job["init_from"]).rglob("*.safetensors")] == [new.name]


def test_a_pretraining_without_a_whole_checkpoint_is_no_start(tmp_path: Path) -> None:
    source = a_job(tmp_path / "first", "ssl")
    checkpoint(source, 30).write_bytes(b"cut short")
    with pytest.raises(ModelError, match="no whole checkpoint"):
        job_of_wish(Wish("ressl", "demo", start=f"{JOB}{source}"), tmp_path / "new")


def a_tuned_job(folder: Path, data: dict[str, str], structures: list[str]) -> Path:
    """A fine-tuning on an index that learns structures in an order of its own."""
    config = FinetuneConfig(network="nano", network_overrides={"classes": 1 + len(structures)}, window=64, steps=9,
                            data={"spacing": 2.0, "index": {**data, "structures": structures}})
    a_job(folder, "finetune")
    tensors = {f"ema.{name}": tensor for name, tensor in registered_network(config).state_dict().items()}
    save_checkpoint(folder / "checkpoints", 30, tensors, {"seconds": 1.0, "kind": "finetune", "data": "",
                                                          "config": config.to_dict()})
    return folder


def test_fine_tuning_of_a_fine_tuning_takes_its_structures_in_their_order(
    tmp_path: Path, prepared: dict[str, str], spacing: list[float]
) -> None:
    source = a_tuned_job(tmp_path / "first", prepared, ["RV", "LV"])
    job = job_of_wish(Wish("finetune", "demo", **prepared, start=f"{JOB}{source}"), tmp_path / "new")
    shutil.rmtree(source)
    verify_package(Path(job["init_from"]))
    assert job["data"]["index"]["structures"] == ["RV", "LV"]
    assert (job["network"]["classes"], job["window"], job["learning_rate"]) == (3, 64, 1e-4)
    config = FinetuneConfig.from_dict(job)
    assert "were loaded" in load_start(registered_network(config), config)[0]


def test_a_fine_tuning_without_a_checkpoint_is_no_start(tmp_path: Path) -> None:
    empty = a_job(tmp_path / "empty", "finetune")
    with pytest.raises(ModelError, match="no checkpoint"):
        job_of_wish(Wish("finetune", "demo", start=f"{JOB}{empty}"), tmp_path / "new")


@pytest.mark.parametrize(("kind", "start", "words"), [
    ("ressl", SCRATCH, "goes on from a first one"), ("ssl", MODEL + "tiny", "cannot start"),
    ("finetune", MODEL + "none", "no model"), ("finetune", f"{JOB}/nowhere", "no job")])
def test_a_start_that_cannot_be_is_refused(tmp_path: Path, kind: str, start: str, words: str) -> None:
    with pytest.raises((UsageError, ModelError), match=words):
        job_of_wish(Wish(kind, "demo", start=start), tmp_path)


def test_changes_have_the_last_word(tmp_path: Path) -> None:
    assert job_of_wish(Wish("finetune", "demo", start=SCRATCH, changes={"steps": 3}), tmp_path)["steps"] == 3
