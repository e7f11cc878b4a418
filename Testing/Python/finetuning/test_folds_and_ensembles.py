"""Runs of all folds become one model whose probabilities are averaged, and any checkpoint becomes a model."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest
import torch

from heart_jobs import job_config, train_hearts
from HeartSeg3DLib.errors import ModelError, UsageError
from HeartSeg3DLib.models import load_package
from HeartSeg3DLib.networks import Ensemble
from HeartSegTrainingLib.engine.checkpoint import checkpoints
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.finetuning.best_checkpoint import best_checkpoint
from HeartSegTrainingLib.finetuning.ensemble import export_ensemble, fold_folders
from HeartSegTrainingLib.finetuning.folds import fold_runs
from HeartSegTrainingLib.finetuning.job import task_of_job
from HeartSegTrainingLib.finetuning.release import export_package, released
from HeartSegTrainingLib.finetuning.training_data import numbers
from small_store import SPACING, SmallStore, two_datasets


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    return two_datasets(tmp_path_factory.mktemp("hearts"))


@pytest.fixture(scope="module")
def job(hearts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Job folder with the finished runs of both folds."""
    folder = tmp_path_factory.mktemp("jobs") / "Hearts"
    runs = fold_runs(job_config(hearts, fold="all", steps=3), folder)
    for run in runs:
        Trainer(run.config, task_of_job(run.config, run.folder), run.folder).run()
    return folder


def test_every_fold_has_a_run_of_its_own(hearts, job: Path) -> None:
    runs = fold_runs(job_config(hearts, fold="all", steps=3), job)
    assert [(run.fold, run.folder.name, run.config.data["index"]["fold"]) for run in runs] == [
        (0, "fold_0", 0), (1, "fold_1", 1)]
    assert [path.name for path in fold_folders(job)] == ["fold_0", "fold_1"]
    assert [run.fold for run in fold_runs(job_config(hearts, fold=0), job, "1")] == [1]
    assert [run.fold for run in fold_runs(job_config(hearts, fold="0-1"), job)] == [0, 1]
    assert fold_runs(job_config(hearts, fold=0), job) == []


def test_folds_that_do_not_exist_are_refused(hearts, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no fold 2, 3, 4"):
        fold_runs(job_config(hearts), tmp_path, "0-4")
    with pytest.raises(UsageError, match="no index"):
        fold_runs(job_config(hearts, data={"scenes": "a", "count": 1}), tmp_path, "0")


@pytest.mark.parametrize("text", ["", "a", "4-1", "0,,1", "-1", "0-"])
def test_a_list_of_folds_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no list of folds"):
        numbers(text)


def test_an_ensemble_holds_the_best_network_of_each_fold(job: Path, tmp_path: Path) -> None:
    told: list[str] = []
    model = load_package(export_ensemble([job], tmp_path / "Both", {"title": "Both"}, tell=told.append))
    assert isinstance(model.network, Ensemble)
    assert (model.card.id, model.card.title, len(model.card.members)) == ("both", "Both", 1)
    assert (model.card.labels, model.card.spacing_mm) == ((0, 1, 2, 3), SPACING)
    assert ["best_" in text for text in told] == [True, True]
    for member, folder in zip(model.network.members, fold_folders(job), strict=True):
        wanted = released(folder, "best").network.state_dict()
        for name, tensor in member.state_dict().items():
            torch.testing.assert_close(tensor, wanted[name].half().float(), rtol=0, atol=0)
    records = [best_checkpoint(folder / "checkpoints")[1] for folder in fold_folders(job)]
    found = model.card.figures["cross_validation"]
    assert found["val_dice"] == pytest.approx(statistics.fmean(one["figures"]["val_dice"] for one in records), abs=1e-5)
    assert "ensemble itself was not measured" in found["what"]
    assert [one["data_settings"]["index"]["fold"] for one in model.card.training["members"]] == [0, 1]


def test_no_path_of_the_machine_is_published(job: Path, hearts, tmp_path: Path) -> None:
    card = (export_ensemble([job], tmp_path / "both", {}) / "model.json").read_text()
    assert str(hearts.index.parent) not in card
    assert str(job) not in card


def test_two_runs_of_one_fold_are_no_cross_validation(job: Path, tmp_path: Path) -> None:
    model = load_package(export_ensemble([job / "fold_0", job / "fold_0"], tmp_path / "twice", {}))
    assert model.card.figures == {}


def test_runs_that_differ_make_no_ensemble(hearts, job: Path, tmp_path: Path) -> None:
    index = job_config(hearts).data["index"]
    train_hearts(hearts, tmp_path / "other", steps=1,
                 data={"spacing": SPACING, "index": {**index, "structures": ["LV", "MYO", "AO"]}})
    with pytest.raises(UsageError, match=r"other differs from .*fold_0 in labels"):
        export_ensemble([job / "fold_0", tmp_path / "other"], tmp_path / "out", {})
    with pytest.raises(UsageError, match="two runs or more"):
        export_ensemble([job / "fold_0"], tmp_path / "out", {})
    with pytest.raises(UsageError, match="not a job folder"):
        export_ensemble([job / "fold_0", tmp_path / "nowhere"], tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_any_checkpoint_becomes_a_model(job: Path, tmp_path: Path) -> None:
    folder = job / "fold_1"
    best, newest = load_package(export_package(folder, tmp_path / "a", {}, "best")), released(folder)
    step = checkpoints(folder / "checkpoints")[0].stem
    assert newest.checkpoint.stem == step == released(folder, step).checkpoint.stem
    assert best.card.role == "segmenter"
    assert best.card.figures["validation"]["cases"]
    assert load_package(export_package(folder, tmp_path / "b", {})).card.figures == {}


@pytest.mark.parametrize("which", ["step_0000099", "../../other", "best"])
def test_a_checkpoint_that_does_not_exist_is_refused(hearts, tmp_path: Path, which: str) -> None:
    train_hearts(hearts, tmp_path, steps=1, fold=None)
    with pytest.raises(ModelError, match=r"no checkpoint '|no best checkpoint") as caught:
        released(tmp_path, which)
    assert "step_0000001" in caught.value.remedy or which == "best"


def test_without_validation_the_newest_is_taken(hearts, tmp_path: Path) -> None:
    for name in "ab":
        train_hearts(hearts, tmp_path / name, steps=1, fold=None)
    told: list[str] = []
    export_ensemble([tmp_path / "a", tmp_path / "b"], tmp_path / "two", {}, tell=told.append)
    assert [text.split(": ")[1] for text in told] == ["step_0000001"] * 2
    assert json.loads((tmp_path / "two" / "model.json").read_text())["figures"] == {}
