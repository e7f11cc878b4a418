import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load

from ball_problem import build_tiny, toy_config, train
from HeartSeg3DLib.errors import ModelError
from HeartSegTrainingLib.engine.checkpoint import checkpoints, load_ema_weights, read_checkpoint, save_checkpoint


@pytest.fixture
def a_run(tmp_path: Path) -> Path:
    """A finished run of six steps with checkpoints at steps five and six."""
    train(tmp_path, steps=6, checkpoint_minutes=1e-9)
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
    train(a_run, resume=True, steps=6)
    log = (a_run / "log.txt").read_text()
    assert "step_0000006.safetensors is" in log
    assert "Falling back to the one before" in log
    assert "Resumed at step 5" in log
    repeated = load(newest.read_bytes())
    assert all(torch.equal(sound[name], repeated[name]) for name in sound)


def test_a_damaged_checkpoint_is_set_aside_and_holds_no_place(a_run):
    newest, older = checkpoints(a_run / "checkpoints")
    flip_a_bit(newest)
    newest.rename(newest.with_name("step_0000009.safetensors"))
    newest.with_suffix(".json").rename(newest.with_name("step_0000009.json"))
    train(a_run, resume=True, steps=8, checkpoint_minutes=1e-9)
    names = sorted(path.name for path in (a_run / "checkpoints").glob("*.safetensors"))
    assert names == ["damaged_step_0000009.safetensors", "step_0000007.safetensors", "step_0000008.safetensors"]
    assert not older.exists()


def test_a_run_without_a_whole_checkpoint_does_not_begin_again_unasked(a_run):
    for path in checkpoints(a_run / "checkpoints"):
        truncate(path)
    curve = (a_run / "metrics.csv").read_text()
    with pytest.raises(ModelError, match=r"No checkpoint in .* is whole"):
        train(a_run, resume=True, steps=8)
    assert (a_run / "metrics.csv").read_text() == curve


def test_damaged_weights_are_never_handed_out(a_run):
    newest = checkpoints(a_run / "checkpoints")[0]
    flip_a_bit(newest)
    with pytest.raises(ModelError, match="damaged"):
        load_ema_weights(newest)


@pytest.mark.parametrize(("number", "age"), [(99, "a newer"), (1, "an older")])
def test_a_checkpoint_of_another_version_is_refused_and_not_passed_over(a_run, number, age):
    record_file = checkpoints(a_run / "checkpoints")[0].with_suffix(".json")
    record_file.write_text(json.dumps(json.loads(record_file.read_text()) | {"format": number}))
    with pytest.raises(ModelError, match=f"{age} version.*format {number}"):
        read_checkpoint(record_file.with_suffix(".safetensors"))
    with pytest.raises(ModelError, match=f"{age} version"):
        train(a_run, resume=True, steps=8)
    assert json.loads((a_run / "state.json").read_text())["status"] == "failed"


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
