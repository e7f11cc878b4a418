"""On a processor bf16 is left alone where the coarsest map is so small that its gradients are wrong."""

from __future__ import annotations

import pytest
import torch

from heart_jobs import NETWORK
from HeartSeg3DLib.errors import UsageError
from HeartSeg3DLib.networks import build_network
from HeartSegTrainingLib.engine.precision import auto_precision, autocast
from HeartSegTrainingLib.finetuning import FinetuneConfig, FinetuneTask

CPU = torch.device("cpu")


def a_task(window: int, precision: str) -> FinetuneTask:
    """A task whose coarsest map has a quarter of the window's voxels along each side."""
    config = FinetuneConfig(network="nano", network_overrides=NETWORK, window=window, batch=1, steps=1,
                            precision=precision)
    return FinetuneTask(config, build_network("nano", **NETWORK), lambda: None, CPU)


def computed_in(task: FinetuneTask) -> torch.dtype:
    """In what the first convolution answers, within the engine's autocast."""
    shape, seen = (task.config.window,) * 3, []
    first = next(module for module in task.module.network.modules() if isinstance(module, torch.nn.Conv3d))
    first.register_forward_hook(lambda module, given, answer: seen.append(answer.dtype))
    with autocast(CPU, task.config.precision):
        task.module(torch.randn(1, 1, *shape), torch.zeros((1, *shape), dtype=torch.uint8))
    return seen[0]


@pytest.mark.parametrize(("window", "wanted"), [(8, torch.float32), (9, torch.bfloat16), (12, torch.bfloat16)])
def test_auto_avoids_bf16_on_maps_of_two_voxels(monkeypatch, window: int, wanted: torch.dtype) -> None:
    monkeypatch.setattr("HeartSegTrainingLib.engine.precision.has_fast_bfloat16", lambda device: True)
    assert computed_in(a_task(window, "auto")) == wanted


def test_bf16_is_refused_there_and_taken_elsewhere() -> None:
    with pytest.raises(UsageError, match="coarsest map has 2 voxels along each side"):
        a_task(8, "bf16")
    assert computed_in(a_task(12, "bf16")) == torch.bfloat16
    assert auto_precision("bf16", torch.device("cuda"), 2) == "bf16", "graphics cards compute it right"
    assert auto_precision("fp32", CPU, 1) == "fp32"
