"""From what a person chose to the job that is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models import ModelStore
from HeartSegTrainingLib.datasets import DatasetRecord, Entry, Index
from HeartSegTrainingLib.finetuning import FinetuneConfig
from HeartSegTrainingLib.jobs.recipes import Recipe
from HeartSegTrainingLib.worker import job_recipe
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


def a_job(folder: Path, kind: str, checkpoint: bool = True) -> Path:
    (folder / "checkpoints").mkdir(parents=True)
    network = {"name": "nano", "features": [8, 16], "classes": 5}
    (folder / "job.json").write_text(json.dumps({"kind": kind, "config": {"network": network}}))
    if checkpoint:
        (folder / "checkpoints" / "step_0000030.safetensors").touch()
    return folder


def test_the_recipe_s_own_start_and_data_are_taken_or_left(tmp_path: Path) -> None:
    job = job_of_wish(Wish("finetune", "demo", start=SCRATCH), tmp_path)
    assert "encoder_from" not in job
    assert job["data"]["scenes"] == "scenes"
    assert job["freeze"] == "none", "random numbers are nothing to keep"
    FinetuneConfig.from_dict(job)


def test_an_index_replaces_the_data_and_keeps_one_fold_to_validate(
    tmp_path: Path, prepared: dict[str, str], spacing: list[float]
) -> None:
    job = job_of_wish(Wish("finetune", "demo", **prepared, start=SCRATCH), tmp_path)
    assert job["data"] == {"spacing": 2.0, "index": {**prepared, "fold": 0}}
    pretraining = job_of_wish(Wish("ssl", "demo", **prepared, start=SCRATCH), tmp_path)
    assert (pretraining["data"], pretraining["spacing"]) == ({"store": prepared}, 2.0)


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


def test_refining_takes_over_the_job_and_its_network(tmp_path: Path) -> None:
    source = a_job(tmp_path / "first", "ssl")
    job = job_of_wish(Wish("ressl", "demo", start=f"{JOB}{source}"), tmp_path / "new")
    assert job["init_from"] == str(source)
    assert job["network"]["features"] == [8, 16]


def test_fine_tuning_of_a_fine_tuning_takes_its_newest_checkpoint(tmp_path: Path) -> None:
    source = a_job(tmp_path / "first", "finetune")
    job = job_of_wish(Wish("finetune", "demo", start=f"{JOB}{source}"), tmp_path / "new")
    assert job["init_from"].endswith("step_0000030.safetensors")
    assert job["network"]["classes"] == 5
    empty = a_job(tmp_path / "empty", "finetune", checkpoint=False)
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
