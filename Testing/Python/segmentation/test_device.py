from __future__ import annotations

import pytest
import torch

from HeartSeg3DLib.errors import DeviceError
from HeartSeg3DLib.segmentation import device
from HeartSeg3DLib.segmentation.device import autocast_dtype, choose_device, is_out_of_memory


def test_the_cpu_can_always_be_chosen() -> None:
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["tpu", "", "cuda:x", "meta", "cpu and gpu"])
def test_an_unknown_name_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(DeviceError, match="auto, cpu, cuda"):
        choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this computer has a CUDA device")
def test_a_missing_device_is_a_device_error() -> None:
    with pytest.raises(DeviceError, match="not available"):
        choose_device("cuda")
    with pytest.raises(DeviceError, match="number 5"):
        choose_device("cuda:5")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this computer has a CUDA device")
def test_a_device_that_is_reported_but_cannot_compute_is_left_for_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device, "_present", lambda asked: asked.type in ("cpu", "cuda"))
    with pytest.warns(RuntimeWarning, match="using the CPU"):
        assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(DeviceError, match="is there but fails"):
        choose_device("cuda")


def test_half_precision_is_bfloat16_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_cpu_computes_bfloat16", lambda: False)
    assert autocast_dtype(torch.device("cpu")) is None
    monkeypatch.setattr(device, "_cpu_computes_bfloat16", lambda: True)
    assert autocast_dtype(torch.device("cpu")) is torch.bfloat16
    assert autocast_dtype(torch.device("mps")) is None


def test_only_lack_of_memory_counts_as_such() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("CUDA error: out of memory"))
    assert not is_out_of_memory(RuntimeError("index out of range"))
    assert not is_out_of_memory(ValueError("not enough memory"))
