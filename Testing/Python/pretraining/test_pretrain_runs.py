"""Runs of self-supervision: interrupted, collapsed, and learning."""

import json

import pytest
import torch

from blob_problem import BlobSource, small_config
from blob_runs import MODES, newest, train
from HeartSegTrainingLib.engine.checkpoint import checkpoints
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.pretraining import CollapseError, PretrainTask, export_encoder


@pytest.mark.parametrize("mode", MODES)
def test_a_resumed_run_ends_as_one_that_was_not_interrupted(mode, tmp_path):
    config = small_config(mode=mode, probe_every=3, probe_cases=2)
    train(config, tmp_path / "whole")
    folder = tmp_path / "again"

    class StopsAfterThree(PretrainTask):
        def after_step(self, step, progress, *, taken):
            if step == 3:
                (folder / "STOP").touch()
            return super().after_step(step, progress, taken=taken)

    Trainer(config, lambda device: StopsAfterThree(config, BlobSource(), device), folder).run()
    assert checkpoints(folder / "checkpoints")[0].name == "step_0000003.safetensors"
    train(config, folder, resume=True)
    whole, again = newest(tmp_path / "whole"), newest(folder)
    assert whole.keys() == again.keys()
    assert [name for name in whole if not torch.equal(whole[name], again[name])] == []


def test_a_collapse_ends_the_run_with_its_reason_and_a_checkpoint(tmp_path):
    class ConstantTeacher(PretrainTask):
        def _ask_teacher(self, part):
            embeddings, logits, tokens = super()._ask_teacher(part)
            return embeddings, torch.eye(32)[[3]].expand_as(logits) * 2 - 1, tokens

    config = small_config(steps=40, collapse_grace=2, collapse_patience=3, centring="none")
    with pytest.raises(CollapseError, match="same prototype"):
        Trainer(config, lambda device: ConstantTeacher(config, BlobSource(), device), tmp_path).run()
    state = json.loads((tmp_path / "state.json").read_text("utf-8"))
    assert (state["status"], state["step"]) == ("failed", 5)
    assert "same prototype" in state["reason"]
    assert checkpoints(tmp_path / "checkpoints") == []
    assert [path.name for path in checkpoints(tmp_path / "ended")] == ["step_0000005.safetensors"]


def test_a_collapse_leaves_the_sound_checkpoints_that_its_remedy_names(tmp_path):
    config = small_config(steps=40, checkpoint_minutes=1e-9)

    class Collapses(PretrainTask):
        def after_step(self, step, progress, *, taken):
            if step == 4:
                raise CollapseError("It collapsed.", "Go back.")
            return super().after_step(step, progress, taken=taken)

    with pytest.raises(CollapseError):
        Trainer(config, lambda device: Collapses(config, BlobSource(), device), tmp_path).run()
    assert [path.stem for path in checkpoints(tmp_path / "checkpoints")] == ["step_0000003", "step_0000002"]
    assert json.loads((export_encoder(tmp_path, tmp_path / "encoder") / "encoder.json").read_text())[
        "training"]["steps"] == 3


def test_the_loss_falls_on_blobs_and_images_stay_apart(tmp_path):
    config = small_config(steps=40, batch=8, learning_rate=3e-3, collapse_grace=5, teacher_momentum=0.9)
    train(config, tmp_path)
    lines = (tmp_path / "metrics.csv").read_text("utf-8").splitlines()
    header = lines[0].split(",")
    first, last = (dict(zip(header, map(float, line.split(",")), strict=True)) for line in (lines[1], lines[-1]))
    assert last["divergence"] < 0.9 * first["divergence"] or last["cross_entropy"] < 0.9 * first["cross_entropy"]
    assert last["perplexity"] > 3
