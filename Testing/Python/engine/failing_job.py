"""The toy problem on several processes, one of which fails: failing_job.py FOLDER HOW [RANK]"""

import os
import sys
from pathlib import Path

import torch

from ball_problem import build_tiny, make_ball_sampler, toy_config
from HeartSeg3DLib.errors import InputError, ModelError
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.finetuning import FinetuneTask

CONFIG = {"batch": 4, "part": 1, "steps": 20, "log_every": 10}


class FailingTask(FinetuneTask):
    """Fails on one process after a step, in one way."""

    how, rank = "", "1"

    def after_step(self, step, progress, *, taken):
        if step == 3 and os.environ["RANK"] == self.rank:
            fail(self.how)
        return super().after_step(step, progress, taken=taken)


def fail(how: str) -> None:
    if how == "data":
        raise InputError("The scan 7 cannot be read.", "Copy it again.")
    if how == "collapse":
        raise ModelError("The teacher gives one answer to all.", "Lower the learning rate.")
    if how == "memory":
        raise torch.OutOfMemoryError("CUDA out of memory.")
    if how == "killed":
        os._exit(9)
    raise ValueError("a mistake of the program")


def run(folder: str, how: str, rank: str = "1") -> None:
    FailingTask.how, FailingTask.rank = how, rank
    config = toy_config(**CONFIG)

    def make(device: torch.device) -> FailingTask:
        if how == "preparing" and os.environ["RANK"] == rank:
            fail("data")
        return FailingTask(config, build_tiny(config), make_ball_sampler, device)

    Trainer(config, make, Path(folder)).run()


def one_of_two(rank: int, port: int, folder: str, how: str, failing: str) -> None:
    """As a cluster starts it: without torchrun, the first process keeps the store. Writes what ended this process."""
    os.environ.update(WORLD_SIZE="2", RANK=str(rank), LOCAL_RANK=str(rank), MASTER_ADDR="127.0.0.1",
                      MASTER_PORT=str(port))
    torch.set_num_threads(1)
    try:
        run(folder, how, failing)
    except Exception as error:
        Path(f"{folder}.{rank}").write_text(f"{type(error).__name__}: {error}", "utf-8")


if __name__ == "__main__":
    run(*sys.argv[1:])
