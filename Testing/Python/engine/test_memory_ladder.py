"""A run that does not fit into memory gives up one thing after the other, says so, and remembers it."""

import json

import pytest
import torch

from ball_problem import TinyNetwork, make_ball_sampler, toy_config, train
from HeartSeg3DLib.errors import DeviceError, InputError
from HeartSegTrainingLib.engine.memory_ladder import MemoryRung, is_out_of_memory
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.finetuning import task_maker


class HungryNetwork(TinyNetwork):
    """Fits only a number of samples at a time, and only when it recomputes."""

    fits = 1

    def __init__(self, classes: int = 3) -> None:
        super().__init__(classes)
        self.recompute = False

    def forward_deep(self, images):
        if len(images) > self.fits or not self.recompute:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 PiB")
        return super().forward_deep(images)


def run(folder, fits: int, **changes):
    class Network(HungryNetwork):
        pass

    Network.fits = fits
    config = toy_config(batch=4, **changes)
    return Trainer(config, task_maker(config, make_ball_sampler, build=lambda _: Network()), folder).run()


def test_memory_is_saved_step_by_step_until_the_run_fits(tmp_path):
    assert run(tmp_path, fits=1, steps=3).name == "step_0000003.safetensors"
    log, state = (tmp_path / "log.txt").read_text(), json.loads((tmp_path / "state.json").read_text())
    for said in ("4 samples at a time", "2 samples at a time", "1 sample at a time"):
        assert f"Out of memory: from here activations are recomputed, {said}" in log
    assert state["memory"] == "activations are recomputed, 1 sample at a time"
    assert MemoryRung.of_run(tmp_path, 4) == MemoryRung(True, 1)


def test_a_run_that_never_fits_says_what_would_help(tmp_path):
    with pytest.raises(DeviceError, match="smaller window or network"):
        run(tmp_path, fits=0, steps=1)
    state = json.loads((tmp_path / "state.json").read_text())
    assert (state["status"], state["reason"]) == ("failed", "There was not enough memory.")


def test_the_next_session_begins_where_the_ladder_ended(tmp_path):
    MemoryRung(False, 1).save(tmp_path)
    train(tmp_path, batch=4, steps=3)
    assert json.loads((tmp_path / "state.json").read_text())["memory"] == "1 sample at a time"


def test_parts_stay_as_large_as_the_task_needs_them():
    assert MemoryRung(True, 8).next(smallest_part=2) == MemoryRung(True, 4)
    assert MemoryRung(True, 2).next(smallest_part=2) is None
    assert MemoryRung(True, 6).next() == MemoryRung(True, 3)


@pytest.mark.parametrize(("error", "expected"), [
    (torch.OutOfMemoryError("CUDA out of memory"), True),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"), True),
    (MemoryError(), True),
    (RuntimeError("shapes do not match"), False),
    (ValueError("out of memory"), False)])
def test_other_errors_are_no_lack_of_memory(error, expected):
    assert is_out_of_memory(error) is expected


@pytest.mark.parametrize("content", ["{", "[]", '{"recompute": true}'])
def test_a_damaged_note_about_memory_says_what_to_do(tmp_path, content):
    (tmp_path / "memory.json").write_text(content)
    with pytest.raises(InputError, match=r"memory\.json is damaged") as caught:
        MemoryRung.of_run(tmp_path, 4)
    assert "Delete it" in caught.value.remedy
