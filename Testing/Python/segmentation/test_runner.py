from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from doubles import ByIntensity
from HeartSeg3DLib.errors import DeviceError
from HeartSeg3DLib.segmentation.runner import Runner, tile_spans

CPU = torch.device("cpu")


class Hungry(ByIntensity):
    """Runs out of memory above a number of voxels, or on any device but the CPU."""

    def __init__(self, largest: int, error: BaseException) -> None:
        super().__init__([-1.0, 1.0])
        self.largest, self.error = largest, error
        self.tried: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.tried.append(x.numel())
        if x.numel() > self.largest or x.device.type != "cpu":
            raise self.error
        return super().forward(x)


def image(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0


@pytest.mark.parametrize("shape", [(40, 40, 40), (41, 16, 57), (96, 33, 20)])
def test_tiles_give_what_one_window_gives(shape: tuple[int, int, int]) -> None:
    runner = Runner(ByIntensity([-0.5, 0.0, 0.5]), CPU)
    whole, tiled = runner.predict(image(*shape), 200), runner.predict(image(*shape), 16)
    assert whole.shape == (3, *(-(-n // 2) for n in shape))
    assert torch.allclose(whole, tiled, atol=1e-5)
    assert torch.allclose(whole.exp().sum(0), torch.ones(()))


def test_tiles_cover_every_voxel_and_overlap_by_half() -> None:
    for length in range(10, 150, 7):
        spans = tile_spans(length * 2, 32, 2)
        assert spans[0][0] == 0
        assert spans[-1][1] == length * 2
        assert all(b[0] - a[0] <= 16 and b[0] % 2 == 0 for a, b in pairwise(spans))


def test_a_region_below_the_smallest_input_is_filled_up() -> None:
    network = ByIntensity([-0.5, 0.5])
    network.config.smallest_input = 16
    assert Runner(network, CPU).predict(image(5, 20, 9), 64).shape == (2, 3, 10, 5)
    assert network.seen[0].shape == (1, 1, 16, 20, 16)
    assert network.seen[0][0, 0, 5:].eq(-1.0).all()


@pytest.mark.parametrize("error", [
    MemoryError(),
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"),
    RuntimeError("DefaultCPUAllocator: not enough memory"),
])
def test_out_of_memory_steps_down_to_smaller_windows_and_says_so(error: BaseException) -> None:
    network = Hungry(32**3, error)
    runner = Runner(network, CPU)
    values = image(64, 64, 64)
    result = runner.predict(values, 64)
    assert torch.allclose(result, Runner(ByIntensity([-1.0, 1.0]), CPU).predict(values, 64), atol=1e-5)
    assert network.tried[:2] == [64**3, 48**3]
    assert "smaller windows" in " ".join(runner.warnings)
    runner.predict(values, 64)
    assert network.tried[-1] == 32**3, "the next image starts with what fits"


def test_a_large_window_that_does_not_fit_leaves_smaller_ones_alone() -> None:
    network = Hungry(64**3, MemoryError())
    runner = Runner(network, CPU)
    runner.predict(image(96, 96, 96), 96)
    network.tried.clear()
    for side in (64, 48):
        runner.predict(image(side, side, side), side)
    assert network.tried == [64**3, 48**3]


def test_a_device_out_of_memory_hands_over_to_the_cpu() -> None:
    # The meta device stands for a graphics card: it takes tensors and is not the CPU.
    network = Hungry(10**9, torch.cuda.OutOfMemoryError("out of memory"))
    network.to = lambda device: network  # type: ignore[method-assign, assignment]
    runner = Runner(network, torch.device("meta"))
    result = runner.predict(image(32, 32, 32), 32)
    assert result.device == CPU
    assert runner.device == CPU
    assert any("ran on the CPU" in text for text in runner.warnings)


def test_no_memory_anywhere_is_a_device_error() -> None:
    with pytest.raises(DeviceError, match="not enough memory") as error:
        Runner(Hungry(0, MemoryError()), CPU).predict(image(32, 32, 32), 32)
    assert error.value.exit_code == 5


def test_other_failures_are_not_mistaken_for_lack_of_memory() -> None:
    with pytest.raises(RuntimeError, match="sizes do not match"):
        Runner(Hungry(0, RuntimeError("sizes do not match")), CPU).predict(image(8, 8, 8), 32)
