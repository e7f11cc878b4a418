"""A run on real cases learns, validates on people whom it does not learn from, and keeps its best weights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from heart_jobs import NETWORK, job_config, train_hearts
from HeartSeg3DLib.errors import InputError, ModelError, UsageError
from HeartSeg3DLib.models import ModelCard, load_package, save_package
from HeartSeg3DLib.networks import build_network
from HeartSeg3DLib.segmentation.intensity import DEFAULT_RULES
from HeartSegTrainingLib.datasets import Index
from HeartSegTrainingLib.engine.checkpoint import checkpoints, read_checkpoint
from HeartSegTrainingLib.finetuning import FinetuneConfig
from HeartSegTrainingLib.finetuning.best_checkpoint import best_checkpoint, save_best
from HeartSegTrainingLib.jobs.curves import read_curves
from HeartSegTrainingLib.jobs.job_folder import JobFolder
from small_store import SmallStore, two_datasets
from test_encoder_transfer import exported

ALWAYS = 1e-9
"""Minutes between two validations: every step."""


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> SmallStore:
    return two_datasets(tmp_path_factory.mktemp("hearts"))


def test_a_run_learns_hearts_and_validates_on_the_others(hearts, tmp_path: Path) -> None:
    train_hearts(hearts, tmp_path, steps=45, log_every=15, learning_rate=4e-2, ema=0.8)
    rows = read_curves(JobFolder(tmp_path))
    assert float(rows[-1]["val_dice"]) > 0.5
    assert 0 < float(rows[-1]["val_hd95"]) < 100
    path, record = best_checkpoint(tmp_path / "checkpoints")
    assert path.name == "best_0000045.safetensors"
    assert record["figures"]["val_dice"] == pytest.approx(float(rows[-1]["val_dice"]))
    validating = {entry.id for entry in Index.read(hearts.index).entries if entry.fold == 0}
    assert set(record["validated_on"]) <= validating
    assert "labelled cases to learn from" in (tmp_path / "log.txt").read_text()


def test_the_best_weights_stay_when_later_ones_are_worse(hearts, tmp_path: Path) -> None:
    train_hearts(hearts, tmp_path, steps=5, validate_minutes=ALWAYS, learning_rate=1e-2)
    rows = read_curves(JobFolder(tmp_path))
    scores = {int(row["step"]): float(row["val_dice"]) for row in rows}
    best = max(scores.values())
    path, record = best_checkpoint(tmp_path / "checkpoints")
    assert (record["figures"]["val_dice"], record["step"]) == (best, next(s for s, v in scores.items() if v == best))
    assert len(checkpoints(tmp_path / "checkpoints")) == 1  # the best one is no step to resume from
    tensors, _ = read_checkpoint(path)
    assert all(name.startswith("ema.") for name in tensors)


def test_a_best_checkpoint_that_is_being_replaced_is_never_lost(tmp_path: Path) -> None:
    save_best(tmp_path, 10, {"a": torch.ones(3)}, {"figures": {"val_dice": 0.5}})
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    save_best(tmp_path, 20, {"a": torch.zeros(3)}, {"figures": {"val_dice": 0.6}})
    assert best_checkpoint(tmp_path)[0].name == "best_0000020.safetensors"
    assert len(list(tmp_path.iterdir())) == 2
    for name, content in kept.items():  # as if the process had ended before it removed the earlier one
        (tmp_path / name).write_bytes(content)
    (tmp_path / "best_0000020.json").unlink()
    assert best_checkpoint(tmp_path)[0].name == "best_0000010.safetensors"


def test_validating_does_not_change_what_is_learned(hearts, tmp_path: Path) -> None:
    often = load_file(train_hearts(hearts, tmp_path / "often", validate_minutes=ALWAYS))
    never = load_file(train_hearts(hearts, tmp_path / "never", validate_minutes=0.0))
    assert often.keys() == never.keys()
    assert all(torch.equal(tensor, never[name]) for name, tensor in often.items())


def test_two_processes_share_the_cases_and_say_the_same(hearts, tmp_path: Path) -> None:
    alone = load_file(train_hearts(hearts, tmp_path / "alone", steps=3, part=1))
    program = Path(__file__).with_name("hearts_program.py")
    said = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
                           str(program), str(hearts.index), str(hearts.store), str(tmp_path / "pair")],
                          env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr
    pair = load_file(tmp_path / "pair" / "checkpoints" / "step_0000003.safetensors")
    assert all(torch.allclose(tensor, pair[name], atol=1e-5) for name, tensor in alone.items())
    figures = [best_checkpoint(tmp_path / name / "checkpoints")[1]["figures"] for name in ("alone", "pair")]
    assert figures[0].keys() == figures[1].keys()
    assert all(figures[1][name] == pytest.approx(value, abs=1e-3) for name, value in figures[0].items())
    assert len(list((tmp_path / "pair" / "checkpoints").glob("best_*.json"))) == 1


def test_a_resumed_run_ends_with_the_same_weights(hearts, tmp_path: Path) -> None:
    whole = load_file(train_hearts(hearts, tmp_path / "whole", steps=6, decay_fraction=0.0))
    train_hearts(hearts, tmp_path / "parts", steps=3, decay_fraction=0.0)
    resumed = load_file(train_hearts(hearts, tmp_path / "parts", steps=6, decay_fraction=0.0, resume=True))
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())


def test_a_run_is_not_resumed_on_other_cases(hearts, tmp_path: Path) -> None:
    train_hearts(hearts, tmp_path, steps=2)
    with pytest.raises(UsageError, match="data of this run changed"):
        train_hearts(hearts, tmp_path, steps=3, fold=1, resume=True)


def test_a_pretrained_encoder_is_loaded_reported_and_frozen(hearts, tmp_path: Path) -> None:
    torch.manual_seed(9)
    trained = build_network("nano", **NETWORK)
    source = exported(tmp_path / "encoder", trained)
    path = train_hearts(hearts, tmp_path / "job", encoder_from=str(source), freeze="encoder")
    tensors = load_file(path)
    for name, wanted in trained.encoder.state_dict().items():
        assert torch.equal(tensors[f"model.network.encoder.{name}"], wanted)
        assert torch.equal(tensors[f"ema.encoder.{name}"], wanted)
    assert not any(name.startswith("optimizer.network.encoder.") for name in tensors)
    log = (tmp_path / "job" / "log.txt").read_text()
    count = len(trained.encoder.state_dict())
    assert f"{count} of {count} tensors of the encoder" in log
    assert "learned at 1.5 mm, and this run works at 6 mm" in log


def test_a_run_goes_on_without_the_encoder_but_does_not_begin_without_it(hearts, tmp_path: Path) -> None:
    source = exported(tmp_path / "encoder", build_network("nano", **NETWORK))
    train_hearts(hearts, tmp_path / "job", steps=2, encoder_from=str(source))
    shutil.rmtree(source)
    train_hearts(hearts, tmp_path / "job", steps=3, encoder_from=str(source), resume=True)
    assert "does not need it" in (tmp_path / "job" / "log.txt").read_text()
    for path in checkpoints(tmp_path / "job" / "checkpoints"):
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ModelError, match=r"No checkpoint in .* is whole"):
        train_hearts(hearts, tmp_path / "job", steps=4, encoder_from=str(source), resume=True)
    with pytest.raises(ModelError, match="no encoder at"):
        train_hearts(hearts, tmp_path / "new", encoder_from=str(source))


def test_an_encoder_comes_over_from_a_checkpoint(hearts, tmp_path: Path) -> None:
    path = train_hearts(hearts, tmp_path / "first", steps=2)
    second = load_file(train_hearts(hearts, tmp_path / "second", encoder_from=str(path), freeze="encoder"))
    wanted = {name: tensor for name, tensor in load_file(path).items() if name.startswith("ema.encoder.")}
    assert wanted
    assert all(torch.equal(second[name], tensor) for name, tensor in wanted.items())


def test_a_network_and_an_encoder_to_start_from_contradict_each_other(hearts) -> None:
    with pytest.raises(UsageError, match="Give one of the two"):
        job_config(hearts, init_from="a", encoder_from="b")


def test_a_config_survives_a_job_file(hearts) -> None:
    config = job_config(hearts, encoder_from="somewhere", freeze="last-1", head_steps=3)
    assert FinetuneConfig.from_dict(json.loads(json.dumps(config.to_dict()))).to_dict() == json.loads(
        json.dumps(config.to_dict()))


def test_a_store_that_was_damaged_ends_the_run_with_the_case_named(hearts, tmp_path: Path) -> None:
    store = shutil.copytree(hearts.store, tmp_path / "store")
    for path in store.glob("cases/*/*/labels.b2nd"):
        path.write_bytes(b"nothing")
    damaged = SmallStore(hearts.index, store)
    with pytest.raises(InputError, match=r"prepared files of .* are missing or damaged"):
        train_hearts(damaged, tmp_path / "job")
    assert json.loads((tmp_path / "job" / "state.json").read_text())["status"] == "failed"


def test_weights_of_the_wrong_size_do_not_start_a_run(hearts, tmp_path: Path) -> None:
    save_file(build_network("nano", **{**NETWORK, "classes": 8}).state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="do not fit the network"):
        train_hearts(hearts, tmp_path / "job", init_from=str(tmp_path / "other.safetensors"))


def a_package(folder: Path, labels: tuple[int, ...] = (0, 1, 2, 3), **changes) -> Path:
    network = build_network("nano", **{**NETWORK, **changes})
    card = ModelCard(id="a", version="1", title="A", role="segmenter", architecture={}, labels=labels, spacing_mm=6.0,
                     window_voxels=24, modalities=("ct",), intensity=DEFAULT_RULES, conventions={}, training={},
                     held_out={}, figures={}, licence="CC0-1.0")
    return save_package(folder, card, network, half=False)


def test_a_run_starts_from_a_model_package(hearts, tmp_path: Path) -> None:
    package = a_package(tmp_path / "model")
    path = train_hearts(hearts, tmp_path / "job", init_from=str(package), freeze="encoder")
    wanted = load_package(package).network.encoder.state_dict()
    found = load_file(path)
    assert all(torch.equal(found[f"model.network.encoder.{name}"], tensor) for name, tensor in wanted.items())


@pytest.mark.parametrize(("changes", "words"), [
    ({"labels": (0, 3, 2, 1)}, r"has the labels \[0, 3, 2, 1\], and the job \[0, 1, 2, 3\]"),
    ({"gate": "sigmoid"}, r"differs in gate \(sigmoid instead of exponential\)")])
def test_a_model_of_other_channels_or_gates_does_not_start_a_run(hearts, tmp_path: Path, changes, words) -> None:
    with pytest.raises(ModelError, match=words):
        train_hearts(hearts, tmp_path / "job", init_from=str(a_package(tmp_path / "model", **changes)))
