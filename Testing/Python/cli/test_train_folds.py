"""Own corrected cases, all folds of a job, one model of them: the way of a lab, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from command_line import assert_failed_in_words, call
from HeartSeg3DLib.models import load_package
from HeartSeg3DLib.networks import Ensemble
from HeartSegTrainingLib.datasets import OwnCase, own_training_set

JOB = """
window = 16
batch = 1
steps = 2
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
[data.index]
index = "INDEX"
store = "STORE"
structures = ["LV", "MYO"]
fold = "all"
"""


def a_case(name: str, seed: int) -> OwnCase:
    rng = np.random.default_rng(seed)
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[5:15, 5:15, 5:15], labels[8:12, 8:12, 8:12] = 2, 1
    voxels = np.rint(labels * 150 - 100 + rng.normal(0, 10, labels.shape)).astype(np.int16)
    image, drawn = sitk.GetImageFromArray(voxels), sitk.GetImageFromArray(labels)
    for one in (image, drawn):
        one.SetSpacing((2.0, 2.0, 2.0))
    return OwnCase(name, image, drawn, modality="ct")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job file over two corrected cases."""
    folder = tmp_path_factory.mktemp("lab")
    made = own_training_set([a_case("a", 1), a_case("b", 2)], folder / "set", spacing=2.0)
    job = JOB.replace("INDEX", made.index.as_posix()).replace("STORE", made.store.as_posix())
    (folder / "job.toml").write_text(job)
    return folder / "job.toml"


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEARTSEG_DATA", str(tmp_path / "user_data"))


def test_all_folds_become_one_model(job: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    result = call("train", "finetune", job, "-o", folder)
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in folder.glob("fold_*")) == ["fold_0", "fold_1"]
    assert_failed_in_words(call("train", "finetune", job, "-o", folder), 2, "already holds a run")
    assert call("train", "finetune", job, "-o", folder, "--resume").exit_code == 0  # nothing is left to do

    shown = call("jobs", "show", folder)
    assert "2 of 2 folds are finished (100% in all)" in shown.stdout
    assert f"Next: heartseg train ensemble {folder} -o DIR" in shown.stdout
    assert_failed_in_words(call("jobs", "resume", folder), 2, "is finished")
    state = folder / "fold_1" / "state.json"
    state.write_text(state.read_text().replace("finished", "stopped"))
    shown = json.loads(call("jobs", "show", folder, "--json").stdout)
    assert [fold["state"] for fold in shown["folds"]] == ["finished", "stopped"]
    result = call("jobs", "resume", folder)
    assert result.exit_code == 0, result.stderr
    assert "2 of 2 folds" in call("jobs", "show", folder).stdout

    result = call("train", "ensemble", folder, "-o", tmp_path / "both")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("best_0000002") == 2
    model = load_package(tmp_path / "both")
    assert isinstance(model.network, Ensemble)
    assert model.card.labels == (0, 1, 2)
    assert model.card.figures["cross_validation"]["folds"] == 2
    assert "members" in call("models", "show", tmp_path / "both").stdout
    assert_failed_in_words(call("train", "ensemble", folder, "-o", tmp_path / "both"), 2, "exists already")
    assert_failed_in_words(call("train", "ensemble", folder / "fold_0", "-o", tmp_path / "one"), 2, "two runs or more")

    result = call("train", "export", folder / "fold_0", "-o", tmp_path / "best", "--checkpoint", "best", "--json")
    assert json.loads(result.stdout)["package"] == str(tmp_path / "best")
    wrong = call("train", "export", folder / "fold_0", "-o", tmp_path / "no", "--checkpoint", "step_0000099")
    assert_failed_in_words(wrong, 4, "no checkpoint 'step_0000099'")


@pytest.mark.parametrize(("before", "after", "code", "said"), [
    ('fold = "all"', 'fodl = "all"', 2, "fodl"), ('fold = "all"', "fold = 9", 2, "no fold 9"),
    ('"MYO"', '"MIO"', 2, "MIO"), ("spacing = 2.0", "spacing = 1.0", 2, "prepared at 2 mm"),
    ('fold = "all"', 'fold = 0\n[nothing]\nat = "all"', 2, "unknown entry 'nothing'")])
def test_a_wrong_job_is_explained(job: Path, tmp_path: Path, before: str, after: str, code: int, said: str) -> None:
    (tmp_path / "wrong.toml").write_text(job.read_text().replace(before, after))
    assert_failed_in_words(call("train", "finetune", tmp_path / "wrong.toml", "-o", tmp_path / "run"), code, said)
