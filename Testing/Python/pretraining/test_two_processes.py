"""Whatever mixes samples of the whole batch does so over all processes: two of them end where one does."""

import csv
import os
import socket

import pytest
import torch
import torch.multiprocessing

from blob_problem import BlobSource, small_config
from HeartSegTrainingLib.engine.checkpoint import read_newest
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.pretraining import PretrainTask

WORLD = 2


def config_of(mode: str, centring: str):
    return small_config(mode=mode, centring=centring, batch=4, part=2, steps=20, log_every=1, mask_probability=0.7,
                        collapse_grace=100, rank_every=1)


def one_of_two(rank: int, port: int, folder: str, mode: str, centring: str) -> None:
    os.environ.update(WORLD_SIZE=str(WORLD), RANK=str(rank), LOCAL_RANK=str(rank), MASTER_ADDR="127.0.0.1",
                      MASTER_PORT=str(port))
    torch.set_num_threads(1)
    train(mode, centring, folder)


def train(mode: str, centring: str, folder) -> None:
    config = config_of(mode, centring)
    Trainer(config, lambda device: PretrainTask(config, BlobSource(), device), folder).run()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def curve_of(folder) -> list[float]:
    with open(folder / "metrics.csv", encoding="utf-8", newline="") as lines:
        return [float(row["loss"]) for row in csv.DictReader(lines)]


@pytest.mark.parametrize(("mode", "centring"), [("paper", "batch"), ("dinov2", "sinkhorn")])
def test_two_processes_end_where_one_does(mode, centring, tmp_path):
    train(mode, centring, tmp_path / "one")
    torch.multiprocessing.spawn(one_of_two, (free_port(), str(tmp_path / "two"), mode, centring), nprocs=WORLD)
    (one, _), (two, _) = (read_newest(tmp_path / name / "checkpoints", print) for name in ("one", "two"))
    assert one.keys() == two.keys()
    assert {name.partition(".")[0] for name in one} == {"model", "teacher", "center", "monitor", "optimizer", "seen"}
    apart = {name: float((one[name].double() - two[name].double()).abs().max()) for name in one}
    assert max(apart.values()) < 1e-5, max(apart, key=apart.get)
    losses, others = (curve_of(tmp_path / name) for name in ("one", "two"))
    assert len(losses) == 20
    assert losses == pytest.approx(others, abs=1e-5)
    assert (one["center.global.value"] != 0).any() == (centring == "batch")
