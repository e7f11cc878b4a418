"""What pretraining exports is what fine-tuning takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from blob_problem import SMALL, BlobSource, small_config
from HeartSeg3DLib.errors import ModelError
from HeartSeg3DLib.networks import build_network
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.finetuning.encoder_transfer import read_encoder, transfer_encoder
from HeartSegTrainingLib.pretraining import PretrainTask, export_encoder


def test_an_encoder_that_was_pretrained_here_comes_over_whole(tmp_path: Path) -> None:
    config = small_config(steps=2)
    checkpoint = Trainer(config, lambda device: PretrainTask(config, BlobSource(), device), tmp_path / "job").run()
    network = build_network("nano", **SMALL, classes=4)
    report = transfer_encoder(network, read_encoder(export_encoder(tmp_path / "job", tmp_path / "encoder")))
    teacher = load_file(checkpoint)
    assert report.loaded == report.expected > 10
    assert all(torch.equal(tensor, teacher[f"teacher.encoder.{name}"])
               for name, tensor in network.encoder.state_dict().items())
    with pytest.raises(ModelError, match="no averaged weights of an encoder"):
        read_encoder(checkpoint)  # of student and teacher the export chooses
