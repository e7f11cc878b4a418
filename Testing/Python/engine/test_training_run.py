import csv
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ball_problem import TinyNetwork, draw_bright_ball, train
from HeartSeg3DLib.errors import InputError, ModelError, UsageError
from HeartSegTrainingLib.engine.checkpoint import checkpoints, load_ema_weights
from HeartSegTrainingLib.engine.parameter_groups import parameter_groups
from HeartSegTrainingLib.engine.precision import autocast, has_fast_bfloat16
from HeartSegTrainingLib.jobs.job_folder import JobFolder


def state_of(folder: Path) -> dict:
    return json.loads((folder / "state.json").read_text())


def rows_of(folder: Path) -> list[dict[str, str]]:
    with open(folder / "metrics.csv", newline="") as stream:
        return list(csv.DictReader(stream))


class InterruptingSampler:
    """Calls something once, when a given sample of a process is drawn."""

    def __init__(self, at: int, act) -> None:
        self.left, self.act = at, act

    def __call__(self, rng: np.random.Generator):
        self.left -= 1
        if self.left == 0:
            self.act()
        return draw_bright_ball(rng)


class PoisonedSampler:
    """Gives NaN images from a given sample on, for a number of samples."""

    def __init__(self, first: int, count: int) -> None:
        self.poisoned, self.drawn = range(first, first + count), 0

    def __call__(self, rng: np.random.Generator):
        image, labels = draw_bright_ball(rng)
        self.drawn += 1
        return (torch.full_like(image, torch.nan) if self.drawn - 1 in self.poisoned else image), labels


def test_it_learns_to_find_ball_and_core(tmp_path):
    checkpoint = train(tmp_path, steps=120, log_every=20)
    network = TinyNetwork().eval()
    network.load_state_dict(load_ema_weights(checkpoint))
    common = sizes = 0
    for index in range(8):
        image, labels = draw_bright_ball(np.random.default_rng((99, index)))
        with torch.no_grad():
            predicted = network.forward_deep(image[None])[0].argmax(1)[0]
        truth = labels[::2, ::2, ::2]
        common += 2 * float(((predicted > 0) & (truth > 0)).sum())
        sizes += float((predicted > 0).sum() + (truth > 0).sum())
    assert common / sizes > 0.75
    rows, state = rows_of(tmp_path), state_of(tmp_path)
    assert [int(row["step"]) for row in rows] == [20, 40, 60, 80, 100, 120]
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])
    assert (state["status"], state["step"], state["steps"], state["skipped"]) == ("finished", 120, 120, 0)
    assert state["dice"]["1"] == float(rows[-1]["dice_1"]) > 0.7
    assert state["eta_seconds"] == 0 < state["samples_per_second"]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_run_is_bitwise_the_uninterrupted_one(tmp_path, precision):
    straight = train(tmp_path / "straight", precision=precision)

    def stop():
        (tmp_path / "halves" / "STOP").touch()

    half = train(tmp_path / "halves", precision=precision, make_sampler=lambda: InterruptingSampler(10, stop))
    assert half.name == "step_0000005.safetensors"
    resumed = train(tmp_path / "halves", precision=precision, resume=True)

    expected, found = load_file(straight), load_file(resumed)
    assert expected.keys() == found.keys()
    assert {name.split(".")[0] for name in found} == {"model", "ema", "optimizer"}
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name
    assert [row["step"] for row in rows_of(tmp_path / "halves")] == ["5", "10"]


def test_what_torch_draws_makes_a_difference():
    """The check above means something: with dropout, two halves would differ if they drew other numbers."""
    network = TinyNetwork().train()
    image = draw_bright_ball(np.random.default_rng(0))[0][None]
    assert not torch.equal(network.forward_deep(image)[1], network.forward_deep(image)[1])


def test_stop_file_ends_the_run_with_a_checkpoint(tmp_path):
    checkpoint = train(tmp_path, make_sampler=lambda: InterruptingSampler(6, (tmp_path / "STOP").touch))
    state = state_of(tmp_path)
    assert (state["status"], state["reason"], state["step"]) == ("stopped", "asked by the STOP file", 3)
    assert state["checkpoint"] == checkpoint.name == "step_0000003.safetensors"


def test_a_stale_stop_file_does_not_stop_the_next_session(tmp_path):
    tmp_path.joinpath("STOP").touch()
    train(tmp_path, steps=2)
    assert state_of(tmp_path)["status"] == "finished"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_ends(tmp_path, number):
    earlier = signal.getsignal(number)
    sampler = InterruptingSampler(6, lambda: os.kill(os.getpid(), number))
    checkpoint = train(tmp_path, make_sampler=lambda: sampler)
    assert checkpoint.name == "step_0000003.safetensors"
    assert state_of(tmp_path)["reason"] == f"asked by {number.name}"
    assert signal.getsignal(number) is earlier


def test_workers_may_be_asked_to_stop_with_the_run(tmp_path):
    def ask_all() -> None:
        os.kill(os.getppid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    train(tmp_path, workers=1, make_sampler=lambda: InterruptingSampler(6, ask_all))
    state = state_of(tmp_path)
    assert (state["status"], state["reason"]) == ("stopped", "asked by SIGTERM")


def test_a_step_without_finite_loss_is_skipped_and_counted(tmp_path):
    before = load_file(train(tmp_path / "clean", steps=2, batch=1))
    poisoned = train(tmp_path / "poisoned", steps=3, batch=1, make_sampler=lambda: PoisonedSampler(2, 1))
    after = load_file(poisoned)
    assert all(torch.equal(after[name], before[name]) for name in after)
    state = state_of(tmp_path / "poisoned")
    assert (state["skipped"], state["step"]) == (1, 3)
    assert "Step 3 skipped" in (tmp_path / "poisoned" / "log.txt").read_text()


def test_a_diverged_run_fails_with_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("HeartSegTrainingLib.engine.session._GIVE_UP_AFTER", 3)
    with pytest.raises(ModelError, match="lower learning rate"):
        train(tmp_path, make_sampler=lambda: PoisonedSampler(0, 100))
    state = state_of(tmp_path)
    assert (state["status"], state["step"]) == ("failed", 3)
    assert not checkpoints(tmp_path / "checkpoints")
    assert [path.name for path in checkpoints(tmp_path / "ended")] == ["step_0000003.safetensors"]
    assert "last 3 steps had no finite loss" in state["reason"]


def test_a_sampler_that_breaks_leaves_its_traceback_in_the_log(tmp_path):
    with pytest.raises(ZeroDivisionError):
        train(tmp_path, make_sampler=lambda: InterruptingSampler(1, lambda: 1 / 0))
    assert state_of(tmp_path)["reason"] == "ZeroDivisionError: division by zero"
    assert "in __call__" in (tmp_path / "log.txt").read_text()


def test_a_used_folder_is_not_started_again(tmp_path):
    train(tmp_path, steps=1)
    with pytest.raises(UsageError, match=r"already holds a run.*Resume"):
        train(tmp_path, steps=1)


def test_a_run_that_never_began_may_begin_again(tmp_path):
    with pytest.raises(ModelError):
        train(tmp_path, steps=1, init_from=str(tmp_path / "none"))
    assert state_of(tmp_path)["status"] == "failed"
    assert train(tmp_path, steps=1, seed=3).name == "step_0000001.safetensors"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    tmp_path.joinpath("file").touch()
    with pytest.raises(UsageError, match="cannot be made"):
        train(tmp_path / "file" / "job")


def test_a_folder_in_use_is_refused(tmp_path):
    train(tmp_path, steps=1)
    with JobFolder(tmp_path).held(), pytest.raises(UsageError, match="Another process is training"):
        train(tmp_path, steps=2, resume=True)
    assert train(tmp_path, steps=2, resume=True).name == "step_0000002.safetensors"


def test_a_folder_in_use_on_another_machine_is_refused_while_its_word_is_fresh(tmp_path):
    train(tmp_path, steps=1)
    (tmp_path / "state.json").write_text(json.dumps({**state_of(tmp_path), "status": "running", "host": "elsewhere"}))
    with pytest.raises(UsageError, match=r"Another process is training.*elsewhere"):
        train(tmp_path, steps=2, resume=True)
    os.utime(tmp_path / "state.json", (0, 0))
    assert train(tmp_path, steps=2, resume=True).name == "step_0000002.safetensors"


def test_a_device_that_is_not_there_is_the_reason_of_the_job_and_no_silence(tmp_path):
    with pytest.raises(UsageError, match="does not know the device 'gpu'"):
        train(tmp_path / "new", steps=1, device="gpu")
    assert state_of(tmp_path / "new")["status"] == "failed"
    assert "does not know the device 'gpu'" in state_of(tmp_path / "new")["reason"]
    train(tmp_path / "old", steps=1)
    with pytest.raises(UsageError):
        train(tmp_path / "old", steps=1, device="gpu")
    assert state_of(tmp_path / "old")["status"] == "finished"
    with pytest.raises(UsageError):
        train(tmp_path / "old", steps=2, device="gpu", resume=True)
    assert (state_of(tmp_path / "old")["status"], state_of(tmp_path / "old")["step"]) == ("failed", 1)


def test_a_damaged_job_json_is_said(tmp_path):
    train(tmp_path, steps=1)
    (tmp_path / "job.json").write_text("{")
    with pytest.raises(InputError, match=r"job\.json is damaged"):
        train(tmp_path, steps=2, resume=True)
    assert (tmp_path / "checkpoints" / "step_0000001.safetensors").exists()


def test_minutes_of_all_sessions_count(tmp_path):
    first = train(tmp_path, steps=None, minutes=0.005)
    seconds = state_of(tmp_path)["seconds"]
    assert seconds >= 0.3
    again = train(tmp_path, steps=None, minutes=0.005, resume=True)
    assert again == first
    assert state_of(tmp_path)["step"] > 0
    assert state_of(tmp_path)["seconds"] == seconds


def test_checkpoints_come_by_the_clock(tmp_path):
    train(tmp_path, checkpoint_minutes=1e-9)
    assert [path.stem for path in checkpoints(tmp_path / "checkpoints")] == ["step_0000010", "step_0000009"]


def test_weights_can_be_handed_on(tmp_path):
    first = train(tmp_path / "first", steps=3)
    second = train(tmp_path / "second", steps=1, learning_rate=1e-12, ema=0.0, init_from=str(first))
    torch.testing.assert_close(load_ema_weights(second), load_ema_weights(first), atol=1e-6, rtol=0)
    package = tmp_path / "package"
    package.mkdir()
    halved = {name: tensor.half() for name, tensor in load_ema_weights(first).items()}
    save_file(halved, package / "weights.safetensors")
    third = train(tmp_path / "third", steps=1, learning_rate=1e-12, ema=0.0, init_from=str(package))
    torch.testing.assert_close(load_ema_weights(third), load_ema_weights(first), atol=1e-3, rtol=0)


def test_weights_of_another_network_are_refused(tmp_path):
    first = train(tmp_path / "first", steps=1)
    with pytest.raises(ModelError, match="do not fit"):
        train(tmp_path / "second", network_overrides={"classes": 4}, init_from=str(first))
    with pytest.raises(ModelError, match="cannot be read"):
        train(tmp_path / "third", init_from=str(tmp_path / "none"))


def test_a_frozen_encoder_stays_as_it_is(tmp_path):
    torch.manual_seed(0)
    fresh = TinyNetwork().state_dict()
    trained = load_file(train(tmp_path, steps=3, freeze="encoder"))
    for name, tensor in fresh.items():
        assert torch.equal(trained[f"model.network.{name}"], tensor) == name.startswith("encoder."), name


def test_norms_biases_and_gates_do_not_decay():
    network = TinyNetwork()
    network.gates = torch.nn.Linear(4, 4)
    decayed, spared = parameter_groups(network, 0.01)
    names = {parameter: name for name, parameter in network.named_parameters()}
    assert {names[parameter] for parameter in decayed["params"]} == {
        "encoder.0.weight", "down.0.weight", "heads.0.weight", "heads.1.weight"}
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.01, 0.0)
    assert len(names) == len(decayed["params"]) + len(spared["params"])


def test_bf16_only_where_it_is_fast_and_never_fp16(monkeypatch):
    for is_fast, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr("HeartSegTrainingLib.engine.precision.has_fast_bfloat16", lambda _, fast=is_fast: fast)
        with autocast(torch.device("cpu"), "auto"):
            assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == expected
    monkeypatch.undo()
    flags = Path("/proc/cpuinfo")
    if flags.exists() and "avx512_bf16" in flags.read_text():
        assert has_fast_bfloat16(torch.device("cpu"))
