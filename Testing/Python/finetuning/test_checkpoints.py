import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load

from ball_problem import build_tiny, make_ball_sampler, toy_config
from HeartSeg3DLib.errors import ModelError
from HeartSegTrainingLib.finetuning import Trainer, load_ema_weights
from HeartSegTrainingLib.finetuning.checkpoint import checkpoints, read_checkpoint, save_checkpoint


@pytest.fixture
def a_run(tmp_path: Path) -> Path:
    """A finished run of six steps with checkpoints at steps five and six."""
    Trainer(toy_config(steps=6, checkpoint_minutes=1e-9), make_ball_sampler, tmp_path, build=build_tiny).run()
    return tmp_path


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def lose_the_record(path: Path) -> None:
    path.with_suffix(".json").unlink()


def tear_the_record(path: Path) -> None:
    path.with_suffix(".json").write_text('{"step": ')


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, lose_the_record, tear_the_record])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(a_run, damage):
    newest = checkpoints(a_run / "checkpoints")[0]
    sound = load(newest.read_bytes())
    damage(newest)
    Trainer(toy_config(steps=6), make_ball_sampler, a_run, build=build_tiny).run(resume=True)
    log = (a_run / "log.txt").read_text()
    assert "step_0000006.safetensors is" in log
    assert "Falling back to the one before" in log
    assert "Resumed at step 5" in log
    repeated = load(newest.read_bytes())
    assert all(torch.equal(sound[name], repeated[name]) for name in sound)


def test_damaged_weights_are_never_handed_out(a_run):
    newest = checkpoints(a_run / "checkpoints")[0]
    flip_a_bit(newest)
    with pytest.raises(ModelError, match="damaged"):
        load_ema_weights(newest)


def test_a_checkpoint_of_another_format_is_refused(a_run):
    record_file = checkpoints(a_run / "checkpoints")[0].with_suffix(".json")
    record_file.write_text(json.dumps(json.loads(record_file.read_text()) | {"format": 99}))
    with pytest.raises(ModelError, match="format 99"):
        read_checkpoint(record_file.with_suffix(".safetensors"))


def test_the_newest_two_are_kept_and_leftovers_removed(tmp_path):
    (tmp_path / "step_0000001.safetensors.tmp").write_bytes(b"half")
    for step in (1, 2, 10_000_000):
        save_checkpoint(tmp_path, step, {"model.weight": torch.full((2,), float(step))}, {"seconds": 1.0})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "step_0000002.json", "step_0000002.safetensors", "step_10000000.json", "step_10000000.safetensors"]
    tensors, record = read_checkpoint(checkpoints(tmp_path)[0])
    assert (record["step"], record["seconds"], tensors["model.weight"][0].item()) == (10_000_000, 1.0, 10_000_000.0)


def test_averaged_weights_are_a_whole_state_dict(a_run):
    weights = load_ema_weights(checkpoints(a_run / "checkpoints")[0])
    build_tiny(toy_config()).load_state_dict(weights, strict=True)
